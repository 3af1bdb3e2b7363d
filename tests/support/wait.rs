//! Waiting for conditions: the only place in the tests that sleeps.

use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);

/// Polls `probe` until it returns a value. Until then its error describes what it saw instead.
///
/// Panics after `deadline` with the last error.
pub(crate) async fn eventually<T>(
    deadline: Duration,
    what: &str,
    mut probe: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let end = Instant::now() + deadline;
    let mut last = "nothing".to_owned();
    loop {
        let left = end.saturating_duration_since(Instant::now()).max(POLL);
        match tokio::time::timeout(left, probe()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(seen)) => last = seen,
            Err(_) => {}
        }
        assert!(
            Instant::now() < end,
            "{what}: not within {deadline:?}; last seen: {last}"
        );
        tokio::time::sleep(POLL).await;
    }
}

/// Lets time pass where the passing itself is under test, such as idling, and can't be observed from outside.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets a random time pass, for faults that must occur at any moment rather than at an observable one.
pub(crate) async fn any_moment(rng: &mut fastrand::Rng, within: Duration) {
    pass(within.mul_f64(rng.f64())).await;
}

/// Runs blocking work without blocking the async runtime.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
