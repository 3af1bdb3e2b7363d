//! The partitions a link mirrors: what discovery tells the worker.

use std::collections::BTreeMap;

use crate::model::{Partition, Reason, TopicId, TopicName};

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
    /// The mirror topic's id.
    pub target_id: TopicId,
    /// How many partitions exist on both sides, counted from partition 0.
    pub partitions: i32,
    /// How many of them the link's very first look found: `start` applies to these, all others begin at the earliest record (H10).
    pub initial_partitions: i32,
    /// Why the topic's partitions have to stand still, if they do.
    pub conflict: Option<Reason>,
}

impl MirroredTopic {
    /// Whether the link's `start` setting applies to a partition.
    pub fn is_initial(&self, partition: Partition) -> bool {
        partition.0 < self.initial_partitions
    }
}
