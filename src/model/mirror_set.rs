//! The partitions a link mirrors: what discovery tells the workers.

use std::collections::BTreeMap;

use super::{Partition, Reason, TopicId, TopicName};

/// Everything a link mirrors, replaced as a whole after each look at the clusters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirrorSet {
    /// Whether both clusters were seen since the start; before that the set is what the checkpoint DB remembers.
    pub confirmed: bool,
    /// The mirrored topics by their source names.
    pub topics: BTreeMap<TopicName, MirroredTopic>,
}

/// One mirrored topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredTopic {
    /// The source topic's id; a later change is a conflict, not a new id here.
    pub source_id: TopicId,
    /// The mirror topic's name on the target.
    pub target_name: TopicName,
    /// The mirror topic's id; none while it doesn't exist.
    pub target_id: TopicId,
    /// How many partitions exist on both sides, counted from partition 0.
    pub partitions: i32,
    /// How many of them the link's very first look found: `start` applies to these unless their position is stored already,
    /// all others begin at the earliest record (H10).
    pub initial_partitions: i32,
    /// The mirror topic's id if it was created anew: what is known of partitions of another one is to be given up.
    pub reseeded: Option<TopicId>,
    /// For how long the source keeps tombstones, in milliseconds, if it is compacted, and as far as that was seen.
    pub keeps_tombstones_ms: Option<i64>,
    /// Why the topic's partitions have to stand still, if they do.
    pub conflict: Option<Reason>,
}

impl MirroredTopic {
    /// Whether the link's `start` setting applies to a partition.
    pub fn is_initial(&self, partition: Partition) -> bool {
        partition.0 < self.initial_partitions
    }
}

/// What is remembered of a mirrored topic from earlier looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownTopic {
    /// The source topic's id when it was first mirrored.
    pub source_id: TopicId,
    /// The mirror topic's name.
    pub target_name: TopicName,
    /// The mirror topic's id when it was first seen or created.
    pub target_id: TopicId,
    /// Whether this link created the mirror topic.
    pub created: bool,
    /// How many partitions are mirrored already.
    pub partitions: i32,
    /// How many partitions the link's very first look found.
    pub initial_partitions: i32,
    /// The mirror topic's id if it was created anew.
    pub reseeded: Option<TopicId>,
}

impl MirrorSet {
    /// The set as the checkpoint DB remembers it, for a start at which a cluster can't be reached.
    pub fn remembered(known: &BTreeMap<TopicName, KnownTopic>) -> Self {
        let topics = known
            .iter()
            .map(|(name, known)| (name.clone(), known.mirrored(None)))
            .collect();
        Self {
            confirmed: false,
            topics,
        }
    }
}

impl KnownTopic {
    /// The topic as mirrored before, with a conflict if it has one now.
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

    /// Whether both say the same about what doesn't change by mirroring.
    pub fn is_same_topic(&self, other: &Self) -> bool {
        let identity = |topic: &Self| (topic.source_id, topic.target_id, topic.target_name.clone());
        identity(self) == identity(other)
    }
}
