//! The ends of a source partition as last heard, and what is missing on the target up to them.
//!
//! Two senders report them: fetches while records flow, and lists of offsets for partitions that no fetch covers. A list may
//! be answered after a later fetch, so each report has its time, and an earlier one never replaces a later one.

use std::time::Duration;

use crate::model::{HaltCode, Moment};
use crate::replicate::partition::phase::StartPosition;

use super::lag_time::{lag_ms, missing_since};
use super::partition::PartitionProgress;

/// The ends of a source partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceEnds {
    pub(crate) log_start: i64,
    /// The last stable offset.
    pub(crate) stable: i64,
    pub(crate) high_watermark: i64,
}

impl SourceEnds {
    pub(crate) const UNKNOWN: Self = Self {
        log_start: -1,
        stable: -1,
        high_watermark: -1,
    };
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
    pub(crate) const NOTHING: Self = Self {
        records: 0,
        held: 0,
    };
    pub(crate) const UNKNOWN: Self = Self {
        records: -1,
        held: -1,
    };

    /// What is missing if everything before `from` is there.
    pub(crate) fn between(from: Option<i64>, ends: SourceEnds) -> Self {
        let high = ends.high_watermark;
        let Some(from) = from.filter(|_| high >= 0) else {
            return Self::UNKNOWN;
        };
        let readable = ends.stable.max(from);
        Self {
            records: high.saturating_sub(from).max(0),
            held: high.saturating_sub(readable).max(0),
        }
    }
}

impl PartitionProgress {
    /// Takes over the ends that the source had at `at` or later, unless newer ones are known.
    pub(crate) fn hear(&mut self, ends: SourceEnds, at: Moment) {
        if self.is_newer(at) {
            self.figures.source_log_start = ends.log_start;
            self.figures.source_end = ends.stable;
            self.figures.source_high_watermark = ends.high_watermark;
            self.figures.heard = Some(at);
            self.note_end(at.wall_ms);
            self.note_held(at);
        }
    }

    /// Takes over the ends that a follower has: the source has at least as much. When the source was heard stays as it was.
    pub(crate) fn raise(&mut self, ends: SourceEnds) {
        let figures = &mut self.figures;
        figures.source_end = figures.source_end.max(ends.stable);
        figures.source_high_watermark = figures.source_high_watermark.max(ends.high_watermark);
    }

    /// Takes over the ends that the leader had at `at` or later, while records come from a follower: what was fetched
    /// meanwhile may lie behind them.
    pub(crate) fn hear_leader(&mut self, ends: SourceEnds, at: Moment) {
        if self.is_newer(at) {
            self.figures.source_log_start = ends.log_start;
            self.raise(ends);
            self.figures.heard = Some(at);
            let passed = self.missing_from().unwrap_or(-1);
            self.note_end_at(ends.high_watermark.max(passed), at.wall_ms);
            self.note_held(at);
        }
    }

    /// Notes that the ends were still the same at `at`.
    pub(crate) fn hear_no_news(&mut self, at: Moment) {
        if self.is_newer(at) {
            self.figures.heard = Some(at);
            self.note_end(at.wall_ms);
        }
    }

    /// Notes that the source still ended at its high watermark at this time. That something begins to be missing is stored
    /// soon, and with it since when; as long as nothing is, nothing is written.
    fn note_end(&mut self, at_ms: i64) {
        self.note_end_at(self.figures.source_high_watermark, at_ms);
    }

    fn note_end_at(&mut self, end: i64, at_ms: i64) {
        let Some(position) = self.missing_from().filter(|_| end >= 0) else {
            return;
        };
        let was_complete = self.milestones.noticed_ms().is_none();
        if self.milestones.hear(position, end, at_ms) {
            self.record.complete_ms = Some(at_ms);
            self.figures.first_timestamp = None;
        } else if was_complete && end > position && self.begun {
            self.touch();
        }
    }

    /// Notes that the frontier may have reached ends of the source.
    pub(super) fn note_reached(&mut self) {
        let position = self.missing_from();
        let reached = position.and_then(|position| self.milestones.reach(position));
        self.record.complete_ms = reached.or(self.record.complete_ms);
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
        let ends = SourceEnds {
            log_start: self.figures.source_log_start,
            stable: self.figures.source_end,
            high_watermark: self.figures.source_high_watermark,
        };
        Missing::between(self.missing_from(), ends)
    }

    /// Returns for how long something has been missing at the time `now_ms`, in milliseconds: 0 if nothing is, and -1 if
    /// that isn't known.
    pub(crate) fn lag_ms(&self, now_ms: i64) -> i64 {
        let since = missing_since(
            self.record.complete_ms,
            self.figures.first_timestamp,
            self.milestones.noticed_ms(),
        );
        lag_ms(self.missing().records, since, now_ms)
    }

    /// Returns the source offset from which on records may be missing: the frontier, if both logs are those it was reached
    /// in and still hold what they held.
    pub(super) fn missing_from(&self) -> Option<i64> {
        let reason = self.figures.reason.as_ref();
        let log_start = self.figures.source_log_start;
        match reason.map(|reason| reason.code) {
            Some(
                HaltCode::SourceRecreated
                | HaltCode::TargetRecreated
                | HaltCode::TargetTopicMissing,
            ) => Some(log_start),
            Some(HaltCode::SourceTruncated | HaltCode::TargetTruncated) => {
                let lost = self.figures.lost_from.unwrap_or(self.record.frontier);
                Some(lost.min(self.record.frontier).get())
            }
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
