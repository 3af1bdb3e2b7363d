//! A cluster: its metadata, its connections, and which broker is responsible for what.
//!
//! Promises: metadata is requested by one caller at a time, at most ten times a second, from any broker that answers;
//! dead addresses among the others do no harm.
//! Doesn't: poll anything on its own; it only refreshes on request.

mod candidates;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka_protocol::messages::{ApiKey, FindCoordinatorRequest};
use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Kind, Result};
use crate::model::{BrokerId, ClusterName, GroupId, TopicPartition};

use super::address_map::AddressMap;
use super::auth::Login;
use super::coalesce::Coalescers;
use super::error_codes::code_of;
use super::metadata::{self, EarlierEpochs, Leader, Metadata, UndecodedMetadata};
use super::names::text;
use super::pool::{Dialer, Pool, Slot};
use super::single_flight::SingleFlight;
use super::tls::TlsSettings;
use super::{Connection, Endpoint, HostPort, Transport};

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    pub name: ClusterName,
    /// The addresses to begin with; one that answers is enough.
    pub bootstrap: Vec<HostPort>,
    /// Addresses that brokers advertise, and those to connect to instead.
    pub address_map: AddressMap,
    /// The principal under which brokers know this client, with its type, if the configuration tells it.
    pub principal: Option<String>,
    /// The client id, for quotas and broker logs.
    pub client_id: String,
    /// How to authenticate, if brokers require it.
    pub login: Option<Login>,
    /// How its connections are encrypted, if they are: for clients that make their own.
    pub tls: Option<TlsSettings>,
    /// The rack that leaders are told to be near, so that they may name a follower there to fetch from.
    pub rack: Option<String>,
    /// How long connecting may take, from the first packet to the end of the login.
    pub connect_timeout: Duration,
    pub request_timeout: Duration,
    /// How long a request is repeated that fails for a reason that may pass.
    pub retry_limit: Duration,
    /// The age after which metadata is read again.
    pub metadata_max_age: Duration,
}

/// A cluster. Cheap to clone; all clones share connections and metadata.
#[derive(Debug, Clone)]
pub struct Cluster(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ClusterSettings,
    pool: Arc<Pool>,
    latest: Mutex<Latest>,
    refreshing: SingleFlight<Arc<Metadata>>,
    coordinators: Mutex<BTreeMap<GroupId, BrokerId>>,
    coalescers: Coalescers,
    /// Whether no broker answered when the metadata was last read.
    is_lost: AtomicBool,
}

#[derive(Debug, Default)]
struct Latest {
    metadata: Arc<Metadata>,
    /// The response from which `metadata` was read.
    told: Option<UndecodedMetadata>,
    earlier: EarlierEpochs,
    read_at: Option<Instant>,
    asked_at: Option<Instant>,
    /// The broker that sent the latest metadata, and since when it has been the only one asked.
    teller: Option<(Endpoint, Instant)>,
}

impl Latest {
    /// The broker that has been asked for so long that others should be asked first.
    fn worn_teller(&self, now: Instant) -> Option<&Endpoint> {
        let (teller, since) = self.teller.as_ref()?;
        (now.duration_since(*since) >= SAME_TELLER_MAX).then_some(teller)
    }

    /// Records which broker answered. If it is the same one although others were asked first, it is asked first again
    /// for another such period.
    fn note_teller(&mut self, endpoint: &Endpoint, now: Instant) {
        let is_same = self.teller.as_ref().is_some_and(|it| it.0 == *endpoint);
        if !is_same || self.worn_teller(now).is_some() {
            self.teller = Some((endpoint.clone(), now));
        }
    }
}

const REFRESH_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// A broker that hangs shouldn't hold up metadata for a whole request timeout while others could answer.
const METADATA_TIMEOUT_MAX: Duration = Duration::from_secs(10);

/// A broker that is cut off from the controller returns former leaders, so others are asked after this time.
const SAME_TELLER_MAX: Duration = Duration::from_secs(15);

impl Cluster {
    /// Creates a cluster; nothing connects to it yet.
    pub fn new(settings: ClusterSettings, transport: Arc<dyn Transport>) -> Self {
        let pool = Pool::new(Dialer {
            transport,
            cluster: settings.name.clone(),
            client_id: StrBytes::from_string(settings.client_id.clone()),
            login: settings.login.clone(),
            timeout: settings.connect_timeout,
        });
        Self(Arc::new(Inner {
            settings,
            pool,
            latest: Mutex::default(),
            refreshing: SingleFlight::default(),
            coordinators: Mutex::default(),
            coalescers: Coalescers::default(),
            is_lost: AtomicBool::new(false),
        }))
    }

