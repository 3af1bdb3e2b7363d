//! The brokers to ask for what any broker can answer: one after the other, without waiting long for any of them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::kafka::client::pool::Slot;
use crate::kafka::client::tls::TlsFailure;
use crate::kafka::client::{Connection, Endpoint, HostPort};
use crate::model::BrokerId;
use crate::task::staggered;

use super::Cluster;

/// Why no broker answers: the first error for each address. Their order is that of the addresses, so that the text doesn't
/// depend on the random order in which brokers are asked.
type Reasons = BTreeMap<HostPort, Error>;

/// How long a broker may take before the next one is asked as well: longer than an answer over a slow line takes, shorter
/// than an address that drops everything takes to fail.
pub(super) const HEAD_START: Duration = Duration::from_secs(2);
/// How many brokers without a connection are asked before the bootstrap addresses, of which one has answered before: the
/// addresses that brokers advertise may be out of reach, all of them.
const EARLY: usize = 3;

/// The order in which brokers are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Connected,
    /// Without a connection, to be asked all the same.
    Early,
    /// The only one asked for too long.
    Worn,
    Bootstrap,
    Late,
}

impl Cluster {
    /// Returns a connection to any broker that answers, a known one or a bootstrap address.
    ///
    /// Errors: if none answers, the errors of all of them.
    pub async fn any_connection(&self) -> Result<Connection> {
        self.any_connection_for(Slot::Control).await
    }

    pub(in crate::kafka::client) async fn any_connection_for(
        &self,
        slot: Slot,
    ) -> Result<Connection> {
        self.first_answer(|endpoint| async move { self.0.pool.get(&endpoint, slot).await })
            .await
    }

    /// Opens a connection to an endpoint that isn't kept, to find out what is there.
    ///
    /// Errors: as for [`Cluster::connection`], without the delay after a failure.
    pub(crate) async fn try_out(&self, endpoint: &Endpoint) -> Result<Connection> {
        self.0.pool.connect(endpoint).await
    }

    /// Connects to every bootstrap address at once and returns the first connection.
    ///
    /// Errors: if none answers, the errors of all of them.
    pub(crate) async fn first_bootstrap_connection(&self) -> Result<Connection> {
        self.first_of(
            self.bootstrap_endpoints(),
            Duration::ZERO,
            |endpoint| async move { self.bootstrap_connection(&endpoint).await },
        )
        .await
    }

    /// Makes no further attempt to connect to a broker for `time`: those that need it get `error` at once.
    pub(crate) fn put_off(&self, broker: BrokerId, time: Duration, error: Error) {
        if let Some(endpoint) = self.metadata().brokers.get(&broker) {
            self.0.pool.put_off(endpoint, time, error);
        }
    }

    /// Returns the connection to a bootstrap address.
    pub(crate) async fn bootstrap_connection(&self, endpoint: &Endpoint) -> Result<Connection> {
        self.0.pool.get(endpoint, Slot::Control).await
    }

    /// The bootstrap addresses as they are written, in their order.
    pub(crate) fn bootstrap_endpoints(&self) -> Vec<Endpoint> {
        let settings = self.settings();
        let endpoint = |address| Endpoint::bootstrap(address, &settings.address_map);
        settings.bootstrap.iter().map(endpoint).collect()
    }

    /// Returns the first success of `attempt`, which is made with one candidate after the other; the next one has its turn when
    /// the one before fails or has had its head start. Later successes are dropped.
    ///
    /// Errors: if none succeeds, the errors of all of them.
    pub(super) async fn first_answer<T, A>(&self, attempt: impl Fn(Endpoint) -> A) -> Result<T>
    where
        A: Future<Output = Result<T>>,
    {
        self.first_of(self.candidates(), HEAD_START, attempt).await
    }

    async fn first_of<T, A>(
        &self,
        endpoints: Vec<Endpoint>,
        head_start: Duration,
        attempt: impl Fn(Endpoint) -> A,
    ) -> Result<T>
    where
        A: Future<Output = Result<T>>,
    {
        let answered = staggered(endpoints, head_start, attempt).await;
        answered.map_err(|failures| self.nobody(failures))
    }

    /// The brokers to ask for what any broker can answer: connected ones first, in random order among equals. Bootstrap
    /// addresses come before most brokers without a connection, and before all to which the last attempt to connect failed.
    /// A broker that has been the only one asked for too long comes after some others.
    pub(super) fn candidates(&self) -> Vec<Endpoint> {
        let pool = &self.0.pool;
        let mut brokers: Vec<Endpoint> = self.metadata().brokers.values().cloned().collect();
        fastrand::shuffle(&mut brokers);
        let worn = self.0.latest.lock().worn_teller(Instant::now()).cloned();
        let mut early = 0;
        let rank = |endpoint: &Endpoint| {
            if worn.as_ref() == Some(endpoint) {
                Rank::Worn
            } else if pool.is_connected(endpoint) {
                Rank::Connected
            } else if early < EARLY && (worn.is_some() || !pool.has_failed(endpoint)) {
                early += 1;
                Rank::Early
            } else {
                Rank::Late
            }
        };
        let ranks: Vec<Rank> = brokers.iter().map(rank).collect();
        let mut bootstrap = self.bootstrap_endpoints();
        fastrand::shuffle(&mut bootstrap);
        bootstrap.sort_by_key(|it| !pool.is_connected(it));
        let of_bootstrap = bootstrap.into_iter().map(|it| {
            let has_failed = pool.has_failed(&it);
            (
                if has_failed {
                    Rank::Late
                } else {
                    Rank::Bootstrap
                },
                it,
            )
        });
        let mut ranked: Vec<(Rank, Endpoint)> = ranks.into_iter().zip(brokers).collect();
        ranked.extend(of_bootstrap);
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, endpoint)| endpoint).collect()
    }

    fn nobody(&self, failures: Vec<(Endpoint, Error)>) -> Error {
        let mut reasons = Reasons::new();
        for (endpoint, error) in failures {
            reasons.entry(endpoint.dial).or_insert(error);
        }
        let kinds = || reasons.values().map(Error::kind);
        let passing = kinds().find(|kind| matches!(kind, Kind::Disconnected | Kind::TimedOut));
        let kind = passing.or(kinds().next()).unwrap_or(Kind::Disconnected);
        let causes: Vec<String> = reasons.values().map(Error::causes).collect();
        let text = format!("no broker answers: {}", causes.join("; "));
        let mut error = self.error(kind, text).of_whole_cluster();
        if let Some(fix) = reasons.values().find_map(Error::fix) {
            error = error.fixed_by(fix);
        }
        // The text has it already; `check` looks for the failure itself, which knows a fix.
        let explained = reasons.values().find_map(|it| TlsFailure::among(it));
        match explained {
            Some(failure) => error.caused_by(failure.clone()),
            None => error,
        }
    }
}
