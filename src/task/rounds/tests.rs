use std::future::pending;

use tokio::time::{Instant, advance};

use super::*;

#[tokio::test(start_paused = true)]
async fn rounds_begin_an_interval_apart_and_are_never_made_up_for() {
    const PERIOD: Duration = Duration::from_secs(5);
    let mut rounds = Rounds::every(PERIOD, CancellationToken::new());
    let begun = Instant::now();
    let mut at = Vec::new();
    for work in [1, 12, 1, 1] {
        assert!(rounds.next().await);
        at.push(begun.elapsed().as_secs());
        advance(Duration::from_secs(work)).await;
    }
    assert_eq!(at, [0, 5, 17, 22]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_round_and_the_wait_for_the_next() {
    let stop = CancellationToken::new();
    let mut rounds = Rounds::every(Duration::from_secs(5), stop.clone());
    assert!(rounds.next().await);
    assert_eq!(rounds.unless_stopped(async { 7 }).await, Some(7));
    stop.cancel();
    assert_eq!(rounds.unless_stopped(pending::<()>()).await, None);
    assert!(!rounds.next().await);
}
