//! What a link may still fetch under its limit of bytes per second, and how long it waited for that.
//!
//! Pure: times are measured from any fixed origin. Bytes fetched are paid for with time, and unused time isn't saved up; so
//! over any period the limit is exceeded by at most one answer per connection. Partitions behind wait until everything is
//! paid for, live ones may be a quarter of a second early: whatever uses up the rate, they never wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::Monotonic;

use super::budget::Rank;

/// How early live partitions may be, and what one fetch of others may use up.
const AHEAD: Duration = Duration::from_millis(250);
/// How much longer a wait is shown, so that consecutive waits appear as one.
const SHOWN: Duration = Duration::from_secs(1);

/// A rate, and until when it is used up.
#[derive(Debug)]
pub(crate) struct RateLimit {
    bytes_per_second: u64,
    /// The time until which the rate is used up.
    spent_until: Duration,
}

impl RateLimit {
    /// Creates an allowance of which nothing is used up.
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            spent_until: Duration::ZERO,
        }
    }

    /// Returns how many bytes one fetch may request.
    pub(crate) fn portion(&self) -> usize {
        let bytes = u128::from(self.bytes_per_second) * AHEAD.as_millis() / 1000;
        usize::try_from(bytes).unwrap_or(usize::MAX).max(1)
    }

    /// Returns how long partitions of a rank have to wait; zero if they needn't.
    pub(crate) fn wait(&self, rank: Rank, now: Duration) -> Duration {
        let early = match rank {
            Rank::Live => AHEAD,
            Rank::Behind => Duration::ZERO,
        };
        self.spent_until.saturating_sub(now + early)
    }

    /// Pays for bytes that were fetched, or are about to be.
    pub(crate) fn spend(&mut self, bytes: usize, now: Duration) {
        self.spent_until = self.spent_until.max(now) + self.time_of(bytes);
    }

    /// Refunds bytes that were paid for but not received.
    pub(crate) fn give_back(&mut self, bytes: usize) {
        self.spent_until = self.spent_until.saturating_sub(self.time_of(bytes));
    }

    /// Returns how long `bytes` take at this rate.
    pub(crate) fn time_of(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.bytes_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The waits for the limit that the worker recorded, for the API and the metrics.
#[derive(Debug, Default)]
pub struct RateFigures {
    /// The end of the latest wait, in milliseconds of the monotonic clock; 0 if there was none.
    until: AtomicU64,
    /// The total time waited, in milliseconds.
    waited: AtomicU64,
}

impl RateFigures {
    /// Records a wait that begins now.
    pub(crate) fn note(&self, now: Monotonic, wait: Duration) {
        let until = millis(now.plus(wait));
        let before = self.until.fetch_max(until, Ordering::Relaxed);
        let more = until.saturating_sub(before.max(millis(now)));
        self.waited.fetch_add(more, Ordering::Relaxed);
    }

    /// Whether the limit is causing a wait at the time `now`.
    pub fn limits(&self, now: Monotonic) -> bool {
        let until = Monotonic(Duration::from_millis(self.until.load(Ordering::Relaxed)));
        until > Monotonic::default() && now < until.plus(SHOWN)
    }

    /// The total time of waits since the process started, in milliseconds; simultaneous waits count once.
    pub fn waited_ms(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }
}

fn millis(at: Monotonic) -> u64 {
    u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
