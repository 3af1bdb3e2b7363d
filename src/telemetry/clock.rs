//! Wall clock and monotonic clock.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Moment, Monotonic};

/// The origin of the monotonic clock.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns milliseconds since 1970. For display, for timestamps that brokers compare, and for stored values; never for
/// ordering or for durations within the process: the wall clock may be changed.
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Reads the monotonic clock, for durations within the process.
pub fn monotonic() -> Monotonic {
    Monotonic(BEGUN.elapsed())
}

/// Reads both clocks.
pub fn now() -> Moment {
    Moment {
        wall_ms: now_ms(),
        monotonic: monotonic(),
    }
}
