//! For how long something has been missing on the target.
//!
//! Pure: times are milliseconds since 1970, given by the caller, because they are stored and compared with timestamps of
//! records. An end that the source had is a milestone: once everything before it is on the target, the target has everything
//! that the source had at that time. Without milestones a partition that is always written to would never be complete.

use std::collections::VecDeque;

/// The number of milestones remembered. Beyond it every second one is forgotten, so that the lag is seen to shrink in larger
/// steps.
const MILESTONES: usize = 16;

/// An end of the source, and the first and the last time at which it was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Milestone {
    end: i64,
    first_ms: i64,
    last_ms: i64,
}

/// The ends of the source that the target has yet to reach, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Milestones(VecDeque<Milestone>);

impl Milestones {
    /// Notes that the source ended at `end` at this time, and that everything before `position` is on the target. Returns
    /// whether nothing is missing.
    pub(crate) fn hear(&mut self, position: i64, end: i64, at_ms: i64) -> bool {
        while self.0.back().is_some_and(|last| last.end > end) {
            self.0.pop_back();
        }
        if end <= position {
            // Gives back the memory: most partitions need none most of the time.
            self.0 = VecDeque::new();
            // A log that ends before what was mirrored has lost something, or the answer is an old one.
            return end == position;
        }
        match self.0.back_mut().filter(|last| last.end == end) {
            Some(last) => last.last_ms = at_ms,
            None => self.0.push_back(Milestone {
                end,
                first_ms: at_ms,
                last_ms: at_ms,
            }),
        }
        if self.0.len() > MILESTONES {
            let kept = self.0.iter().step_by(2).copied();
            self.0 = kept.collect();
        }
        false
    }

    /// Notes that everything before `position` is on the target. Returns the time up to which the target has everything, if
    /// that is news.
    pub(crate) fn reach(&mut self, position: i64) -> Option<i64> {
        let mut reached = None;
        while let Some(first) = self.0.front().filter(|first| first.end <= position) {
            reached = Some(first.last_ms);
            self.0.pop_front();
        }
        reached
    }

    /// Returns the time at which something was first heard to be missing of what is missing now.
    pub(crate) fn noticed_ms(&self) -> Option<i64> {
        self.0.front().map(|first| first.first_ms)
    }
}

/// Returns since when something has been missing; `None` if that isn't known.
///
/// The first missing record was written after `complete_ms`, when nothing was missing, and before `noticed_ms`. Its
/// timestamp says when, unless a producer's clock put it elsewhere.
pub(crate) fn missing_since(
    complete_ms: Option<i64>,
    first_timestamp: Option<i64>,
    noticed_ms: Option<i64>,
) -> Option<i64> {
    let is_possible = |at: &i64| {
        let not_too_early = complete_ms.map_or(*at >= 0, |complete| complete <= *at);
        not_too_early && noticed_ms.is_none_or(|noticed| *at <= noticed)
    };
    let written = first_timestamp.filter(is_possible);
    // A timestamp that is useless won't get better.
    let at_least = first_timestamp.and(noticed_ms);
    written.or(complete_ms).or(at_least)
}

/// Returns for how long something has been missing, in milliseconds: 0 if nothing is, and -1 if that isn't known.
pub(crate) fn lag_ms(missing_records: i64, since_ms: Option<i64>, now_ms: i64) -> i64 {
    match missing_records {
        0 => 0,
        ..0 => -1,
        _ => since_ms.map_or(-1, |since| now_ms.saturating_sub(since).max(0)),
    }
}

#[cfg(test)]
mod tests;
