//! The batches in flight to one mirror partition, and whether more may follow.
//!
//! Pure. Every produce batch carries the target offset at which it must land; the broker's sequence check makes that a
//! compare-and-append as long as the leader knows our producer id. While it does, the partition is *armed* and may have
//! several produce batches in flight; a leader that doesn't know the id accepts any sequence number, so then there is one at a
//! time (a second one could land in front of a first one that failed).

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Moment, Monotonic, SourceOffset, TargetOffset};

use super::batcher::ProduceBatch;

/// The most produce batches of a partition in flight: the broker remembers the last five batches of a producer.
pub(crate) const IN_FLIGHT_LIMIT: usize = 5;
/// A produce batch smaller than this, in bytes, waits for the one in flight, so that records that gather meanwhile can be sent
/// with it.
pub(crate) const PIPELINE_MINIMUM: usize = 8 * 1024;

/// The memory, in milliseconds, of a leader to which nothing may be sent that depends on what is in flight.
pub(crate) const FORGETS_AT_ONCE: i64 = i64::MIN;

/// How long an idle leader counts as unchanged. One that lost the partition and got it back in between may have forgotten
/// our id, and no answer would show it (H2).
const IDLE_LIMIT: Duration = Duration::from_secs(1);

/// How long an abandoned request may take to land.
const LATE_LIMIT: Duration = Duration::from_secs(30);

/// Requests given up earlier may still land, and their records may have been planned differently since (H5).
///
/// They carry the same records at the same offsets up to the first new step in the source offsets: so as long as caution
/// holds, a produce batch that opens a run and everything after it are sent one at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caution {
    /// The earliest moment at which caution ends.
    until: Monotonic,
    /// The end of everything sent before, which the target has to reach before caution ends.
    reach: TargetOffset,
    /// Whether a produce batch that opens a run was sent.
    stepped: bool,
}

/// A produce batch that was sent and not yet answered.
#[derive(Debug)]
pub(crate) struct SentBatch {
    /// Where it must land.
    pub(crate) target: TargetOffset,
    pub(crate) records: i64,
    /// The frontier once it is acknowledged.
    pub(crate) frontier: SourceOffset,
    /// Newest record timestamp in milliseconds: the broker forgets our id by this clock.
    pub(crate) max_timestamp: i64,
    /// Bytes it holds against the limits.
    pub(crate) bytes: usize,
    /// The runs it covers.
    pub(crate) runs: Vec<crate::model::Run>,
    /// Whether it opens a run.
    pub(crate) opens: bool,
}

/// What an answer without an error means.
#[derive(Debug)]
pub(crate) enum Landing {
    /// The oldest produce batch landed where predicted.
    AsPredicted(SentBatch),
    /// The target already holds a batch with these sequence numbers, which need not be this one (H5).
    Repeated(SentBatch),
    /// It landed elsewhere: there is another writer.
    Elsewhere {
        predicted: TargetOffset,
        actual: TargetOffset,
    },
    /// Nothing was in flight.
    Unexpected,
}

/// Until when the leader certainly knows our id.
#[derive(Debug, Clone, Copy)]
struct Armed {
    /// The wall-clock time in milliseconds up to which it remembers the id, based on record timestamps.
    remembered_ms: i64,
    /// The time up to which it is certainly the same leader.
    same: Monotonic,
}

/// The window of one mirror partition.
#[derive(Debug)]
pub(crate) struct Window {
    in_flight: VecDeque<SentBatch>,
    /// `None` if unarmed.
    armed: Option<Armed>,
    caution: Option<Caution>,
    /// The end of everything ever sent.
    reach: TargetOffset,
    /// How long after the newest timestamp of its last batch a broker certainly still knows a producer id, in milliseconds.
    memory_ms: i64,
}

impl Window {
    /// Returns an unarmed window; `memory_ms` is half the target's `producer.id.expiration.ms`.
    pub(crate) fn new(memory_ms: i64) -> Self {
        Self {
            in_flight: VecDeque::new(),
            armed: None,
            caution: None,
            reach: TargetOffset::ZERO,
            memory_ms,
        }
    }

