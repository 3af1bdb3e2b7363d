//! A connection to one broker, shared by all holders of a handle.
//!
//! Promises: requests reach the broker in the order in which they were started; each uses the highest version that both
//! sides support. The connection is closed with its last handle.
//! Doesn't: retry, or reconnect once it is dead; the cluster opens a new one.

mod call;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{StrBytes, VersionRange};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::model::{BrokerId, ClusterName, OneLine};
use crate::task::Owned;

use super::Endpoint;
use super::error_codes::{advice, describe};
use super::stream::{PIPELINE_LIMIT, RequestStream};
use super::stream_end::THROTTLE_MAX;
use super::transport::ByteStream;
use super::versions::Versions;

/// A connection to a broker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    peer: Peer,
    client_id: StrBytes,
    versions: OnceLock<Versions>,
    retires: OnceLock<Instant>,
    link: Arc<RequestStream>,
    room_for_calls: Semaphore,
    _task: Owned,
}

/// The peer of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) cluster: ClusterName,
    pub(crate) endpoint: Endpoint,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.endpoint.fmt(f)
    }
}

/// How many [`Connection::call`]s may be in flight; further ones wait their turn.
const CALLS_MAX: usize = PIPELINE_LIMIT / 2;

/// The version of `ListTransactions` that is as old as the permission of `ALTER` to write control markers (KIP-1037), new in
/// Kafka 3.8.
const LIST_TRANSACTIONS_OF_3_8: i16 = 1;

/// The version of `InitProducerId` in which a producer may ask for its next epoch, new in Kafka 2.5.
const INIT_PRODUCER_ID_OF_2_5: i16 = 3;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Connection {
    /// Starts serving a byte stream. Until the versions are known, only `ApiVersions` can be sent.
    pub(crate) fn open(peer: Peer, client_id: StrBytes, stream: ByteStream) -> Self {
        let link = Arc::new(RequestStream::default());
        let serving = Arc::clone(&link);
        let task = Owned::spawn("connection", async move {
            serving.run(stream).await;
            Ok(())
        });
        Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            peer,
            client_id,
            versions: OnceLock::new(),
            retires: OnceLock::new(),
            link,
            room_for_calls: Semaphore::new(CALLS_MAX),
            _task: task,
        }))
    }

    pub(crate) fn set_versions(&self, versions: Versions) {
        self.0.versions.get_or_init(|| versions);
    }

    pub(crate) fn peer(&self) -> &Peer {
        &self.0.peer
    }

    /// The broker at the other end; `None` for a connection to a bootstrap address.
    pub fn broker(&self) -> Option<BrokerId> {
        self.0.peer.endpoint.broker
    }

    /// A number that is unique among the connections of this process.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether requests may still be started on it.
    pub fn is_alive(&self) -> bool {
        let retired = self.0.retires.get().is_some_and(|at| *at <= Instant::now());
        !retired && self.0.link.is_alive()
    }

    /// Retires the connection after `time`: requests in flight then still complete, but no new ones should be started.
    pub(crate) fn retire_after(&self, time: Duration) {
        self.0.retires.get_or_init(|| Instant::now() + time);
    }

    /// The highest version of a request that both sides support; `None` if there is none.
    pub fn version_of(&self, key: ApiKey) -> Option<i16> {
        self.0.versions.get()?.highest(key)
    }

    /// Whether the broker accepts any first sequence number from an unknown producer id (KIP-360), as brokers do since
    /// 2.5. Detected by the version of `InitProducerId` that was introduced with it.
    pub fn takes_any_first_sequence(&self) -> bool {
        let versions = self.0.versions.get();
        versions.is_some_and(|it| it.reaches(ApiKey::InitProducerId, INIT_PRODUCER_ID_OF_2_5))
    }

    /// Whether offsets can be preserved on the broker: it takes control markers and reports the producers that it knows, as
    /// brokers do since 2.8.
    pub fn preserves_offsets(&self) -> bool {
        let needed = [ApiKey::WriteTxnMarkers, ApiKey::DescribeProducers];
        needed.iter().all(|key| self.version_of(*key).is_some())
    }

    /// Whether `ALTER` on the cluster permits writing control markers, as it does since 3.8; before, only
    /// `CLUSTER_ACTION` does.
    pub fn alter_permits_markers(&self) -> bool {
        let versions = self.0.versions.get();
        versions.is_some_and(|it| it.reaches(ApiKey::ListTransactions, LIST_TRANSACTIONS_OF_3_8))
    }

    /// How much longer the broker has throttled this client; requests started meanwhile wait here.
    pub fn throttled_for(&self) -> Duration {
        let until = self.throttled_until();
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// Until when the broker has asked for silence, which may have passed.
    pub(crate) fn throttled_until(&self) -> Option<Instant> {
        self.0.link.muted_until()
    }

    /// The shortest response time so far: hardly more than the round-trip time.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.0.link.round_trip()
    }

    /// Leaves the broker alone for the time it asked for in its response to `key`, within limits.
    pub(crate) fn throttle(&self, key: ApiKey, milliseconds: i32) {
        let Ok(milliseconds @ 1..) = u64::try_from(milliseconds) else {
            return;
        };
        let time = Duration::from_millis(milliseconds);
        if self.0.link.mute(time) {
            let Peer { cluster, .. } = self.peer();
            tracing::warn!(
                %cluster,
                "{} asked for silence for {time:?} in its answer to {key:?}; \
                 after {THROTTLE_MAX:?} a new connection is opened",
                self.peer(),
            );
        }
    }

    /// Ends the connection, on which a response can't be read, and returns the error.
    pub(crate) fn unreadable(&self, key: ApiKey, version: i16, cause: anyhow::Error) -> Error {
        self.0.link.end_unreadable();
        let what = "got an answer that cannot be read; is it an Apache Kafka broker?";
        self.error_of((key, version), Kind::Protocol, what)
            .caused_by(cause)
    }

    /// Builds the error for an error code in this broker's response to a request.
    pub fn refusal(&self, what: &str, code: BrokerCode, detail: Option<&str>) -> Error {
        let mut text = format!("cannot {what}: {}", describe(code));
        let detail = detail.filter(|detail| !detail.is_empty());
        for more in detail.into_iter().chain(advice(code)) {
            text.push_str("; ");
            text.push_str(&OneLine(more).to_string());
        }
        self.error(Kind::Broker(code), &text)
    }

    fn choose(&self, key: ApiKey, spoken: VersionRange, highest: i16) -> Result<i16> {
        let spoken = VersionRange {
            min: spoken.min,
            max: spoken.max.min(highest),
        };
        let versions = self.0.versions.get();
        let versions = versions.ok_or_else(|| self.error(Kind::Protocol, "no versions known"))?;
        versions
            .choose(key, spoken)
            .map_err(|cause| self.error(cause.kind(), cause.message()))
    }

    /// Builds an error of a request on this connection.
    pub(crate) fn error_of(
        &self,
        (key, version): (ApiKey, i16),
        kind: Kind,
        what: impl fmt::Display,
    ) -> Error {
        let peer = self.peer();
        let text = format!("{key:?} v{version} to {peer} {what}");
        Error::new(kind, text).cluster(&peer.cluster)
    }

    /// Builds an error of this connection.
    pub(crate) fn error(&self, kind: Kind, what: &str) -> Error {
        let peer = self.peer();
        Error::new(kind, format!("{peer}: {what}")).cluster(&peer.cluster)
    }
}

#[cfg(test)]
mod tests;
