//! Whether the mirror of a compacted topic received every deletion of a key.
//!
//! A source keeps a tombstone for `delete.retention.ms` after its first compaction. A mirror that holds a key's value and
//! doesn't resume until the tombstone is gone keeps the deleted key forever. That takes three things at once: values were
//! mirrored earlier, the mirror then fell behind for longer than tombstones are kept, and the log cleaner has compacted the
//! log where mirroring resumes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{HaltCode, Reason, SourceOffset};

/// Tracks whether a partition may have missed deletions. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletions {
    /// How long the source keeps tombstones, in milliseconds; `None` if the topic isn't compacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept_ms: Option<i64>,
    /// When the mirror was last complete, or when it began; 0 if unknown.
    #[serde(default)]
    whole_at_ms: i64,
    /// The value of `whole_at_ms` that was last worth storing.
    #[serde(skip)]
    stored_ms: i64,
    /// Where deletions may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed: Option<Missed>,
}

/// A stretch of the source whose tombstones may have been removed before they were mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missed {
    /// The first source offset.
    pub from: SourceOffset,
    /// The offset after the last one.
    pub until: SourceOffset,
}

/// While nothing else happens, `whole_at_ms` is stored this many times per tombstone retention, and at least once an hour.
const STORED_PER_RETENTION: i64 = 8;
const STORED_AT_LEAST_MS: i64 = 3_600_000;

impl Deletions {
    /// Whether the topic is compacted, as far as is known.
    pub fn are_possible(&self) -> bool {
        self.kept_ms.is_some()
    }

    /// Where deletions may be missing, if anywhere.
    pub fn missed(&self) -> Option<Missed> {
        self.missed
    }

    /// Sets how long the source keeps tombstones; `None` if the topic isn't compacted. Returns whether that changed.
    pub fn keep(&mut self, kept_ms: Option<i64>) -> bool {
        std::mem::replace(&mut self.kept_ms, kept_ms) != kept_ms
    }

    /// Notes that something was fetched, or that the mirror is complete (`whole`). Returns whether that is worth storing.
    pub fn note(&mut self, whole: bool, now_ms: i64) -> bool {
        let Some(kept_ms) = self.kept_ms else {
            return false;
        };
        if !whole && self.whole_at_ms > 0 {
            return false;
        }
        self.whole_at_ms = self.whole_at_ms.max(now_ms);
        let interval = (kept_ms / STORED_PER_RETENTION).clamp(1, STORED_AT_LEAST_MS);
        // Not by `now_ms`: the wall clock may be set back, and then there is nothing new to store.
        let due = self.whole_at_ms.saturating_sub(self.stored_ms) >= interval;
        if due {
            self.stored_ms = self.whole_at_ms;
        }
        due
    }

    /// Notes that a stretch being mirrored was compacted on the source. Returns whether deletions may have been missed
    /// there.
    pub fn cleaned(&mut self, from: SourceOffset, until: SourceOffset, now_ms: i64) -> bool {
        let Some(kept_ms) = self.kept_ms else {
            return false;
        };
        if self.whole_at_ms == 0 {
            self.whole_at_ms = now_ms;
        }
        let behind = now_ms.saturating_sub(self.whole_at_ms);
        if behind <= kept_ms {
            return false;
        }
        let from = self.missed.map_or(from, |missed| missed.from.min(from));
        self.missed = Some(Missed { from, until });
        true
    }
}

impl Missed {
    /// The message for the operator.
    pub fn message(&self) -> String {
        let (from, last) = (self.from, self.until.plus(-1));
        format!(
            "deletions of keys between source offsets {from} and {last} may be missing: the mirror was behind for longer than the source keeps \
             tombstones (delete.retention.ms); mirror the topic anew if deleted keys matter"
        )
    }

    /// The same as a reason to reseed the topic.
    pub fn reason(&self) -> Reason {
        Reason::new(HaltCode::MissedDeletions, self.message()).at(Some(self.from), None)
    }
}

#[cfg(test)]
mod tests;
