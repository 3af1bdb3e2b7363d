//! The duration of consecutive failures; the caller passes the time.

use std::time::Duration;

use tokio::time::Instant;

/// Consecutive failures. A time limit measured with it doesn't depend on when the work began: work that succeeded for an
/// hour may fail for as long as work that fails from the start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streak {
    since: Option<Instant>,
}

impl Streak {
    /// Records a failure at `now` and returns the time since the first consecutive one; zero for the first.
    pub fn failed(&mut self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.since.get_or_insert(now))
    }

    /// Ends the streak, after a success.
    pub fn end(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streak_is_measured_from_its_first_failure_and_a_success_ends_it() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut streak = Streak::default();
        assert_eq!(streak.failed(at(500)), Duration::ZERO);
        assert_eq!(streak.failed(at(530)), Duration::from_secs(30));
        assert_eq!(streak.failed(at(619)), Duration::from_secs(119));
        streak.end();
        assert_eq!(streak.failed(at(700)), Duration::ZERO);
        assert_eq!(streak.failed(at(699)), Duration::ZERO);
    }
}
