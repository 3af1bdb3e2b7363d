//! What a verification stands on: where a partition stands at one moment, and its offset map as it walks along the log.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{
    History, OffsetsMode, PartitionState, Run, SourceOffset, TargetOffset, TopicId, TopicName,
    TopicPartition, Totals,
};
use crate::offsets::Lookup;

use super::link::LinkView;

/// Where a partition stands.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    pub(crate) mirror_topic: TopicName,
    pub(crate) offsets: OffsetsMode,
    pub(crate) state: PartitionState,
    /// Records before it were never wanted.
    pub(crate) origin: SourceOffset,
    /// Everything before it is on the target, and its place there known.
    pub(crate) until: SourceOffset,
    /// The target offset behind the map.
    pub(crate) end: TargetOffset,
    /// Behind what the target acknowledged, also where the map's last run isn't proven.
    pub(crate) acknowledged: TargetOffset,
    pub(crate) history: History,
    pub(crate) decisions: Decisions,
}

/// What the offset map depends on beside what is mirrored: as long as it is the same, no offset got another image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    pub(crate) source_topic_id: TopicId,
    pub(crate) target_topic_id: TopicId,
    incarnation: u16,
    map_since_ms: i64,
    totals: Totals,
}

impl LinkView {
    /// Where a partition stands; none if it isn't mirrored, or not yet.
    pub(crate) fn ground(&self, partition: &TopicPartition) -> Option<Ground> {
        let tracked = self.tracked(partition)?;
        let known = tracked.lock();
        let record = &known.record;
        let state = known.figures.state;
        // Until the target's end was proven the last run may be longer than is known.
        let is_proven = matches!(
            state,
            PartitionState::Live | PartitionState::CatchingUp | PartitionState::Filling
        );
        let mapped = known.map.source_end();
        known.begun.then(|| Ground {
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

    /// The runs of one block of the map, the first that reaches behind a target offset. Errors are those of the store.
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

    /// Where a source offset lies in the map. Errors are those of the store.
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

    /// The source offset at which the records from a target offset on begin. Errors are those of the store.
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
