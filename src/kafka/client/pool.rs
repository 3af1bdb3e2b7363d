//! The connections of one cluster, by broker and purpose.
//!
//! Promises: one connection for each broker and [`Slot`]; concurrent callers share one attempt; after a failure an
//! address isn't dialed again until a growing, jittered delay has passed, and until then callers get the last error at
//! once. Nobody waits for a broker at an address that it no longer has.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind, Result};
use crate::model::{BrokerId, ClusterName};
use crate::task::Backoff;

use super::auth::Login;
use super::connection::Peer;
use super::single_flight::{SharedResult, SingleFlight};
use super::{Connection, Endpoint, Transport, handshake};

/// The purpose of a connection: slots of one broker never wait for each other.
///
/// When a lease ends, writing under it stops, in the middle of a request if need be, and the connection is closed. So a
/// slot for such requests belongs to one writer, identified by the number of its right
/// ([`Ownership::number`](crate::task::Ownership::number)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// Metadata, and other requests that change nothing.
    Control,
    /// Changes: topics, deleted records, committed offsets.
    Changes { writer: u64 },
    /// Control markers, whose responses wait for replicas.
    Markers { writer: u64 },
    /// Fetching; a partition stays with one number. A broker handles the requests of a connection one at a time, so a
    /// fetch that waits for records would hold up those of other readers.
    Fetch {
        reader: u64,
        /// Which of the reader's connections.
        number: u16,
    },
    /// Producing; a partition stays with one number.
    Produce {
        writer: u64,
        /// Which of the writer's connections.
        number: u16,
    },
    /// The journal, whose appends must not wait behind data.
    Journal,
    /// Reading parts of logs; a partition stays with one number. Other questions don't wait behind records.
    Read { number: u16 },
    /// Reads for verification, behind which data must not wait.
    Verify,
}

/// How connections are made.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) cluster: ClusterName,
    pub(crate) client_id: StrBytes,
    pub(crate) login: Option<Login>,
    pub(crate) timeout: Duration,
}

#[derive(Debug)]
pub(crate) struct Pool {
    dialer: Dialer,
    lanes: Mutex<BTreeMap<(Endpoint, Slot), Arc<Lane>>>,
    failures: Mutex<BTreeMap<Endpoint, Failure>>,
    /// Kafka's id of the cluster, once it is known.
    cluster_id: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Lane {
    connection: Mutex<Option<Connection>>,
    dialing: SingleFlight<Connection>,
    /// Cancelled once the broker is no longer expected at the endpoint.
    given_up: CancellationToken,
}

#[derive(Debug)]
struct Failure {
    backoff: Backoff,
    not_before: Instant,
    last: Arc<Error>,
}

const REDIAL_BASE: Duration = Duration::from_millis(100);
const REDIAL_CAP: Duration = Duration::from_secs(5);

impl Lane {
    fn live(&self) -> Option<Connection> {
        let connection = self.connection.lock();
        connection.clone().filter(Connection::is_alive)
    }
}

impl Pool {
    pub(crate) fn new(dialer: Dialer) -> Arc<Self> {
        Arc::new(Self {
            dialer,
            lanes: Mutex::default(),
            failures: Mutex::default(),
            cluster_id: Mutex::default(),
        })
    }

    /// Sets the id that further connections have to confirm.
    pub(crate) fn expect(&self, cluster_id: Option<&str>) {
        let mut known = self.cluster_id.lock();
        if known.is_none() {
            *known = cluster_id.map(ToOwned::to_owned);
        }
    }

    /// Returns the live connection of a lane, or opens one.
    pub(crate) async fn get(self: &Arc<Self>, to: &Endpoint, slot: Slot) -> Result<Connection> {
        let lane = self.lane(to, slot);
        if let Some(connection) = lane.live() {
            return Ok(connection);
        }
        self.check_delay(to)?;
        let (pool, to_dial, lane_to_dial) = (Arc::clone(self), to.clone(), Arc::clone(&lane));
        let dialed = lane
            .dialing
            .join(|| async move { pool.dial(&lane_to_dial, to_dial).await });
        let dialed = tokio::select! {
            dialed = dialed => dialed,
            () = lane.given_up.cancelled() => Err(Arc::new(moved(to))),
        };
        dialed.map_err(|cause| {
            let text = format!("no connection to {}", self.peer(to));
            Error::new(cause.kind(), text)
                .cluster(&self.dialer.cluster)
                .caused_by(cause)
        })
    }