    /// The cluster's name in the configuration.
    pub fn name(&self) -> &ClusterName {
        &self.0.settings.name
    }

    /// The settings the cluster was created with.
    pub fn settings(&self) -> &ClusterSettings {
        &self.0.settings
    }

    /// Returns Kafka's id of the cluster.
    pub async fn cluster_id(&self) -> Result<String> {
        let metadata = self.current_metadata().await?;
        metadata.cluster_id.clone().ok_or_else(|| {
            let text = "the brokers don't report the cluster's id; use Apache Kafka 2.4 or newer";
            self.error(Kind::Protocol, text)
        })
    }

    /// The questions about single partitions that wait for a request.
    pub(crate) fn coalescers(&self) -> &Coalescers {
        &self.0.coalescers
    }

    /// Returns the latest snapshot without sending a request; generation 0 if there is none yet.
    pub fn metadata(&self) -> Arc<Metadata> {
        Arc::clone(&self.0.latest.lock().metadata)
    }

    /// Returns a snapshot of a later generation than `seen_generation`.
    ///
    /// Errors: `Disconnected` or `TimedOut` if no broker answers, `Refused` if an address leads to another cluster.
    /// Cancellation: the refresh continues as long as another caller waits for it.
    pub async fn refresh(&self, seen_generation: u64) -> Result<Arc<Metadata>> {
        let metadata = self.metadata();
        if metadata.generation > seen_generation {
            return Ok(metadata);
        }
        let cluster = self.clone();
        let read = self.0.refreshing.join(|| async move {
            let read = Box::pin(cluster.read_metadata(seen_generation));
            read.await.map_err(Arc::new)
        });
        read.await.map_err(|cause| {
            let text = "the cluster's metadata cannot be read";
            self.error(cause.kind(), text).caused_by(cause)
        })
    }

    /// Returns the latest snapshot, or a new one if there is none or it is older than the configured age.
    pub async fn current_metadata(&self) -> Result<Arc<Metadata>> {
        let (metadata, read_at) = {
            let latest = self.0.latest.lock();
            (Arc::clone(&latest.metadata), latest.read_at)
        };
        let max_age = self.0.settings.metadata_max_age;
        if read_at.is_some_and(|at| at.elapsed() < max_age) {
            return Ok(metadata);
        }
        self.refresh(metadata.generation).await
    }

    /// Returns the leader of a partition, after refreshing the metadata once if it isn't known.
    ///
    /// Errors: those of [`Metadata::leader`] and of [`Cluster::refresh`].
    pub async fn leader(&self, of: &TopicPartition) -> Result<Leader> {
        let metadata = self.current_metadata().await?;
        let leader = match metadata.leader(of) {
            Ok(leader) => Ok(leader),
            Err(_) => self.refresh(metadata.generation).await?.leader(of),
        };
        leader.map_err(|error| error.cluster(self.name()))
    }

