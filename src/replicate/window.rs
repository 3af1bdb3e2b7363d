//! What is in flight to one mirror partition, and whether more may follow.
//!
//! Pure. Every shipment carries the target offset at which it must land; the broker's sequence check makes that a
//! compare-and-append as long as the leader knows our producer id. While it does, the partition is *armed* and may have
//! several shipments in flight; a leader that doesn't know the id accepts any sequence, so then there is one at a time
//! (a second one could land in front of a first one that failed).

use std::collections::VecDeque;

use crate::model::{SourceOffset, TargetOffset};

use super::shipment::Shipment;

/// At most this many shipments of a partition are in flight: the broker remembers the last five batches of a producer.
pub(crate) const IN_FLIGHT_LIMIT: usize = 5;
/// A shipment smaller than this waits for the one in flight, because what gathers behind it can travel with it.
pub(crate) const PIPELINE_MINIMUM: usize = 8 * 1024;

/// Whether what was acknowledged since the last uncertainty is proven to be what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing uncertain is outstanding.
    Given,
    /// Requests of an earlier connection or process may still land: the next acknowledged batches are read back.
    Wanted,
    /// The read-back is under way; nothing is sent.
    Pending,
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
    /// Checksum as sent, for the read-back.
    pub(crate) crc: u32,
    /// Newest record timestamp in milliseconds: the broker forgets our id by this clock.
    pub(crate) max_timestamp: i64,
    /// Bytes it holds against the limits.
    pub(crate) bytes: usize,
    /// Runs it covers.
    pub(crate) runs: Vec<crate::model::Run>,
}

/// What an answer without an error means.
#[derive(Debug)]
pub(crate) enum Landing {
    /// It landed where predicted; the oldest shipment is done.
    AsPredicted(InFlight),
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

/// The window of one mirror partition.
#[derive(Debug)]
pub(crate) struct Window {
    in_flight: VecDeque<InFlight>,
    /// Wall clock in milliseconds until which the leader surely knows our id; `i64::MIN` is unarmed.
    armed_until: i64,
    proof: Proof,
    /// How many more acknowledged batches have to be proven: as many requests may be late.
    to_prove: usize,
    /// How long after the newest timestamp of its last batch a broker surely still knows a producer id, in milliseconds.
    memory_ms: i64,
}

impl Window {
    /// An unarmed window; `memory_ms` is half the target's `producer.id.expiration.ms`.
    pub(crate) fn new(memory_ms: i64, proof: Proof) -> Self {
        Self {
            in_flight: VecDeque::new(),
            armed_until: i64::MIN,
            proof,
            to_prove: IN_FLIGHT_LIMIT,
            memory_ms,
        }
    }

    /// The leader showed our id with the right last sequence, its newest timestamp being `last_timestamp`.
    pub(crate) fn arm(&mut self, last_timestamp: i64) {
        self.armed_until = last_timestamp.saturating_add(self.memory_ms);
    }

    /// The leader may have forgotten our id.
    pub(crate) fn disarm(&mut self) {
        self.armed_until = i64::MIN;
    }

    /// Whether the leader surely knows our id, `now` being the wall clock in milliseconds.
    pub(crate) fn is_armed(&self, now: i64) -> bool {
        self.armed_until > now
    }

    /// Whether nothing of earlier requests can land any more.
    pub(crate) fn is_proven(&self) -> bool {
        self.proof == Proof::Given
    }

    /// Whether a shipment may go now, `now` being the wall clock in milliseconds.
    pub(crate) fn admits(&self, shipment: &Shipment, now: i64) -> bool {
        if self.in_flight.is_empty() {
            return self.proof != Proof::Pending;
        }
        // Whoever is in flight may renew the broker's memory, but only its answer tells.
        let fresh = shipment
            .stamped
            .max_timestamp
            .saturating_add(self.memory_ms)
            > now;
        self.is_armed(now)
            && fresh
            && self.proof == Proof::Given
            && self.in_flight.len() < IN_FLIGHT_LIMIT
            && shipment.stamped.size() >= PIPELINE_MINIMUM
    }

    /// Whether anything more could be sent if it were large and fresh enough.
    pub(crate) fn has_room(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT_LIMIT && self.proof != Proof::Pending
    }

    /// Notes a shipment as sent.
    pub(crate) fn sent(&mut self, in_flight: InFlight) {
        debug_assert!(
            self.in_flight
                .back()
                .is_none_or(|last| last.target.plus(last.records) == in_flight.target),
            "shipments follow each other without a gap"
        );
        self.in_flight.push_back(in_flight);
    }

    /// Takes a success for the oldest shipment in flight. Only a success carries a base offset worth comparing (H7).
    pub(crate) fn landed(&mut self, base: TargetOffset) -> Landing {
        let Some(oldest) = self.in_flight.pop_front() else {
            return Landing::Unexpected;
        };
        if oldest.target != base {
            return Landing::Elsewhere {
                predicted: oldest.target,
                actual: base,
            };
        }
        self.arm(oldest.max_timestamp);
        if self.proof == Proof::Wanted {
            self.proof = Proof::Pending;
        }
        Landing::AsPredicted(oldest)
    }

    /// The oldest shipment was refused, or its answer is lost; the next settling tells what became of it.
    pub(crate) fn lost_oldest(&mut self) {
        self.in_flight.pop_front();
        self.disarm();
    }

    /// The read-back of an acknowledged batch showed the bytes that were sent.
    pub(crate) fn proven(&mut self) {
        self.to_prove = self.to_prove.saturating_sub(1);
        self.proof = if self.to_prove == 0 {
            Proof::Given
        } else {
            Proof::Wanted
        };
    }

    /// Whether the batch just acknowledged must be read back.
    pub(crate) fn wants_read_back(&self) -> bool {
        self.proof == Proof::Pending
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
#[path = "window_tests.rs"]
mod tests;
