//! The basis of a verification or a count: a partition's position at one moment, and its offset map along the log.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{
    HaltCode, History, OffsetsMode, PartitionState, Run, SourceOffset, TargetOffset, TopicId,
    TopicName, TopicPartition, Totals,
};
use crate::offsets::Lookup;

use super::inventory::Mapped;
use super::link::LinkView;

/// The position of a partition at one moment.
#[derive(Debug, Clone)]
pub(crate) struct VerificationSnapshot {
    pub(crate) mirror_topic: TopicName,
    pub(crate) offsets: OffsetsMode,
    pub(crate) state: PartitionState,
    /// The start of the mirror: earlier records are left out on purpose.
    pub(crate) origin: SourceOffset,
    /// Everything before it is on the target, at a known place.
    pub(crate) until: SourceOffset,
    /// The target offset after the map.
    pub(crate) end: TargetOffset,
    /// The end of what the target acknowledged, even if the map's last run isn't proven.
    pub(crate) acknowledged: TargetOffset,
    pub(crate) history: History,
    pub(crate) decisions: Decisions,
}

/// The decisions the offset map depends on: while they are equal, no offset got another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    pub(crate) source_topic_id: TopicId,
    pub(crate) target_topic_id: TopicId,
    incarnation: u16,
    map_since_ms: i64,
    totals: Totals,
}

impl LinkView {
    /// Returns what is known of what a mirror partition holds; `None` if it isn't mirrored.
    pub(crate) fn mapped(&self, partition: &TopicPartition) -> Option<Mapped> {
        let tracked = self.tracked(partition)?;
        let known = tracked.lock();
        Some(Mapped::of(&known))
    }

    /// Whether a partition of a topic has halted because its mirror topic is gone.
    pub(crate) fn misses_mirror(&self, topic: &TopicName) -> bool {
        let statuses = self.topic(topic).unwrap_or_default().into_iter();
        let mut reasons = statuses.filter_map(|it| it.reason);
        reasons.any(|reason| reason.code == HaltCode::TargetTopicMissing)
    }

    /// Returns the position of a partition; `None` if it isn't mirrored, or not yet.
    pub(crate) fn snapshot(&self, partition: &TopicPartition) -> Option<VerificationSnapshot> {
        let tracked = self.tracked(partition)?;
        let known = tracked.lock();
        let record = &known.record;
        let state = known.figures.state;
        // Until the target's end is proven, the last run may be longer than is known.
        let is_proven = matches!(
            state,
            PartitionState::Live | PartitionState::CatchingUp | PartitionState::Filling
        );
        let mapped = known.map.source_end();
        known.begun.then(|| VerificationSnapshot {
            mirror_topic: tracked.mirror_topic.clone(),
            offsets: record.offsets,
            state,
            origin: record.origin,
            until: if is_proven {
                record.frontier
            } else {
                record.frontier.min(mapped)
            },
            end: known.map.target_end(),
            acknowledged: known.map.target_end().max(record.acked_end),
            history: record.history.clone(),
            decisions: Decisions {
                source_topic_id: record.source_topic_id,
                target_topic_id: record.target_topic_id,
                incarnation: record.incarnation,
                map_since_ms: record.history.map_since_ms,
                totals: record.history.totals,
            },
        })
    }

    /// Returns the runs of the first block of the map that reaches beyond a target offset. Errors: the checkpoint DB.
    pub(crate) fn runs_behind(
        &self,
        partition: &TopicPartition,
        at: TargetOffset,
    ) -> Result<Vec<Run>> {
        let Some(tracked) = self.tracked(partition) else {
            return Ok(Vec::new());
        };
        let known = tracked.lock();
        known.map.runs_behind(at, &tracked.runs())
    }

    /// Returns where a source offset lies in the map. Errors: the checkpoint DB.
    pub(crate) fn image(
        &self,
        partition: &TopicPartition,
        at: SourceOffset,
    ) -> Result<Option<Lookup<TargetOffset>>> {
        let Some(tracked) = self.tracked(partition) else {
            return Ok(None);
        };
        let known = tracked.lock();
        known.map.to_target(at, &tracked.runs()).map(Some)
    }

    /// Returns the source offset of the first record at or after a target offset. Errors: the checkpoint DB.
    pub(crate) fn origin_of(
        &self,
        partition: &TopicPartition,
        at: TargetOffset,
    ) -> Result<SourceOffset> {
        let Some(tracked) = self.tracked(partition) else {
            return Ok(SourceOffset::ZERO);
        };
        let known = tracked.lock();
        let found = known.map.to_source(at, &tracked.runs())?;
        Ok(found.or_next())
    }
}
