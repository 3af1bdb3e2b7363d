//! Both sides of a partition as one resync sees them.

use crate::config::Start;
use crate::error::Result;
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::client::{Cluster, Leader};
use crate::model::{Run, SourceOffset, TargetOffset};
use crate::offsets::Lookup;

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
        let at = match input.start {
            None => {
                let explained = self.side.explanations.first().map(|it| it.position);
                let explained = explained.unwrap_or(SourceOffset::ZERO);
                return Ok(input.record.frontier.max(explained));
            }
            Some(Start::Earliest) => return Ok(self.log_start),
            Some(Start::Latest) => OffsetSpec::LastStable,
            Some(Start::At(timestamp)) => OffsetSpec::Timestamp(timestamp),
        };
        let found = self.listed(at).await?;
        // No record has that timestamp or a later one yet: start with the records to come.
        let found = if found < 0 {
            self.listed(OffsetSpec::LastStable).await?
        } else {
            found
        };
        Ok(SourceOffset(found))
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
