//! The worker of a link: one loop that owns every mirror partition of the link and everything in flight.
//!
//! Promises: each partition's records go to the target in order, once; a partition in trouble concerns no other; bytes
//! between fetch and acknowledgement stay within the link's limit. Decisions are made by the pure parts beside this file.
//! Doesn't: create topics, know groups, or decide what an operator has to decide.
//!
//! ```text
//!  intake (per source connection) --fetch--> hold -> staged -> window --produce--> outlet (per target connection)
//!                                                     |  runs durable first
//!                                                     v
//!                                                checkpoint DB
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::records::reseeds_of;
use crate::control::topics::MirrorSet;
use crate::error::Result;
use crate::kafka::{Sink, Source};
use crate::model::{BrokerId, TopicId, TopicName, TopicPartition};
use crate::replicate::fetch::queue::Crowd;
use crate::replicate::fetch::request_size::Stride;
use crate::replicate::partition::mirror::{Lane, Mirror, Phase, Then};
use crate::replicate::produce::queue::Ready;
use crate::replicate::produce::response_order::Turns;

use super::context::{Link, LinkContext};
use super::event::{Answered, Event, EventFuture};
use super::markers::MarkerLane;
use super::resolve::Release;
use super::schedule::{Habits, Pacing};

/// How often what changed without a reason to store it at once is stored.
const LAZY_STORE: Duration = Duration::from_secs(2);
/// How often the target is asked where logs start.
const LOG_STARTS: Duration = Duration::from_secs(15);
/// How long a stop waits for answers to what is in flight.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// The fetching side of one source connection.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    /// Where it fetches, once that is there.
    pub(crate) source: Option<Source>,
    /// Whether that is being made or a fetch is out.
    pub(crate) busy: bool,
    /// The partitions that fetch here.
    pub(crate) members: BTreeSet<usize>,
    /// Bytes they hold.
    pub(crate) held: usize,
    /// Those of which the next fetch may have to say something else than the last one did.
    pub(crate) changed: Vec<usize>,
    /// When the last fetch was answered, in milliseconds since 1970.
    pub(crate) heard_at: i64,
    /// How its partitions stand.
    pub(crate) crowd: Crowd,
    /// What its fetches learned.
    pub(crate) habits: Habits,
}

/// The producing side of one target connection.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    /// Where it produces, once that is there.
    pub(crate) sink: Option<Sink>,
    /// Whether that is being made.
    pub(crate) connecting: bool,
    /// Requests that are out.
    pub(crate) requests: Turns<Answered>,
    /// Partitions with something to send.
    pub(crate) ready: Ready,
    /// Bytes in these requests.
    pub(crate) sent: usize,
    /// How much a request may carry.
    pub(crate) stride: Stride,
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
    /// Bytes a fetch under way may bring.
    pub(crate) reserved: usize,
    /// The rate, and whose turn it is.
    pub(crate) pacing: Pacing,
    /// Partitions with staged shipments whose runs have to be stored.
    pub(crate) to_store: Vec<usize>,
    /// Partitions of which something is known that should not wait for the lazy store.
    pub(crate) newsworthy: Vec<usize>,
    /// Topics of which it was decided to create their mirror anew, with the id of the one that is given up.
    pub(crate) reseeds: BTreeMap<TopicName, TopicId>,
    pub(crate) asking_log_starts: bool,
    pub(crate) stopping: bool,
}

/// Runs the worker until it is told to stop; then lets what is in flight land and stores what it knows.
///
/// Cancellation: dropping the future instead is like a crash, which costs nothing but a settling.
pub async fn run(
    link: Link,
    mut set: watch::Receiver<Arc<MirrorSet>>,
    stop: CancellationToken,
) -> Result<()> {
    let link = LinkContext::new(link);
    let reseeds = reseeds_of(&*link.store, &link.name)?.into_iter();
    let mut worker = Worker {
        reseeds: reseeds.map(|(topic, it)| (topic, it.former)).collect(),
        pacing: Pacing::new(link.settings.max_bytes_per_second),
        link: Arc::new(link),
        mirrors: Vec::new(),
        places: BTreeMap::new(),
        intakes: BTreeMap::new(),
        outlets: BTreeMap::new(),
        markers: BTreeMap::new(),
        events: FuturesUnordered::new(),
        held: 0,
        reserved: 0,
        to_store: Vec::new(),
        newsworthy: Vec::new(),
        asking_log_starts: false,
        stopping: false,
    };
    let mut releases = worker.link.view.take_releases();
    let mut intents = worker.link.view.intents();
    let mut lazily = interval(LAZY_STORE);
    lazily.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log_starts = interval(LOG_STARTS);
    log_starts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    worker.take_set(&set.borrow_and_update().clone());
    loop {
        worker.issue();
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(event) = worker.events.next() => worker.handle(event),
            Ok(()) = set.changed() => worker.take_set(&set.borrow_and_update().clone()),
            Some(release) = next_release(&mut releases) => worker.release(release),
            Ok(()) = intents.changed() => {
                intents.mark_unchanged();
                worker.follow_intents();
            }
            _ = lazily.tick() => worker.store_lazily(),
            _ = log_starts.tick() => {
                worker.note_quiet();
                worker.ask_log_starts();
            }
        }
    }
    worker.drain().await
}

