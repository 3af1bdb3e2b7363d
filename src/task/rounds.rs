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
mod tests;
