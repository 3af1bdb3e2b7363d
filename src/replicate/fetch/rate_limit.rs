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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_answer_larger_than_a_second_makes_everybody_wait_for_all_of_it() {
        let mut rate_limit = RateLimit::new(1000);
        assert_eq!(rate_limit.portion(), 250);
        rate_limit.spend(5000, SECOND);
        assert_eq!(rate_limit.wait(Rank::Behind, SECOND), 5 * SECOND);
        assert_eq!(rate_limit.wait(Rank::Live, SECOND), SECOND * 19 / 4);
        assert_eq!(rate_limit.wait(Rank::Behind, 6 * SECOND), Duration::ZERO);
        rate_limit.give_back(4000);
        assert_eq!(rate_limit.wait(Rank::Behind, SECOND), SECOND);
        // Nothing is saved up while nothing is fetched.
        rate_limit.spend(1000, 60 * SECOND);
        assert_eq!(rate_limit.wait(Rank::Behind, 60 * SECOND), SECOND);
    }

    proptest! {
        /// Fetching as early as allowed, with answers of any size, exceeds the rate by no more than the last answers.
        #[test]
        fn the_rate_holds_over_any_time(
            rate in 1000_u64..10_000_000,
            fetches in prop::collection::vec((any::<bool>(), 0_usize..4, 0_u64..50), 1..200),
        ) {
            let mut rate_limit = RateLimit::new(rate);
            let (mut now, mut total, mut largest) = (Duration::ZERO, 0_u64, 0);
            for (live, size, rest) in fetches {
                let rank = if live { Rank::Live } else { Rank::Behind };
                now += rate_limit.wait(rank, now) + Duration::from_millis(rest);
                let asked = rate_limit.portion();
                let bytes = asked * size / 2;
                rate_limit.spend(asked, now);
                rate_limit.give_back(asked.saturating_sub(bytes));
                rate_limit.spend(bytes.saturating_sub(asked), now);
                total += bytes as u64;
                largest = largest.max(bytes as u64);
                let earned = u128::from(rate) * now.as_nanos() / 1_000_000_000;
                let most = earned + u128::from(largest) + rate_limit.portion() as u128 + 1000;
                prop_assert!(u128::from(total) <= most, "{total} bytes in {now:?}");
            }
        }
    }

    fn at(ms: u64) -> Monotonic {
        Monotonic(Duration::from_millis(ms))
    }

    #[test]
    fn waits_at_the_same_time_count_once_and_are_shown_a_little_longer() {
        let figures = RateFigures::default();
        assert!(!figures.limits(at(0)) && !figures.limits(at(100_000)));
        figures.note(at(100_000), Duration::from_millis(300));
        figures.note(at(100_100), Duration::from_millis(100));
        figures.note(at(100_200), Duration::from_millis(200));
        assert_eq!(figures.waited_ms(), 400);
        assert!(figures.limits(at(101_300)));
        assert!(!figures.limits(at(101_400)));
        figures.note(at(200_000), Duration::from_secs(1));
        assert_eq!(figures.waited_ms(), 1_400);
    }
}
