//! Points in time by both clocks: the wall clock for timestamps of brokers and other processes, the monotonic one for
//! durations.

use std::time::Duration;

/// The monotonic clock of this process, counted from an arbitrary origin. It is never adjusted, and means nothing to another
/// process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The moment `time` later.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// The time since another moment; zero if that is later.
    pub fn since(self, other: Self) -> Duration {
        self.0.saturating_sub(other.0)
    }
}

/// A point in time by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970, as in the timestamps of records. May jump forwards and backwards at any time.
    pub wall_ms: i64,
    /// For durations within the process.
    pub monotonic: Monotonic,
}
