//! A connection to one broker, shared by everybody who holds it.
//!
//! Promises: requests reach the broker in the order of the calls that started them; each takes the highest version that
//! both sides speak. The connection ends with its last holder.
//! Doesn't: retry, or come back once it is dead; the cluster makes a new one.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kafka_protocol::messages::{ApiKey, ProduceRequest, ProduceResponse};
use kafka_protocol::protocol::{StrBytes, VersionRange};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::model::{BrokerId, ClusterName};
use crate::task::{Owned, Ownership};

use super::HostPort;
use super::encode::{Message, Read, answer_to};
use super::error_codes::{advice, describe};
use super::produce::ProduceBatches;
use super::request::Request;
use super::response::{Asked, Pending};
use super::stream::{Link, NotTaken, PIPELINE_LIMIT};
use super::transport::{ReadHalf, WriteHalf};
use super::versions::Versions;

/// A connection to a broker; cheap to clone.
#[derive(Debug, Clone)]
pub struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    peer: Peer,
    client_id: StrBytes,
    versions: OnceLock<Versions>,
    retires: OnceLock<Instant>,
    link: Arc<Link>,
    room_for_calls: Semaphore,
    _task: Owned,
}

/// Whom a connection leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) cluster: ClusterName,
    pub(crate) broker: Option<BrokerId>,
    pub(crate) address: HostPort,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.broker {
            Some(broker) => write!(f, "broker {broker} at {}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// How many [`Connection::call`]s may wait for their answers; the others wait for their turn.
const CALLS_MAX: usize = PIPELINE_LIMIT / 2;

/// The version of `InitProducerId` in which a producer may ask for its next epoch, new in Kafka 2.5.
const INIT_PRODUCER_ID_OF_2_5: i16 = 3;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Connection {
    /// Starts serving a byte stream. Until the versions are known only `ApiVersions` can be asked.
    pub(crate) fn open(
        peer: Peer,
        client_id: StrBytes,
        (read, write): (ReadHalf, WriteHalf),
    ) -> Self {
        let link = Arc::new(Link::default());
        let serving = Arc::clone(&link);
        let task = Owned::spawn("connection", async move {
            serving.run(read, write).await;
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

    /// The broker it leads to; `None` for one made to a bootstrap address.
    pub fn broker(&self) -> Option<BrokerId> {
        self.0.peer.broker
    }

    /// A number no other connection of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether requests should still be started on it.
    pub fn is_alive(&self) -> bool {
        let retired = self.0.retires.get().is_some_and(|at| *at <= Instant::now());
        !retired && self.0.link.is_alive()
    }

    /// Takes no further requests into account after this time; what is under way then still ends well.
    pub(crate) fn retire_after(&self, time: Duration) {
        self.0.retires.get_or_init(|| Instant::now() + time);
    }

    /// The highest version of a request that both sides speak; `None` if there is none.
    pub fn version_of(&self, key: ApiKey) -> Option<i16> {
        self.0.versions.get()?.highest(key)
    }

    /// Whether the broker takes an unknown producer id that begins with any sequence number (KIP-360), as brokers do from 2.5 on:
    /// the version of `InitProducerId` that came with it tells.
    pub fn takes_any_first_sequence(&self) -> bool {
        let versions = self.0.versions.get();
        versions.is_some_and(|it| it.reaches(ApiKey::InitProducerId, INIT_PRODUCER_ID_OF_2_5))
    }

    /// For how long the broker asked not to be sent anything; requests started meanwhile wait here.
    pub fn throttled_for(&self) -> Duration {
        let until = self.0.link.muted_until();
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// The shortest time between a request and its answer so far: hardly more than the way there and back.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.0.link.round_trip()
    }

    pub(crate) fn throttle(&self, milliseconds: i32) {
        if let Ok(milliseconds @ 1..) = u64::try_from(milliseconds) {
            self.0.link.mute(Duration::from_millis(milliseconds));
        }
    }

    /// Sends a request, now and in the order of the calls; the answer comes out of the [`Pending`].
    ///
    /// The timeout is how long the answer may take from now; an overdue answer ends the connection, at most half a second
    /// late. Errors: `Disconnected` if the connection has ended, `Refused` if too many answers are awaited already,
    /// `Protocol` if the broker cannot take the request.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request is used up by sending it"
    )]
    pub fn start<R: Request>(&self, request: R, timeout: Duration) -> Result<Pending<R::Response>> {
        let version = self.choose(R::KEY, R::SPOKEN, request.highest_version())?;
        self.start_in(&request, version, timeout)
    }

    /// Sends a request when there is room for it, and waits for its answer.
    ///
    /// The timeout runs from when it is sent. Errors: as for [`Connection::start`], and those of [`Pending`].
    /// Cancellation: the request may still happen.
    pub async fn call<R: Request>(&self, request: R, timeout: Duration) -> Result<R::Response> {
        let _room = self.0.room_for_calls.acquire().await;
        self.start(request, timeout)?.await
    }

    /// Like [`Connection::call`], with the answer read as the caller wants it.
    pub(crate) async fn call_reading<R: Request, T>(
        &self,
        request: R,
        timeout: Duration,
        read: Read<T>,
    ) -> Result<T> {
        let _room = self.0.room_for_calls.acquire().await;
        let version = self.choose(R::KEY, R::SPOKEN, request.highest_version())?;
        let message = Message::of(&request, version, &self.0.client_id);
        self.send(message, (R::KEY, version), timeout, read)?.await
    }

    /// Like [`Connection::call`], but written only while the right is held. Errors: `Refused` if it isn't now.
    pub async fn call_under<R: Request>(
        &self,
        right: &Ownership,
        request: R,
        timeout: Duration,
    ) -> Result<R::Response> {
        let _room = self.0.room_for_calls.acquire().await;
        right.check()?;
        let version = self.choose(R::KEY, R::SPOKEN, request.highest_version())?;
        let message = Message::of(&request, version, &self.0.client_id);
        let message = message.map(|message| message.under(right));
        let pending = self.send(message, (R::KEY, version), timeout, answer_to::<R>)?;
        pending.await
    }

    /// Like [`Connection::start`] in a version chosen by the caller, who also knows how to read the answer.
    pub(crate) fn start_version<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
        read: Read<R::Response>,
    ) -> Result<Pending<R::Response>> {
        let message = Message::of(request, version, &self.0.client_id);
        self.send(message, (R::KEY, version), timeout, read)
    }

    /// The same in a version chosen by the caller.
    pub(crate) fn start_in<R: Request>(
        &self,
        request: &R,
        version: i16,
        timeout: Duration,
    ) -> Result<Pending<R::Response>> {
        self.start_version(request, version, timeout, answer_to::<R>)
    }

    /// Sends batches without copying their bodies; otherwise like [`Connection::start`].
    ///
    /// `Refused` also for `acks` 0: such requests have no answer.
    /// They are written only while the right is held, if one is given; the connection ends with it otherwise.
    pub fn start_produce(
        &self,
        batches: ProduceBatches,
        timeout: Duration,
        right: Option<&Ownership>,
    ) -> Result<Pending<ProduceResponse>> {
        if batches.acks == 0 {
            return Err(self.error(Kind::Refused, "acks = 0 leaves no way to know what arrived"));
        }
        let highest = batches.highest_version();
        let version = self.choose(ApiKey::Produce, ProduceRequest::SPOKEN, highest)?;
        let message = batches.message(version, &self.0.client_id);
        let message = match right {
            Some(right) => {
                right.check()?;
                message.map(|message| message.under(right))
            }
            None => message,
        };
        let read = answer_to::<ProduceRequest>;
        self.send(message, (ApiKey::Produce, version), timeout, read)
    }

    /// The error for a code in this broker's answer to what was asked of it.
    pub fn refusal(&self, what: &str, code: BrokerCode, detail: Option<&str>) -> Error {
        let mut text = format!("cannot {what}: {}", describe(code));
        let detail = detail.filter(|detail| !detail.is_empty());
        for more in detail.into_iter().chain(advice(code)) {
            text.push_str("; ");
            text.push_str(more);
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

    fn send<T>(
        &self,
        message: anyhow::Result<Message>,
        (key, version): (ApiKey, i16),
        timeout: Duration,
        read: Read<T>,
    ) -> Result<Pending<T>> {
        let message = message.map_err(|cause| {
            let text = format!("{key:?} cannot be written in version {version}");
            self.error(Kind::Protocol, &text).caused_by(cause)
        })?;
        let outcome = self.0.link.enqueue(message, timeout);
        let outcome = outcome.map_err(|refusal| match refusal {
            NotTaken::Ended(lost) => {
                let text = format!("{key:?} was not sent");
                self.error(lost.kind, &text).caused_by(lost.cause)
            }
            NotTaken::Full => {
                let text = format!("{PIPELINE_LIMIT} requests wait for their answers already");
                self.error(Kind::Refused, &text)
            }
        })?;
        let asked = Asked {
            connection: self.clone(),
            key,
            version,
            timeout,
        };
        Ok(Pending {
            outcome,
            asked,
            read,
        })
    }

    /// An error of this connection.
    pub(crate) fn error(&self, kind: Kind, what: &str) -> Error {
        let peer = self.peer();
        Error::new(kind, format!("{peer}: {what}")).cluster(&peer.cluster)
    }
}

#[cfg(test)]
mod tests;
