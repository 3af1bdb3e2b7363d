//! The state of a worker. Plain data: each verb has a file of its own.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::kafka::{Sink, Source};
use crate::model::{BrokerId, Moment, Monotonic, TopicId, TopicName, TopicPartition};
use crate::replicate::fetch::budget::{FetchHistory, Rank};
use crate::replicate::fetch::queue::FetchQueue;
use crate::replicate::fetch::rate_limit::RateLimit;
use crate::replicate::fetch::request_size::RequestSizer;
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::route::Lane;
use crate::replicate::produce::queue::{Ready, ResponseOrder};
use crate::task::log_once::Notice;

use super::context::LinkContext;
use super::event::{Answered, EventFuture};
use super::troubles::Troubles;

/// The rate limit of a link, and the turns of its fetches.
#[derive(Debug)]
pub(crate) struct Pacing {
    pub(super) begun: Instant,
    pub(super) rate_limit: Option<RateLimit>,
    /// The time at which the loop is woken to continue fetching, since `begun`.
    pub(super) alarm: Option<Duration>,
    pub(super) rotation: u64,
}

impl Pacing {
    /// Creates the state for a limit of bytes per second, if there is one.
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self {
            begun: Instant::now(),
            rate_limit: bytes_per_second.map(RateLimit::new),
            alarm: None,
            rotation: 0,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn wait(&self, rank: Rank, now: Duration) -> Duration {
        let rate_limit = self.rate_limit.as_ref();
        rate_limit.map_or(Duration::ZERO, |it| it.wait(rank, now))
    }
}

/// The fetching side of one source connection.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// The source, once connected.
    pub(crate) source: Option<Source>,
    /// Since when it has been connecting, or a fetch has been in flight.
    pub(crate) waits_since: Option<Moment>,
    /// The partitions that fetch here.
    pub(crate) members: BTreeSet<usize>,
    /// Bytes these partitions hold.
    pub(crate) held: usize,
    /// Partitions whose entry in the next fetch may differ from the last one.
    pub(crate) changed: Vec<usize>,
    /// When the last fetch was answered.
    pub(crate) heard: Option<Moment>,
    /// The fetch queue of its partitions.
    pub(crate) fetch_queue: FetchQueue,
    /// Measurements from past fetches.
    pub(crate) habits: FetchHistory,
}

/// The producing side of one target connection.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    /// The sink, once connected.
    pub(crate) sink: Option<Sink>,
    pub(crate) connecting: bool,
    /// Requests in flight.
    pub(crate) requests: ResponseOrder<Answered>,
    /// Partitions with something to send.
    pub(crate) ready: Ready,
    /// Bytes in the requests in flight.
    pub(crate) sent: usize,
    /// The limit on the size of a request.
    pub(crate) request_sizer: RequestSizer,
}

/// The reading of first records.
#[derive(Debug, Default)]
pub(crate) struct FirstReads {
    pub(super) is_underway: bool,
    /// When the source's limit was last requested.
    pub(super) limit_at: Option<Monotonic>,
}

/// The worker's state.
pub(crate) struct Worker {
    pub(crate) link: Arc<LinkContext>,
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) places: BTreeMap<TopicPartition, usize>,
    pub(crate) intakes: BTreeMap<Lane, Intake>,
    pub(crate) outlets: BTreeMap<Lane, Outlet>,
    pub(crate) markers: BTreeMap<BrokerId, MarkerLane>,
    pub(crate) events: FuturesUnordered<EventFuture>,
    /// Bytes held between fetch and acknowledgement.
    pub(crate) held: usize,
    /// Bytes that fetches in flight may bring.
    pub(crate) reserved: usize,
    pub(crate) pacing: Pacing,
    pub(crate) troubles: Troubles,
    /// Logs failures to load partitions from the checkpoint DB.
    pub(crate) loading: Notice,
    /// Logs failures to remove old runs.
    pub(crate) pruning: Notice,
    /// Partitions whose staged runs, start position or fence epoch have to be stored.
    pub(crate) to_store: Vec<usize>,
    /// Partitions with changes that should not wait for the lazy store.
    pub(crate) newsworthy: Vec<usize>,
    /// Topics with a durable decision to recreate their mirror, and the id of the mirror topic given up.
    pub(crate) reseeds: BTreeMap<TopicName, TopicId>,
    /// Whether a request for log starts is in flight.
    pub(crate) asking_log_starts: bool,
    /// The source brokers with a request for ends in flight.
    pub(crate) asking_source_ends: BTreeSet<BrokerId>,
    pub(crate) first_reads: FirstReads,
    /// Whether logs that answer nothing are being read.
    pub(crate) reads_hidden: bool,
    /// Whether partitions were shown as waiting for a silent source connection at the last look.
    pub(crate) silence_shown: bool,
}

/// The marker requests to one target broker, one at a time.
#[derive(Debug, Default)]
pub(crate) struct MarkerLane {
    /// Whether a request is in flight.
    pub(super) busy: bool,
    /// Partitions with gaps to fill, in order.
    pub(super) ready: VecDeque<usize>,
}
