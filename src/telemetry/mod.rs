//! Logs, metrics and health of farshore itself.
//!
//! Promises: no global state except for the log subscriber; metrics are a value that is passed on; partitions are sampled
//! at each scrape, so that a deleted partition leaves nothing behind.
//! Doesn't: decide anything.

mod clock;
mod health;
mod logging;
pub mod metrics;

pub use clock::{monotonic, now, now_ms};
pub use health::{Liveness, Readiness};
pub use logging::{FILTER_VARIABLE, LostLines, init};
