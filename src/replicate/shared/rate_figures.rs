//! Figures about waits for a link's limit of bytes per second, for the API and the metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::Monotonic;

/// How much longer a wait is shown, so that consecutive waits appear as one.
const SHOWN: Duration = Duration::from_secs(1);

/// The waits that the worker recorded.
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
    use super::*;

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
