//! The size of requests, chosen so that none waits long for those before it.
//!
//! Pure. On a slow connection or with a slow broker, small requests wait for large ones. So requests shrink while their
//! answers take a quarter of a second longer than the fastest one did, and double again while they are quick. Smaller
//! requests don't help against a long round trip: where even the smallest take longer, the shortest time is slowly
//! forgotten. That larger ones take longer says nothing: they wait for each other.

use std::time::Duration;

/// How much longer than the fastest an answer may take.
const PATIENCE: Duration = Duration::from_millis(250);
/// The shortest time moves by one part in this many towards each longer one of the smallest requests.
const MEMORY: u32 = 64;
/// The least size, in bytes: smaller requests cost brokers more than they carry.
const LEAST: usize = 64 * 1024;
/// The first size, in bytes; small because only small requests show how long a round trip is.
const FIRST: usize = 256 * 1024;

/// The size of requests on one connection.
#[derive(Debug)]
pub(crate) struct RequestSizer {
    bytes: usize,
    shortest: Option<Duration>,
}

impl Default for RequestSizer {
    fn default() -> Self {
        Self {
            bytes: FIRST,
            shortest: None,
        }
    }
}

impl RequestSizer {
    /// Returns how many bytes the next request may carry.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records how long the answer to a request of `bytes` took.
    pub(crate) fn note(&mut self, bytes: usize, took: Duration) {
        let Some(shortest) = self.shortest else {
            self.shortest = Some(took);
            return;
        };
        let over = took.saturating_sub(shortest);
        // The smallest requests don't grow until the shortest time has caught up: it adapts only at that size.
        let quick = PATIENCE / if self.bytes == LEAST { 8 } else { 2 };
        if over.is_zero() {
            self.shortest = Some(took);
        } else if self.bytes == LEAST {
            self.shortest = Some(shortest + over / MEMORY);
        }
        if over > PATIENCE {
            self.bytes = (self.bytes / 2).max(LEAST);
        } else if over < quick {
            let carried = bytes.min(self.bytes);
            self.bytes = self.bytes.max(carried.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests;