    /// Whether a control connection is already open.
    pub(crate) fn is_connected(&self, to: &Endpoint) -> bool {
        let key = (to.clone(), Slot::Control);
        let lanes = self.lanes.lock();
        lanes.get(&key).is_some_and(|lane| lane.live().is_some())
    }

    /// Whether the last attempt to connect there failed.
    pub(crate) fn has_failed(&self, to: &Endpoint) -> bool {
        self.failures.lock().contains_key(to)
    }

    /// Puts the next attempt to connect there off by `time`; until then callers get `error`.
    pub(crate) fn put_off(&self, to: &Endpoint, time: Duration, error: Error) {
        self.failed(to.clone(), error);
        if let Some(failure) = self.failures.lock().get_mut(to) {
            failure.not_before = Instant::now() + time;
        }
    }

    /// The shortest response time of a broker over its live connections.
    pub(crate) fn round_trip(&self, broker: BrokerId) -> Option<Duration> {
        let lanes = self.lanes.lock();
        let to_broker = lanes
            .iter()
            .filter(|((to, _), _)| to.broker == Some(broker));
        let connections = to_broker.filter_map(|(_, lane)| lane.live());
        connections.filter_map(|it| it.round_trip()).min()
    }

    /// The latest time until which a broker has asked for silence on a live connection.
    pub(crate) fn throttled_until(&self) -> Option<Instant> {
        let lanes = self.lanes.lock();
        let connections = lanes.values().filter_map(|lane| lane.live());
        connections.filter_map(|it| it.throttled_until()).max()
    }

    /// Drops the connections to all other endpoints; current holders may continue to use them. Callers that wait for a
    /// connection to a broker at an address that it no longer has get an error at once, and go on at the new one.
    pub(crate) fn keep_only(&self, endpoints: &BTreeSet<Endpoint>) {
        self.lanes.lock().retain(|(to, _), lane| {
            let is_kept = endpoints.contains(to);
            if !is_kept && to.broker.is_some() {
                lane.given_up.cancel();
            }
            is_kept
        });
        self.failures
            .lock()
            .retain(|to, _| to.broker.is_none() || endpoints.contains(to));
    }

    fn lane(&self, to: &Endpoint, slot: Slot) -> Arc<Lane> {
        let mut lanes = self.lanes.lock();
        Arc::clone(lanes.entry((to.clone(), slot)).or_default())
    }

    fn peer(&self, to: &Endpoint) -> Peer {
        Peer {
            cluster: self.dialer.cluster.clone(),
            endpoint: to.clone(),
        }
    }

    fn check_delay(&self, to: &Endpoint) -> Result<()> {
        let failures = self.failures.lock();
        let Some(failure) = failures.get(to) else {
            return Ok(());
        };
        if failure.not_before <= Instant::now() {
            return Ok(());
        }
        let peer = self.peer(to);
        // The text of the attempt that failed: one that differs would be told as another failure.
        let text = format!("no connection to {peer}");
        Err(Error::new(failure.last.kind(), text)
            .cluster(&peer.cluster)
            .caused_by(Arc::clone(&failure.last)))
    }

    async fn dial(&self, lane: &Lane, to: Endpoint) -> SharedResult<Connection> {
        if let Some(connection) = lane.live() {
            return Ok(connection);
        }
        match self.connect(&to).await {
            Ok(connection) => {
                self.failures.lock().remove(&to);
                *lane.connection.lock() = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => Err(self.failed(to, error)),
        }
    }

    /// Opens a connection that isn't kept here.
    pub(crate) async fn connect(&self, to: &Endpoint) -> Result<Connection> {
        let Dialer {
            transport,
            client_id,
            login,
            timeout,
            cluster: _,
        } = &self.dialer;
        let known = (login.as_ref(), self.cluster_id.lock().clone());
        let (transport, peer) = (transport.as_ref(), self.peer(to));
        handshake::connect(transport, peer, client_id.clone(), known, *timeout).await
    }

    fn failed(&self, to: Endpoint, error: Error) -> Arc<Error> {
        let last = Arc::new(error);
        let mut failures = self.failures.lock();
        let failure = failures.entry(to).or_insert_with(|| Failure {
            backoff: Backoff::new(REDIAL_BASE, REDIAL_CAP),
            not_before: Instant::now(),
            last: Arc::clone(&last),
        });
        failure.not_before = Instant::now() + failure.backoff.next();
        failure.last = Arc::clone(&last);
        last
    }
}

/// The error of an attempt to reach a broker at an address that it no longer has.
fn moved(from: &Endpoint) -> Error {
    let text = format!("the broker no longer advertises {}", from.advertised);
    Error::new(Kind::Disconnected, text)
}

#[cfg(test)]
mod tests;
