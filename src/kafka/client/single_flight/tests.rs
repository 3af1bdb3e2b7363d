use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;

use super::*;
use crate::error::Kind;
use crate::task::testing::passes;

#[tokio::test(start_paused = true)]
async fn callers_share_an_attempt_and_later_ones_begin_anew() {
    let flight = SingleFlight::default();
    let count = Arc::new(AtomicU32::new(0));
    let attempt = || {
        let count = Arc::clone(&count);
        async move {
            passes(Duration::from_secs(1)).await;
            Ok(count.fetch_add(1, Ordering::SeqCst))
        }
    };
    let first = join_all((0..10).map(|_| flight.join(attempt))).await;
    let first: Vec<u32> = first.into_iter().map(Result::unwrap).collect();
    assert_eq!(first, [0; 10]);
    assert_eq!(flight.join(attempt).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn everybody_learns_why_it_failed() {
    let flight = SingleFlight::<()>::default();
    let attempt = || async {
        passes(Duration::from_secs(1)).await;
        Err(Arc::new(Error::new(Kind::Disconnected, "refused")))
    };
    for result in join_all((0..3).map(|_| flight.join(attempt))).await {
        assert_eq!(result.unwrap_err().kind(), Kind::Disconnected);
    }
}

#[tokio::test]
async fn an_attempt_nobody_waits_for_is_abandoned() {
    let flight = SingleFlight::default();
    let never = Arc::new(Notify::new());
    let waiting = Arc::clone(&never);
    let mut stuck = Box::pin(flight.join(|| async move {
        waiting.notified().await;
        Ok(1)
    }));
    assert!((&mut stuck).now_or_never().is_none());
    drop(stuck);
    assert_eq!(Arc::strong_count(&never), 1);
    assert_eq!(flight.join(|| async { Ok(2) }).await.unwrap(), 2);
}