/// The next release, if this worker is the one that takes them.
async fn next_release(releases: &mut Option<mpsc::Receiver<Release>>) -> Option<Release> {
    match releases {
        Some(releases) => releases.recv().await,
        None => None,
    }
}

impl Worker {
    /// Starts whatever can be started. Called after each event; looks at lanes, not at partitions.
    fn issue(&mut self) {
        self.produce();
        self.fill();
        self.store_staged();
        self.store_news();
        self.fetch();
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::IntakeUp(lane, connection) => self.intake_up(lane, connection),
            Event::Fetched {
                lane,
                asked,
                answer,
            } => self.fetched(lane, &asked, answer),
            Event::Woken(at) => self.woken(at),
            Event::OutletUp(lane, connection) => self.outlet_up(lane, connection),
            Event::Produced {
                lane,
                number,
                answered,
            } => self.produced(lane, number, answered),
            Event::Stored {
                receipts,
                staged,
                result,
            } => self.stored(&receipts, &staged, result),
            Event::Settled {
                ticket,
                target,
                result,
            } => self.settled(ticket, target.as_deref(), result),
            Event::Decided {
                ticket,
                receipt,
                decided,
                result,
            } => self.decided(ticket, receipt, *decided, result),
            Event::Reseeded {
                ticket,
                outcome,
                result,
            } => self.reseeded(ticket, *outcome, result),
            Event::BegunAnew { ticket, result } => self.begun_anew(ticket, result),
            Event::Quarantined {
                ticket,
                refused,
                result,
            } => self.quarantined(ticket, &refused, result),
            Event::Rested((index, round)) => self.rested(index, round),
            Event::LogStarts(listed) => self.log_starts(listed),
            Event::Filled {
                broker,
                tickets,
                outcomes,
            } => self.filled(broker, &tickets, outcomes),
            Event::Trimmed { ticket, result } => self.trimmed(ticket, result),
        }
    }

    fn follow_intents(&mut self) {
        for index in 0..self.mirrors.len() {
            let paused = self.is_paused(index);
            let phase = &self.mirrors[index].phase;
            if paused && !matches!(phase, Phase::Halted | Phase::Paused | Phase::Deciding) {
                self.begin_draining(index, Then::Pause);
            } else if !paused && matches!(phase, Phase::Paused) {
                self.settle(index);
            }
        }
    }

    /// Whether nothing may be written for a partition.
    pub(crate) fn is_paused(&self, index: usize) -> bool {
        let topic = &self.mirrors[index].route.source.topic;
        !self.link.view.intent_of(topic).writes()
    }

    /// Lets what is in flight land, then stores everything.
    async fn drain(mut self) -> Result<()> {
        self.stopping = true;
        for index in 0..self.mirrors.len() {
            if matches!(self.mirrors[index].phase, Phase::Flowing { .. }) {
                self.begin_draining(index, Then::Pause);
            }
        }
        let landing = async {
            while self.mirrors.iter().any(Mirror::awaits_answers) {
                let Some(event) = self.events.next().await else {
                    break;
                };
                self.handle(event);
            }
        };
        if tokio::time::timeout(DRAIN_LIMIT, landing).await.is_err() {
            self.link.ownership.note_unanswered();
            tracing::warn!(link = %self.link.name, "stopped with produce requests unanswered; the next start finds out what became of them");
        }
        let all: Vec<usize> = (0..self.mirrors.len()).collect();
        let (committed, _) = self.save(&all, false);
        committed.await
    }
}