    /// Returns the window that follows this one after a resync; `uncertain` is whether requests sent before may still land.
    /// A resync that leaves nothing uncertain itself doesn't end earlier caution.
    pub(crate) fn renewed(&self, memory_ms: i64, uncertain: bool, now: Moment) -> Self {
        let caution = Caution {
            until: now.monotonic.plus(LATE_LIMIT),
            reach: self.reach,
            stepped: false,
        };
        Self {
            caution: uncertain.then_some(caution).or(self.caution),
            reach: self.reach,
            ..Self::new(memory_ms)
        }
    }

    /// Arms the window: the leader reported our id with the expected last sequence number, and `last_timestamp` as its
    /// newest timestamp.
    pub(crate) fn arm(&mut self, last_timestamp: i64, now: Moment) {
        self.armed = Some(Armed {
            remembered_ms: last_timestamp.saturating_add(self.memory_ms),
            same: now.monotonic.plus(IDLE_LIMIT),
        });
    }

    /// Disarms the window: the leader may have forgotten our id.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Whether the leader certainly knows our id.
    pub(crate) fn is_armed(&self, now: Moment) -> bool {
        let knows = |armed: Armed| armed.remembered_ms > now.wall_ms && armed.same > now.monotonic;
        self.armed.is_some_and(knows)
    }

    /// Whether no earlier request can land any more.
    pub(crate) fn is_sure(&self) -> bool {
        self.caution.is_none()
    }

    /// Whether a produce batch may be sent now.
    pub(crate) fn admits(&self, produce_batch: &ProduceBatch, now: Moment) -> bool {
        if self.in_flight.is_empty() {
            return true;
        }
        // Batches in flight may renew the broker's memory, but only an answer confirms that.
        let fresh = produce_batch
            .stamped
            .max_timestamp
            .saturating_add(self.memory_ms)
            > now.wall_ms;
        let cautious = self
            .caution
            .is_some_and(|caution| caution.stepped || !produce_batch.joins);
        self.is_armed(now)
            && fresh
            && !cautious
            && self.in_flight.len() < IN_FLIGHT_LIMIT
            && produce_batch.stamped.size() >= PIPELINE_MINIMUM
    }

    /// Whether anything more could be sent if it were large and fresh enough.
    pub(crate) fn has_room(&self) -> bool {
        let limit = if self.memory_ms == FORGETS_AT_ONCE {
            1
        } else {
            IN_FLIGHT_LIMIT
        };
        self.in_flight.len() < limit
    }

    /// Records a produce batch as sent.
    pub(crate) fn sent(&mut self, in_flight: SentBatch) {
        debug_assert!(
            self.in_flight
                .back()
                .is_none_or(|last| last.target.plus(last.records) == in_flight.target),
            "shipments follow each other without a gap"
        );
        self.reach = self.reach.max(in_flight.target.plus(in_flight.records));
        if let Some(caution) = &mut self.caution {
            caution.stepped |= in_flight.opens;
        }
        self.in_flight.push_back(in_flight);
    }

    /// Takes a success for the oldest produce batch in flight. Only a success carries a base offset worth comparing (H7).
    ///
    /// `append_time` is the time the broker assigned to the batch: on a topic with `CreateTime` only a batch that repeats an
    /// earlier one has it.
    pub(crate) fn landed(
        &mut self,
        base: TargetOffset,
        append_time: Option<i64>,
        now: Moment,
    ) -> Landing {
        let Some(oldest) = self.in_flight.pop_front() else {
            return Landing::Unexpected;
        };
        if oldest.target != base {
            return Landing::Elsewhere {
                predicted: oldest.target,
                actual: base,
            };
        }
        if append_time.is_some() {
            self.disarm();
            return Landing::Repeated(oldest);
        }
        self.arm(oldest.max_timestamp, now);
        let end = base.plus(oldest.records);
        self.caution = self
            .caution
            .filter(|caution| now.monotonic < caution.until || end < caution.reach);
        Landing::AsPredicted(oldest)
    }

    /// Drops the oldest produce batch, which was refused or whose answer is lost; the next resync finds out what happened to it.
    pub(crate) fn lost_oldest(&mut self) {
        self.in_flight.pop_front();
        self.disarm();
    }

    /// Returns the oldest produce batch in flight.
    pub(crate) fn oldest(&self) -> Option<&SentBatch> {
        self.in_flight.front()
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Returns the bytes in flight.
    pub(crate) fn bytes(&self) -> usize {
        self.in_flight.iter().map(|sent| sent.bytes).sum()
    }
}

#[cfg(test)]
mod tests;
