//! Keeps reading within a rate, in bytes per second.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// A reader waits for its turn, and afterwards reports what it has read.
#[derive(Debug)]
pub(crate) struct Pace {
    bytes_per_second: u64,
    next: Mutex<Instant>,
}

impl Pace {
    /// Allows at most `bytes_per_second`, over any period longer than a single response takes.
    pub(crate) fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits until more may be read.
    pub(crate) async fn turn(&self) {
        let next = *self.next.lock();
        sleep_until(next).await;
    }

    /// Accounts for bytes that were read.
    pub(crate) fn spent(&self, bytes: usize) {
        let nanos = u128::try_from(bytes).unwrap_or(u128::MAX) * 1_000_000_000;
        let nanos = nanos / u128::from(self.bytes_per_second);
        let time = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut next = self.next.lock();
        *next = (*next).max(Instant::now()) + time;
    }
}

#[cfg(test)]
mod tests;
