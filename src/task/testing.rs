//! Virtual time for unit tests.

use std::time::Duration;

/// Lets virtual time pass; whatever is due meanwhile happens. Panics unless the clock is paused: a test that waits for real
/// time waits too long or not long enough.
pub(crate) async fn passes(time: Duration) {
    tokio::time::advance(Duration::ZERO).await;
    tokio::time::sleep(time).await;
}
