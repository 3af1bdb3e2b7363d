//! Follows the log starts of the mirror partitions: retention on the target advances them even while nothing is mirrored,
//! and may remove records that the source still has.

use crate::error::Result;
use crate::kafka::admin::{self, ListedOffsets, OffsetSpec};
use crate::model::{LeaderEpoch, SourceOffset};
use crate::replicate::shared::partition::TrackedPartition;

use super::event::Event;
use super::state::Worker;

impl Worker {
    /// Requests the log starts of all flowing partitions from the target, unless a request is already in flight.
    pub(crate) fn ask_log_starts(&mut self) {
        let flowing = self.mirrors.iter().filter(|it| it.life.lanes().is_some());
        let partitions: Vec<_> = flowing
            .map(|it| (it.route.target.clone(), LeaderEpoch::UNKNOWN))
            .collect();
        if partitions.is_empty() || std::mem::replace(&mut self.asking_log_starts, true) {
            return;
        }
        let target = self.link.target.clone();
        self.events.push(Box::pin(async move {
            let listed = admin::list_offsets(&target, &partitions, OffsetSpec::Earliest).await;
            Event::LogStarts(listed.unwrap_or_default())
        }));
    }

    /// Applies the log starts received; missing ones are requested again the next time.
    pub(crate) fn log_starts(&mut self, mut listed: ListedOffsets) {
        self.asking_log_starts = false;
        for mirror in &self.mirrors {
            if let Some(Ok(start)) = listed.remove(&mirror.route.target) {
                let expired = mirror.tracked.follow_log_start(start.offset);
                if expired.is_ok_and(|it| it == Some(Expired::First)) {
                    tracing::warn!(
                        link = %self.link.name, partition = %mirror.route.source,
                        target_log_start = start.offset,
                        "the target removes records that the source still has: see expired_on_target, and the mirror topic's retention"
                    );
                }
            }
        }
    }
}

/// Whether the target removed records that the source still has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expired {
    /// For the first time.
    First,
    /// Not for the first time.
    More,
}

impl TrackedPartition {
    /// Sets the target's log start, and counts the records before it that the source still has.
    fn follow_log_start(&self, log_start: i64) -> Result<Option<Expired>> {
        let mut known = self.lock();
        let source = SourceOffset(
            known
                .figures
                .source_log_start
                .max(known.record.origin.get()),
        );
        let first = known.map.to_target(source, &self.runs())?.or_next();
        let figures = &mut known.figures;
        figures.target_log_start = figures.target_log_start.max(log_start);
        let before = figures.expired;
        figures.expired = figures.target_log_start.saturating_sub(first.get()).max(0);
        let kind = if before == 0 {
            Expired::First
        } else {
            Expired::More
        };
        Ok((figures.expired > 0).then_some(kind))
    }
}
