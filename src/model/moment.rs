//! Moments by the two clocks: the wall clock for what brokers and other processes count by, the monotonic one for durations.

use std::time::Duration;

/// The monotonic clock of this process, counted from an arbitrary moment. It is never set, and means nothing to another process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The moment this much later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// The time since another moment; zero if that is later.
    pub fn since(self, other: Self) -> Duration {
        self.0.saturating_sub(other.0)
    }
}

/// One moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970, as in the timestamps of records. May be set forwards and backwards at any time.
    pub wall_ms: i64,
    /// For durations within the process.
    pub monotonic: Monotonic,
}
