//! Both sides of a partition as one resync sees them.

use crate::error::Result;
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::client::{Cluster, Leader};
use crate::model::{Run, SourceOffset, TargetOffset};
use crate::offsets::Lookup;
use crate::replicate::partition::phase::StartPosition;

use super::input::{ResyncInput, TargetSide};

/// Both sides of a partition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartitionSides<'a> {
    pub(crate) source: &'a Cluster,
    pub(crate) target: &'a Cluster,
    /// The input of the resync.
    pub(crate) input: &'a ResyncInput,
    /// The findings from the target alone.
    pub(crate) side: &'a TargetSide,
    /// The leader of the source partition.
    pub(crate) leader: &'a Leader,
    /// The source's log start offset.
    pub(crate) log_start: SourceOffset,
}

impl PartitionSides<'_> {
    /// Returns where to resume if the mirror partition holds nothing: after what was mirrored, or at the link's start.
    pub(crate) async fn position_of_empty(&self) -> Result<SourceOffset> {
        let input = self.input;
        let times = match input.start {
            None => {
                let explained = self.side.explanations.first().map(|it| it.position);
                let explained = explained.unwrap_or(SourceOffset::ZERO);
                return Ok(input.record.frontier.max(explained));
            }
            Some(StartPosition::Earliest) => return Ok(self.log_start),
            Some(StartPosition::Resolved(offset)) => return Ok(offset),
            Some(StartPosition::Unresolved {
                time_ms,
                looked_at_ms,
            }) => (time_ms, looked_at_ms),
        };
        // First, because records may be written between the requests.
        let next = self.listed(OffsetSpec::LastStable).await?;
        let start = self.first_since(times.0).await?.unwrap_or(next);
        let looked_at = self.first_since(times.1).await?;
        Ok(SourceOffset(looked_at.map_or(start, |it| it.min(start))))
    }

    /// Returns the offset of the first record with this time or a later one, if there is any.
    async fn first_since(&self, time_ms: Option<i64>) -> Result<Option<i64>> {
        let Some(time_ms) = time_ms else {
            return Ok(None);
        };
        let found = self.listed(OffsetSpec::Timestamp(time_ms)).await?;
        Ok((found >= 0).then_some(found))
    }

    /// Returns the source's log end offset.
    pub(crate) async fn source_end(&self) -> Result<SourceOffset> {
        self.listed(OffsetSpec::TrueEnd).await.map(SourceOffset)
    }

    async fn listed(&self, at: OffsetSpec) -> Result<i64> {
        let partition = &self.input.source;
        let listed = admin::list_offset(self.source, partition, self.leader.epoch, at).await?;
        Ok(listed.offset)
    }

    /// Returns the map's last run, extended to the last record as long as no later run is known.
    pub(crate) fn open_run(&self) -> Option<Run> {
        let end = self.side.tail.data_end;
        self.input.last_run.map(|run| Run {
            length: run.length.max(end.since(run.target)),
            ..run
        })
    }

    /// Returns the source offset of a target offset, as far as the map or the most likely explanation covers it.
    pub(crate) fn image(&self, target: TargetOffset) -> Result<Option<SourceOffset>> {
        let input = self.input;
        let explained = self.side.explanations.first();
        let explained = explained.and_then(|it| it.source_of(self.open_run(), target));
        if explained.is_some() {
            return Ok(explained);
        }
        let known = input.tracked.lock();
        let found = known.map.to_source(target, &input.tracked.runs())?;
        Ok(match found {
            Lookup::Exact(source) => Some(source),
            Lookup::InGap { .. } | Lookup::BeforeMap { .. } | Lookup::BeyondMap { .. } => None,
        })
    }
}
