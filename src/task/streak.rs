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
mod tests;
