//! Whether the limit of bytes per second is what holds a link up, for whoever asks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// It is shown so long beyond each wait, in milliseconds, that waits that follow each other are one.
const SHOWN_MS: i64 = 1_000;

/// What the worker notes of its waits. Times are wall clock in milliseconds since 1970.
#[derive(Debug, Default)]
pub struct RateFigures {
    /// Until when something has to wait.
    until: AtomicI64,
    /// How long something had to wait in all, in milliseconds.
    waited: AtomicU64,
}

impl RateFigures {
    /// Notes that something has to wait from now on.
    pub(crate) fn note(&self, now_ms: i64, wait: Duration) {
        let until = now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        let before = self.until.fetch_max(until, Ordering::Relaxed);
        let more = until.saturating_sub(before.max(now_ms)).max(0);
        self.waited
            .fetch_add(more.unsigned_abs(), Ordering::Relaxed);
    }

    /// Whether the limit holds something up at this time.
    pub fn limits(&self, now_ms: i64) -> bool {
        now_ms < self.until.load(Ordering::Relaxed).saturating_add(SHOWN_MS)
    }

    /// How long it held something up since the process began, in milliseconds; waits at the same time count once.
    pub fn waited_ms(&self) -> u64 {
        self.waited.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_at_the_same_time_count_once_and_are_shown_a_little_longer() {
        let figures = RateFigures::default();
        assert!(!figures.limits(100_000));
        figures.note(100_000, Duration::from_millis(300));
        figures.note(100_100, Duration::from_millis(100));
        figures.note(100_200, Duration::from_millis(200));
        assert_eq!(figures.waited_ms(), 400);
        assert!(figures.limits(101_300));
        assert!(!figures.limits(101_400));
        figures.note(200_000, Duration::from_secs(1));
        assert_eq!(figures.waited_ms(), 1_400);
    }
}
