//! Tracks writes in flight, and waits until there are none.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// Tracks writes in flight; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<RwLock<()>>);

/// A write in flight; ends when dropped.
#[derive(Debug)]
pub struct Writing(#[expect(dead_code, reason = "held, not read")] OwnedRwLockReadGuard<()>);

impl InFlight {
    /// Begins a write. Whether it is allowed must be checked afterwards: then nothing is written once writes have been
    /// forbidden and [`rest`](Self::rest) has returned. Cancellation: safe.
    pub async fn begin(&self) -> Writing {
        Writing(Arc::clone(&self.0).read_owned().await)
    }

    /// Waits until no write is in flight. Cancellation: safe.
    pub async fn rest(&self) {
        drop(self.0.write().await);
    }

    /// Whether no write is in flight.
    pub fn is_at_rest(&self) -> bool {
        self.0.try_write().is_ok()
    }
}

#[cfg(test)]
mod tests;
