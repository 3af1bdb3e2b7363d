//! Work repeated periodically until it is told to stop.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The schedule of a loop: the first round begins immediately, each later one an interval after the previous one began, or
/// as soon as that has ended if it took longer.
#[derive(Debug)]
pub struct Rounds {
    ticks: Interval,
    stop: CancellationToken,
}

impl Rounds {
    /// Returns rounds with an interval of `period`, until `stop` is cancelled.
    pub fn every(period: Duration, stop: CancellationToken) -> Self {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, stop }
    }

    /// Waits for the next round; returns false after a stop. Cancellation: safe.
    pub async fn next(&mut self) -> bool {
        let Self { ticks, stop } = self;
        stop.run_until_cancelled(ticks.tick()).await.is_some()
    }

    /// Returns the result of `round`; on a stop drops it and returns `None`.
    pub async fn unless_stopped<T>(&self, round: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(round).await
    }
}

#[cfg(test)]
mod tests {
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
}
