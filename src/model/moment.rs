//! Points in time on two clocks: the wall clock for timestamps from brokers and other processes, the monotonic clock for
//! durations.

use std::time::Duration;

/// A reading of this process's monotonic clock, counted from an arbitrary origin. It is never adjusted, and is meaningless
/// to another process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Monotonic(pub Duration);

impl Monotonic {
    /// The moment `time` after this one.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// The time elapsed since `other`; zero if `other` is later.
    pub fn since(self, other: Self) -> Duration {
        self.0.saturating_sub(other.0)
    }
}

/// A point in time on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since the Unix epoch, as in record timestamps. May jump forwards or backwards at any time.
    pub wall_ms: i64,
    /// For durations within the process.
    pub monotonic: Monotonic,
}
