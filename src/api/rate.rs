//! Rate limits per client, for reads and for changes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout_at};

use super::access::Demand;
use super::extract::Peer;
use super::limits::Limits;
use super::problem::Problem;

/// The burst a client may accumulate, in seconds' worth of requests.
const BURST_SECONDS: u32 = 4;
/// The number of requests after which idle clients are evicted.
const FORGET_EVERY: u32 = 1024;

/// The rate limits, each with its own count of requests, so that none keeps another from being asked.
#[derive(Debug)]
pub(super) struct Rates {
    reads: Rate,
    changes: Rate,
    metrics: Rate,
    readiness: Rate,
    link_readiness: Rate,
    patience: Duration,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            reads: Rate::new(limits.reads_per_second),
            changes: Rate::new(limits.changes_per_second),
            metrics: Rate::new(limits.reads_per_second),
            readiness: Rate::new(limits.reads_per_second),
            link_readiness: Rate::new(limits.reads_per_second),
            patience: limits.patience,
        }
    }

    fn of(&self, demand: Demand) -> Option<&Rate> {
        match demand {
            Demand::Liveness => None,
            Demand::Readiness => Some(&self.readiness),
            Demand::LinkReadiness => Some(&self.link_readiness),
            Demand::Metrics => Some(&self.metrics),
            Demand::Read => Some(&self.reads),
            Demand::Change => Some(&self.changes),
        }
    }
}

/// A limit of requests per second, for each client.
#[derive(Debug)]
struct Rate {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    /// The queues of clients: its requests wait in turn, so that one of its connections doesn't starve the others.
    queues: Mutex<HashMap<IpAddr, Arc<tokio::sync::Mutex<()>>>>,
    counted: AtomicU32,
}

impl Rate {
    fn new(per_second: u32) -> Self {
        let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
        Self {
            limiter: RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst)),
            queues: Mutex::default(),
            counted: AtomicU32::new(0),
        }
    }

    /// Waits until a client's request may be answered.
    ///
    /// Errors: that takes longer than `patience`; the time to wait before another attempt.
    async fn turn(&self, client: IpAddr, patience: Duration) -> Result<(), Duration> {
        self.forget();
        let queue = Arc::clone(self.queues.lock().entry(client).or_default());
        let deadline = Instant::now() + patience;
        let Ok(_first) = timeout_at(deadline, queue.lock()).await else {
            return Err(patience);
        };
        while let Err(refused) = self.limiter.check_key(&client) {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            if wait > deadline.saturating_duration_since(Instant::now()) {
                return Err(wait);
            }
            sleep(wait).await;
        }
        Ok(())
    }

    /// Evicts idle clients from time to time.
    fn forget(&self) {
        let counted = self.counted.fetch_add(1, Ordering::Relaxed);
        if counted.is_multiple_of(FORGET_EVERY) {
            self.limiter.retain_recent();
            let mut queues = self.queues.lock();
            queues.retain(|_, queue| Arc::strong_count(queue) > 1);
        }
    }
}

/// Makes requests beyond the rate wait, and rejects those that would wait too long.
pub(super) async fn limit(
    State(rates): State<Arc<Rates>>,
    Peer(peer): Peer,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(rate) = rates.of(Demand::of(request.method(), request.uri())) {
        let turn = rate.turn(client(peer), rates.patience).await;
        turn.map_err(Problem::TooManyRequests)?;
    }
    Ok(next.run(request).await)
}

/// The address that identifies a client: an IPv4 address, or the /64 network from which a single IPv6 host can take
/// addresses.
pub(super) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests;