    /// Whether no broker answered when the metadata was last read.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.is_lost.load(Ordering::Relaxed)
    }

    /// Returns the connection to a broker for a purpose.
    ///
    /// Errors: `Disconnected` or `TimedOut` if the broker cannot be reached; while the delay before the next attempt is
    /// running, the last error is returned at once.
    pub async fn connection(&self, broker: BrokerId, slot: Slot) -> Result<Connection> {
        let mut metadata = self.current_metadata().await?;
        if !metadata.brokers.contains_key(&broker) {
            metadata = self.refresh(metadata.generation).await?;
        }
        let endpoint = metadata.brokers.get(&broker).ok_or_else(|| {
            let text = format!("broker {broker} isn't part of the cluster at present");
            self.error(Kind::Disconnected, text)
        })?;
        let connection = self.0.pool.get(endpoint, slot).await;
        let is_lost = self.is_lost();
        connection.map_err(|it| if is_lost { it.of_whole_cluster() } else { it })
    }

    /// The distance to a broker: its shortest response time, or `None` if it hasn't answered yet.
    pub fn round_trip(&self, broker: BrokerId) -> Option<Duration> {
        self.0.pool.round_trip(broker)
    }

    /// Until when a broker has asked for silence, which may have passed; `None` if none has.
    pub fn throttled_until(&self) -> Option<Instant> {
        self.0.pool.throttled_until()
    }

    /// Returns the connection to the controller for a purpose.
    pub async fn controller(&self, slot: Slot) -> Result<Connection> {
        match self.current_metadata().await?.controller {
            Some(broker) => self.connection(broker, slot).await,
            None => self.any_connection_for(slot).await,
        }
    }

    /// Returns the connection to a group's coordinator for a purpose. The coordinator is looked up once and cached.
    ///
    /// Errors: those of the lookup as the broker returned them (a new cluster first answers
    /// `COORDINATOR_NOT_AVAILABLE`), and those of [`Cluster::connection`].
    pub async fn coordinator(&self, group: &GroupId, slot: Slot) -> Result<Connection> {
        let known = self.0.coordinators.lock().get(group).copied();
        let broker = match known {
            Some(broker) => broker,
            None => self.find_coordinator(group).await?,
        };
        self.connection(broker, slot).await
    }

    /// Makes the next [`Cluster::coordinator`] look up the group's coordinator again.
    pub fn forget_coordinator(&self, group: &GroupId) {
        self.0.coordinators.lock().remove(group);
    }

    async fn find_coordinator(&self, group: &GroupId) -> Result<BrokerId> {
        let connection = self.any_connection().await?;
        let request = FindCoordinatorRequest::default()
            .with_key(text(group.as_str()))
            .with_key_type(0);
        let answer = connection
            .call(request, self.0.settings.request_timeout)
            .await?;
        if let Some(code) = code_of(answer.error_code) {
            let detail = answer.error_message.as_deref();
            let what = format!("find the coordinator of group {group}");
            return Err(connection.refusal(&what, code, detail));
        }
        let broker = BrokerId(answer.node_id.0);
        self.0.coordinators.lock().insert(group.clone(), broker);
        Ok(broker)
    }

    async fn read_metadata(&self, seen_generation: u64) -> Result<Arc<Metadata>> {
        let asked_at = {
            let latest = self.0.latest.lock();
            if latest.metadata.generation > seen_generation {
                return Ok(Arc::clone(&latest.metadata));
            }
            latest.asked_at
        };
        if let Some(at) = asked_at {
            sleep_until(at + REFRESH_INTERVAL_MIN).await;
        }
        self.0.latest.lock().asked_at = Some(Instant::now());
        let read = self.first_answer(|endpoint| async move {
            match self.read_metadata_of(&endpoint).await {
                // That an address leads to another cluster is final.
                Err(error) if error.kind() == Kind::Refused => Ok(Err(error)),
                read => read.map(Ok),
            }
        });
        let read = read.await;
        self.0.is_lost.store(read.is_err(), Ordering::Relaxed);
        read?
    }

    async fn read_metadata_of(&self, endpoint: &Endpoint) -> Result<Arc<Metadata>> {
        let settings = &self.0.settings;
        let connection = self.0.pool.get(endpoint, Slot::Control).await?;
        let limit = settings.request_timeout.min(METADATA_TIMEOUT_MAX);
        let told = connection.call_reading(metadata::request(), limit, UndecodedMetadata::take);
        let told = told.await?;
        let (before, told_before, mut earlier) = {
            let mut latest = self.0.latest.lock();
            let earlier = std::mem::take(&mut latest.earlier);
            // While brokers disagree, a response that is repeated is a further voice.
            let told = latest.told.clone().filter(|_| earlier.is_empty());
            (Arc::clone(&latest.metadata), told, earlier)
        };
        let next = if told_before.is_some_and(|before| told.repeats(&before)) {
            before.again()
        } else {
            let response = told
                .read()
                .map_err(|cause| connection.unreadable(ApiKey::Metadata, told.version(), cause))?;
            let told = (endpoint.broker, response);
            before.next(told, &settings.address_map, &mut earlier)?
        };
        self.0
            .pool
            .keep_only(&next.brokers.values().cloned().collect());
        self.0.pool.expect(next.cluster_id.as_deref());
        let mut latest = self.0.latest.lock();
        latest.metadata = Arc::new(next);
        latest.told = Some(told);
        latest.earlier = earlier;
        let now = *latest.read_at.insert(Instant::now());
        latest.note_teller(endpoint, now);
        Ok(Arc::clone(&latest.metadata))
    }

    fn error(&self, kind: Kind, text: impl Into<String>) -> Error {
        Error::new(kind, text).cluster(self.name())
    }
}

#[cfg(test)]
mod tests;
