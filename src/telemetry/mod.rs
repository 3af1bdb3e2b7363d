//! What farshore tells about itself: logs, metrics, health.

mod clock;

pub use clock::now_ms;
