//! Whether the limit of bytes per second is what holds a link up, for whoever asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::Monotonic;

/// A wait is shown this much longer, so that waits that follow each other are one.
const SHOWN: Duration = Duration::from_secs(1);

/// What the worker notes of its waits.
#[derive(Debug, Default)]
pub struct RateFigures {
    /// Until when something has to wait, by the monotonic clock in milliseconds; 0 if nothing ever had to.
    until: AtomicU64,
    /// How long something had to wait in all, in milliseconds.
    waited: AtomicU64,
}

impl RateFigures {
    /// Notes that something has to wait from now on.
    pub(crate) fn note(&self, now: Monotonic, wait: Duration) {
        let until = millis(now.plus(wait));
        let before = self.until.fetch_max(until, Ordering::Relaxed);
        let more = until.saturating_sub(before.max(millis(now)));
        self.waited.fetch_add(more, Ordering::Relaxed);
    }

    /// Whether the limit holds something up at this time.
    pub fn limits(&self, now: Monotonic) -> bool {
        let until = Monotonic(Duration::from_millis(self.until.load(Ordering::Relaxed)));
        until > Monotonic::default() && now < until.plus(SHOWN)
    }

    /// How long it held something up since the process began, in milliseconds; waits at the same time count once.
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
