//! Rate limits per client, for reads and for changes.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::extract::Peer;
use super::limits::Limits;
use super::problem::Problem;

/// The burst a client may accumulate, in seconds' worth of requests.
const BURST_SECONDS: u32 = 4;
/// The number of requests after which idle clients are evicted.
const FORGET_EVERY: u32 = 1024;

/// The rate limiters, each keyed by client.
#[derive(Debug)]
pub(super) struct Rates {
    reads: DefaultKeyedRateLimiter<IpAddr>,
    changes: DefaultKeyedRateLimiter<IpAddr>,
    /// Separate from the reads, so that a runaway client on the same machine doesn't make the service look dead.
    watches: DefaultKeyedRateLimiter<IpAddr>,
    counted: AtomicU32,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            reads: limiter(limits.reads_per_second),
            changes: limiter(limits.changes_per_second),
            watches: limiter(limits.reads_per_second),
            counted: AtomicU32::new(0),
        }
    }

    /// How long the client has to wait before it may send this request; `None` if it may send it now.
    fn wait(&self, client: IpAddr, bucket: &DefaultKeyedRateLimiter<IpAddr>) -> Option<Duration> {
        let counted = self.counted.fetch_add(1, Ordering::Relaxed);
        if counted.is_multiple_of(FORGET_EVERY) {
            for bucket in [&self.reads, &self.changes, &self.watches] {
                bucket.retain_recent();
            }
        }
        let refused = bucket.check_key(&client).err()?;
        Some(refused.wait_time_from(DefaultClock::default().now()))
    }

    fn bucket(&self, request: &Request) -> Option<&DefaultKeyedRateLimiter<IpAddr>> {
        match (request.method(), request.uri().path()) {
            (_, "/healthz") => None,
            (_, "/readyz" | "/metrics") => Some(&self.watches),
            (&Method::GET | &Method::HEAD, _) | (&Method::POST, "/v1/translate") => {
                Some(&self.reads)
            }
            _ => Some(&self.changes),
        }
    }
}

/// Rejects requests that exceed the rate.
pub(super) async fn limit(
    State(rates): State<Arc<Rates>>,
    Peer(peer): Peer,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let bucket = rates.bucket(&request);
    match bucket.and_then(|bucket| rates.wait(client(peer), bucket)) {
        Some(wait) => Err(Problem::TooManyRequests(wait)),
        None => Ok(next.run(request).await),
    }
}

/// The address that identifies a client: an IPv4 address, or the /64 network from which a single IPv6 host can take
/// addresses.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

fn limiter(per_second: u32) -> DefaultKeyedRateLimiter<IpAddr> {
    let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
    RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst))
}

#[cfg(test)]
mod tests;
