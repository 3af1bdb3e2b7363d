//! The ends of a source partition as last heard, and what is missing on the target up to them.
//!
//! Two senders report them: fetches while records flow, and lists of offsets for partitions that no fetch covers. A list may
//! be answered after a later fetch, so each report has its time, and an earlier one never replaces a later one.

use std::time::Duration;

use crate::model::{HaltCode, Moment};
use crate::replicate::partition::phase::StartPosition;

use super::partition::PartitionProgress;

/// The ends of a source partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceEnds {
    pub(crate) log_start: i64,
    /// The last stable offset.
    pub(crate) stable: i64,
    pub(crate) high_watermark: i64,
}

/// How many acknowledged source records may be missing on the target; -1 while that isn't known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Up to the high watermark.
    pub(crate) records: i64,
    /// Those of them behind an open transaction.
    pub(crate) held: i64,
}

impl Missing {
    pub(crate) const UNKNOWN: Self = Self {
        records: -1,
        held: -1,
    };
}

impl PartitionProgress {
    /// Takes over the ends that the source had at `at` or later, unless newer ones are known.
    pub(crate) fn hear(&mut self, ends: SourceEnds, at: Moment) {
        if self.is_newer(at) {
            self.figures.source_log_start = ends.log_start;
            self.figures.source_end = ends.stable;
            self.figures.source_high_watermark = ends.high_watermark;
            self.figures.heard = Some(at);
        }
    }

    /// Notes that the ends were still the same at `at`.
    pub(crate) fn hear_no_news(&mut self, at: Moment) {
        if self.is_newer(at) {
            self.figures.heard = Some(at);
        }
    }

    /// Whether the ends were heard more than `limit` ago, or never.
    pub(crate) fn is_silent(&self, now: Moment, limit: Duration) -> bool {
        let heard = self.figures.heard;
        heard.is_none_or(|heard| now.monotonic.since(heard.monotonic) > limit)
    }

    fn is_newer(&self, at: Moment) -> bool {
        let heard = self.figures.heard;
        heard.is_none_or(|heard| at.monotonic >= heard.monotonic)
    }

    /// Returns the upper bound of records between the frontier and the last stable offset seen; -1 if none was seen.
    /// Decisions are made by it.
    pub(crate) fn lag(&self) -> i64 {
        if self.figures.source_end < 0 {
            return -1;
        }
        let frontier = self.record.frontier.get();
        self.figures.source_end.saturating_sub(frontier).max(0)
    }

    /// Returns the upper bound of acknowledged source records that are missing on the target, to be shown.
    pub(crate) fn missing(&self) -> Missing {
        let high = self.figures.source_high_watermark;
        let Some(from) = self.missing_from().filter(|_| high >= 0) else {
            return Missing::UNKNOWN;
        };
        let readable = self.figures.source_end.max(from);
        Missing {
            records: high.saturating_sub(from).max(0),
            held: high.saturating_sub(readable).max(0),
        }
    }

    /// Returns the source offset from which on records may be missing: the frontier, if both logs are those it was reached
    /// in.
    fn missing_from(&self) -> Option<i64> {
        let reason = self.figures.reason.as_ref();
        let log_start = self.figures.source_log_start;
        match reason.map(|reason| reason.code) {
            Some(
                HaltCode::SourceRecreated
                | HaltCode::TargetRecreated
                | HaltCode::TargetTopicMissing,
            ) => Some(log_start),
            _ if self.begun => Some(self.record.frontier.get()),
            _ => match self.figures.start? {
                StartPosition::Earliest => Some(log_start),
                StartPosition::Resolved(offset) => Some(offset.get()),
                StartPosition::Unresolved { .. } => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
