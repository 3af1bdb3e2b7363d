//! What is in flight to one mirror partition, and whether more may follow.
//!
//! Pure. Every shipment carries the target offset at which it must land; the broker's sequence check makes that a
//! compare-and-append as long as the leader knows our producer id. While it does, the partition is *armed* and may have
//! several shipments in flight; a leader that doesn't know the id accepts any sequence, so then there is one at a time
//! (a second one could land in front of a first one that failed).

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Moment, Monotonic, SourceOffset, TargetOffset};

use super::batcher::Shipment;

/// At most this many shipments of a partition are in flight: the broker remembers the last five batches of a producer.
pub(crate) const IN_FLIGHT_LIMIT: usize = 5;
/// A shipment smaller than this waits for the one in flight, because what gathers behind it can travel with it.
pub(crate) const PIPELINE_MINIMUM: usize = 8 * 1024;

/// The memory, in milliseconds, of a leader whom nothing may be sent to that depends on what is in flight.
pub(crate) const FORGETS_AT_ONCE: i64 = i64::MIN;

/// How long an idle leader counts as the one it was. One that lost the partition and got it back in between may have forgotten
/// our id, and nothing that was sent would tell (H2).
const IDLE_LIMIT: Duration = Duration::from_secs(1);

/// How long a request that nobody waits for any more may take to land.
const LATE_LIMIT: Duration = Duration::from_secs(30);

/// Requests given up earlier may still land, and what they carry may have been planned anew since (H5).
///
/// They carry the same records at the same offsets up to the first step in the source offsets that is new: so as long as
/// caution holds, a shipment that opens a run and everything behind it goes one at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caution {
    /// Until this moment.
    until: Monotonic,
    /// And until the target holds everything that was sent before.
    reach: TargetOffset,
    /// Whether a shipment that opens a run was sent.
    stepped: bool,
}

/// A shipment that was sent and not yet answered.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// Where it must land.
    pub(crate) target: TargetOffset,
    /// Number of records.
    pub(crate) records: i64,
    /// The frontier once it is acknowledged.
    pub(crate) frontier: SourceOffset,
    /// Newest record timestamp in milliseconds: the broker forgets our id by this clock.
    pub(crate) max_timestamp: i64,
    /// Bytes it holds against the limits.
    pub(crate) bytes: usize,
    /// Runs it covers.
    pub(crate) runs: Vec<crate::model::Run>,
    /// Whether it opens a run.
    pub(crate) opens: bool,
}

/// What an answer without an error means.
#[derive(Debug)]
pub(crate) enum Landing {
    /// It landed where predicted; the oldest shipment is done.
    AsPredicted(InFlight),
    /// The target holds a batch of these sequence numbers already, which need not be this one (H5).
    Repeated(InFlight),
    /// It landed elsewhere: somebody else wrote here.
    Elsewhere {
        /// Where it was to land.
        predicted: TargetOffset,
        /// Where it is.
        actual: TargetOffset,
    },
    /// Nothing was in flight.
    Unexpected,
}

/// Until when the leader surely knows our id.
#[derive(Debug, Clone, Copy)]
struct Armed {
    /// It remembers the id until then, by the wall clock in milliseconds as records are.
    remembered_ms: i64,
    /// It is surely the leader it was until then.
    same: Monotonic,
}

/// The window of one mirror partition.
#[derive(Debug)]
pub(crate) struct Window {
    in_flight: VecDeque<InFlight>,
    /// None is unarmed.
    armed: Option<Armed>,
    caution: Option<Caution>,
    /// The end of all that was ever sent.
    reach: TargetOffset,
    /// How long after the newest timestamp of its last batch a broker surely still knows a producer id, in milliseconds.
    memory_ms: i64,
}

impl Window {
    /// An unarmed window; `memory_ms` is half the target's `producer.id.expiration.ms`.
    pub(crate) fn new(memory_ms: i64) -> Self {
        Self {
            in_flight: VecDeque::new(),
            armed: None,
            caution: None,
            reach: TargetOffset::ZERO,
            memory_ms,
        }
    }

    /// The window that follows this one after a settling; `uncertain` says that requests sent before may still land. A
    /// settling that leaves nothing uncertain of its own ends no earlier caution.
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

    /// The leader showed our id with the right last sequence, its newest timestamp being `last_timestamp`.
    pub(crate) fn arm(&mut self, last_timestamp: i64, now: Moment) {
        self.armed = Some(Armed {
            remembered_ms: last_timestamp.saturating_add(self.memory_ms),
            same: now.monotonic.plus(IDLE_LIMIT),
        });
    }

    /// The leader may have forgotten our id.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Whether the leader surely knows our id.
    pub(crate) fn is_armed(&self, now: Moment) -> bool {
        let knows = |armed: Armed| armed.remembered_ms > now.wall_ms && armed.same > now.monotonic;
        self.armed.is_some_and(knows)
    }

    /// Whether nothing of earlier requests can land any more.
    pub(crate) fn is_sure(&self) -> bool {
        self.caution.is_none()
    }

    /// Whether a shipment may go now.
    pub(crate) fn admits(&self, shipment: &Shipment, now: Moment) -> bool {
        if self.in_flight.is_empty() {
            return true;
        }
        // Whoever is in flight may renew the broker's memory, but only its answer tells.
        let fresh = shipment
            .stamped
            .max_timestamp
            .saturating_add(self.memory_ms)
            > now.wall_ms;
        let cautious = self
            .caution
            .is_some_and(|caution| caution.stepped || !shipment.joins);
        self.is_armed(now)
            && fresh
            && !cautious
            && self.in_flight.len() < IN_FLIGHT_LIMIT
            && shipment.stamped.size() >= PIPELINE_MINIMUM
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

    /// Notes a shipment as sent.
    pub(crate) fn sent(&mut self, in_flight: InFlight) {
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

    /// Takes a success for the oldest shipment in flight. Only a success carries a base offset worth comparing (H7).
    ///
    /// `append_time` is the time the broker gave the batch: on a topic with `CreateTime` only one that repeats an earlier
    /// one has it.
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

    /// The oldest shipment was refused, or its answer is lost; the next settling tells what became of it.
    pub(crate) fn lost_oldest(&mut self) {
        self.in_flight.pop_front();
        self.disarm();
    }

    /// The oldest shipment in flight.
    pub(crate) fn oldest(&self) -> Option<&InFlight> {
        self.in_flight.front()
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Bytes in flight.
    pub(crate) fn bytes(&self) -> usize {
        self.in_flight.iter().map(|sent| sent.bytes).sum()
    }
}

#[cfg(test)]
mod tests;
