//! The partitions a link mirrors, as discovery hands them to the workers.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Partition, Reason, TopicId, TopicName};

/// Everything a link mirrors, replaced as a whole each time discovery has looked at the clusters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorSet {
    /// Whether both clusters have been seen since startup; until then the set comes from the checkpoint DB.
    pub confirmed: bool,
    /// The mirrored topics by source name.
    pub topics: BTreeMap<TopicName, MirroredTopic>,
    /// The partitions of selected topics that have no mirror partition, by source name.
    pub unmirrored: BTreeMap<TopicName, Unmirrored>,
}

/// The partitions of a source topic that have no mirror partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmirrored {
    /// The name that the mirror topic has or would have on the target.
    pub mirror_topic: TopicName,
    pub partitions: Range<i32>,
    /// The number of partitions to which the link's `start` applies; all others will begin at the earliest record.
    pub initial_partitions: i32,
    pub obstacle: Obstacle,
}

/// Why a mirror topic or partition doesn't exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// The target refuses it, until an operator changes something.
    Refused(Reason),
    /// It is created as soon as possible; the text tells what that waits for.
    Awaited(String),
    /// The topic's intent forbids creating it.
    Held,
    /// There is nothing to mirror: the source says that it has no such topic, which the link names; the text tells what to
    /// do about it.
    Absent(String),
}

/// A mirrored topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredTopic {
    /// The source topic's id. A later change is a conflict, not a new id here.
    pub source_id: TopicId,
    /// The mirror topic's name on the target.
    pub target_name: TopicName,
    /// The mirror topic's id; [`TopicId::NONE`] while it doesn't exist.
    pub target_id: TopicId,
    /// The number of partitions that exist on both sides, counted from partition 0.
    pub partitions: i32,
    /// The number of partitions that the link's first discovery found. `start` applies to these unless their position is
    /// already stored; all others begin at the earliest record (H10).
    pub initial_partitions: i32,
    /// The mirror topic's id if it was reseeded: state of partitions of a topic with another id must be discarded.
    pub reseeded: Option<TopicId>,
    /// How long the source keeps tombstones, in milliseconds; `None` if it isn't compacted or the setting hasn't been read
    /// yet.
    pub keeps_tombstones_ms: Option<i64>,
    /// Why the topic's partitions must stop, if they must.
    pub conflict: Option<Reason>,
}

impl MirroredTopic {
    /// Whether the link's `start` setting applies to `partition`.
    pub fn is_initial(&self, partition: Partition) -> bool {
        partition.0 < self.initial_partitions
    }
}

/// A mirrored topic as stored by earlier discoveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTopic {
    /// The source topic's id when it was first mirrored.
    pub source_id: TopicId,
    pub target_name: TopicName,
    /// The mirror topic's id when it was first seen or created.
    pub target_id: TopicId,
    /// Whether this link created the mirror topic.
    pub created: bool,
    /// The number of partitions already mirrored.
    pub partitions: i32,
    /// The number of partitions that the link's first discovery found.
    pub initial_partitions: i32,
    /// The mirror topic's id if it was reseeded.
    pub reseeded: Option<TopicId>,
}

impl MirrorSet {
    /// The set as stored in the checkpoint DB, for startup while a cluster is unreachable.
    pub fn remembered(known: &BTreeMap<TopicName, KnownTopic>) -> Self {
        let topics = known
            .iter()
            .map(|(name, known)| (name.clone(), known.mirrored(None)))
            .collect();
        Self {
            confirmed: false,
            topics,
            unmirrored: BTreeMap::new(),
        }
    }
}

impl KnownTopic {
    /// The topic as mirrored before, with `conflict` if there is one now.
    pub fn mirrored(&self, conflict: Option<Reason>) -> MirroredTopic {
        MirroredTopic {
            source_id: self.source_id,
            target_name: self.target_name.clone(),
            target_id: self.target_id,
            partitions: self.partitions,
            initial_partitions: self.initial_partitions,
            reseeded: self.reseeded,
            keeps_tombstones_ms: None,
            conflict,
        }
    }

    /// Whether both agree on everything that mirroring doesn't change.
    pub fn is_same_topic(&self, other: &Self) -> bool {
        let identity = |topic: &Self| (topic.source_id, topic.target_id, topic.target_name.clone());
        identity(self) == identity(other)
    }
}
