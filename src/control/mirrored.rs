//! What group sync and moves need to know about the mirrored partitions of a link.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{
    LinkIntents, PartitionState, Reason, SourceOffset, TargetOffset, TopicName, TopicPartition,
    Translation, Untranslatable,
};

/// The mirrored partitions of one link, as its workers know them.
///
/// Answers come from memory and the checkpoint DB, and so are available while a cluster is unreachable.
pub trait Mirrored: Send + Sync + Debug {
    /// Every partition that the link selects, in the order of the source names.
    fn partitions(&self) -> Vec<MirroredPartition>;
    /// The name that the mirror of the source topic `topic` has on the target, or would have, if the link selects it.
    fn mirror_topic(&self, topic: &TopicName) -> Option<TopicName>;
    /// The target offset at which a consumer resumes that would read `offset` next on the source.
    fn lookup(
        &self,
        partition: &TopicPartition,
        offset: SourceOffset,
    ) -> Result<Translation, Untranslatable>;
    /// The intents of the link and its topics. A new `Arc` only after a change.
    fn intents(&self) -> Arc<LinkIntents>;
    /// Makes the frontiers durable; must complete before anything that depends on them is committed (H9).
    fn persist_frontiers(&self) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;
}

/// One partition that the link selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredPartition {
    /// The partition, by its source name.
    pub partition: TopicPartition,
    /// Whether its mirror partition exists, as far as is known.
    pub has_mirror: bool,
    pub state: PartitionState,
    /// Why the partition has stopped, if it has.
    pub reason: Option<Reason>,
    /// The first source offset not yet mirrored; everything before it is. `None` while it is being determined.
    pub frontier: Option<SourceOffset>,
    /// The source's high watermark, as last seen.
    pub source_high_watermark: SourceOffset,
    /// The time from which on records that the source acknowledged may be missing on the target, in milliseconds since 1970:
    /// when the source was last heard, if nothing was missing then. `None` if it isn't known.
    pub at_risk_since_ms: Option<i64>,
    /// The mirror partition's log start offset, as last seen.
    pub target_log_start: TargetOffset,
    /// The mirror partition's log end offset, as last seen.
    pub target_end: TargetOffset,
    pub target_log: TargetLog,
    /// When the present source topic was first seen, in milliseconds since 1970: offsets committed earlier belong to a
    /// former one.
    pub map_since_ms: i64,
}

impl MirroredPartition {
    /// Whether its frontier advances without an operator, or will soon.
    pub fn advances(&self) -> bool {
        match self.state {
            PartitionState::Preparing
            | PartitionState::Filling
            | PartitionState::CatchingUp
            | PartitionState::Live
            | PartitionState::Retrying => self.has_mirror,
            PartitionState::Paused
            | PartitionState::Halted
            | PartitionState::Diverged
            | PartitionState::Sealed
            | PartitionState::Open => false,
        }
    }

    /// The state, or `diverged` if the partition had stopped for that reason before it was paused or sealed.
    pub fn doubted_state(&self) -> PartitionState {
        let held = matches!(self.state, PartitionState::Paused | PartitionState::Sealed);
        let reason = self.reason.as_ref().map(|reason| reason.code.state());
        match reason {
            Some(PartitionState::Diverged) if held => PartitionState::Diverged,
            Some(_) | None => self.state,
        }
    }
}

/// What is known of a mirror partition's log, and so whether an offset there still means what it meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetLog {
    /// This process hasn't read the log yet.
    Unread,
    /// The log holds everything that was acknowledged, except what retention removed.
    Whole,
    /// The log lost what was acknowledged from this offset on (H13): nothing is there, or something else.
    CutAt(TargetOffset),
    /// The log belongs to another topic of the same name, or is gone.
    Another,
}
