//! The clocks.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Moment, Monotonic};

/// What the monotonic clock is counted from.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since 1970. For display, for the timestamps by which brokers count, and for what is stored; never for order, and
/// never for a duration within the process: the wall clock may be set.
pub fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The monotonic clock, for durations within the process.
pub fn monotonic() -> Monotonic {
    Monotonic(BEGUN.elapsed())
}

/// Both.
pub fn now() -> Moment {
    Moment {
        wall_ms: now_ms(),
        monotonic: monotonic(),
    }
}
