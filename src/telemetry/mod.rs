//! What farshore tells about itself: log lines, metrics, health.
//!
//! Promises: nothing global but the log subscriber; metrics are a value that is passed to whoever counts; figures of
//! partitions are taken when they are asked for, so that a deleted partition leaves nothing behind.
//! Doesn't: decide anything.

mod clock;
mod health;
mod logging;
pub mod metrics;

pub use clock::{monotonic, now, now_ms};
pub use health::{Liveness, Readiness};
pub use logging::{FILTER_VARIABLE, init};
