//! What group sync and moves need to know about the mirrored partitions of a link.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{
    LinkIntents, PartitionState, Reason, SourceOffset, TargetOffset, TopicName, TopicPartition,
};

/// The mirrored partitions of one link, as its workers know them.
///
/// Answers come from memory and the checkpoint DB, also while a cluster is gone.
pub trait Mirrored: Send + Sync + Debug {
    /// Every mirrored partition by its source name, in order.
    fn partitions(&self) -> Vec<MirroredPartition>;
    /// What a topic of the source is called on the target, if it is mirrored.
    fn mirror_topic(&self, topic: &TopicName) -> Option<TopicName>;
    /// Where a committed source offset is on the target.
    fn lookup(&self, partition: &TopicPartition, offset: SourceOffset) -> Lookup;
    /// The intents of the link and its topics; a new value only after a change.
    fn intents(&self) -> Arc<LinkIntents>;
    /// Makes the frontiers durable: to be awaited before anything is committed that depends on them (H9).
    fn persist_frontiers(&self) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

/// One mirrored partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredPartition {
    /// Its name on the source.
    pub partition: TopicPartition,
    /// Its state.
    pub state: PartitionState,
    /// Why it stands still, if it does.
    pub reason: Option<Reason>,
    /// The next source offset before which nothing is missing; none while it is worked out.
    pub frontier: Option<SourceOffset>,
    /// The source's last stable offset as last seen.
    pub source_end: SourceOffset,
    /// The mirror partition's log start as last seen.
    pub target_log_start: TargetOffset,
    /// The end of the mirror partition as last seen.
    pub target_end: TargetOffset,
    /// What is known of the mirror partition's log.
    pub target_log: TargetLog,
    /// Since when its source topic is the one it is, in milliseconds since 1970: offsets committed before belong to another.
    pub map_since_ms: i64,
}

impl MirroredPartition {
    /// The state, or `diverged` where that is why it stood still before it was paused or sealed.
    pub fn doubted_state(&self) -> PartitionState {
        let held = matches!(self.state, PartitionState::Paused | PartitionState::Sealed);
        let reason = self.reason.as_ref().map(|reason| reason.code.state());
        match reason {
            Some(PartitionState::Diverged) if held => PartitionState::Diverged,
            Some(_) | None => self.state,
        }
    }
}

/// What is known of a mirror partition's log: whether an offset there still means what it meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetLog {
    /// This process hasn't read it yet.
    Unread,
    /// It holds everything that was acknowledged, as far as retention left it.
    Whole,
    /// It lost what was acknowledged from this offset on (H13): nothing is there, or something else.
    CutAt(TargetOffset),
    /// It belongs to another topic of the name, or is gone.
    Another,
}

/// Where a source offset is on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Here: a consumer going on there skips and repeats nothing.
    Mapped(TargetOffset),
    /// About here, and why it is not exact.
    Near(TargetOffset, String),
    /// Not mirrored yet: everything before `frontier` is, and ends at `target_end`.
    Beyond {
        /// The first source offset that isn't mirrored.
        frontier: SourceOffset,
        /// The end of the mirror partition.
        target_end: TargetOffset,
    },
    /// Before the first offset the map knows: not mirrored, or no longer kept.
    Before {
        /// The first source offset of the map.
        first_source: SourceOffset,
        /// Where that one is.
        first_target: TargetOffset,
    },
    /// The partition is not mirrored.
    NotMirrored,
    /// It can't be said now, and why.
    NotReady(String),
}
