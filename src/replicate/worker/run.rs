//! The worker of a link: one loop that owns every mirror partition of the link and everything in flight.
//!
//! Promises: each partition's records go to the target in order, once; a partition in trouble affects no other; bytes
//! between fetch and acknowledgement stay within the link's limit. The pure modules next to this file make the decisions.
//! Doesn't: create topics, handle groups, or make an operator's decisions.
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
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::records::reseeds_of;
use crate::error::Result;
use crate::model::MirrorSet;
use crate::replicate::partition::effect::Event as LifeEvent;
use crate::replicate::partition::mirror::Mirror;
use crate::task::log_once::Notice;

use super::context::{LinkContext, ReplicationLink};
use super::event::Event;
use super::source_ends::SOURCE_ENDS;
use super::state::{FirstReads, Pacing, Worker};
use super::troubles::Troubles;

/// Interval of storing changes that aren't worth storing at once.
const LAZY_STORE: Duration = Duration::from_secs(2);
/// Interval of requesting log starts from the target.
const LOG_STARTS: Duration = Duration::from_secs(15);
/// How long a stop waits for answers to requests in flight.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Runs the worker until `stop` is cancelled, then lets everything in flight land and stores its state.
///
/// Cancellation: dropping the future is like a crash, which costs nothing but a resync.
pub async fn run(
    link: ReplicationLink,
    mut set: watch::Receiver<Arc<MirrorSet>>,
    stop: CancellationToken,
) -> Result<()> {
    let mut worker = Worker::new(link)?;
    let mut requests = worker.link.view.requests().open();
    let mut intents = worker.link.view.intents();
    let mut lazily = interval(LAZY_STORE);
    lazily.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log_starts = interval(LOG_STARTS);
    log_starts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut source_ends = interval(SOURCE_ENDS);
    source_ends.set_missed_tick_behavior(MissedTickBehavior::Delay);
    worker.take_set(&set.borrow_and_update().clone());
    loop {
        worker.issue();
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Ok(()) = intents.changed() => {
                intents.mark_unchanged();
                worker.follow_intents();
            }
            Some(event) = worker.events.next() => worker.handle(event),
            Ok(()) = set.changed() => worker.take_set(&set.borrow_and_update().clone()),
            Some(request) = requests.recv() => worker.take_request(request),
            _ = lazily.tick() => {
                worker.store_lazily();
                worker.tell_troubles();
            }
            _ = source_ends.tick() => {
                worker.show_silence();
                worker.review_followers(worker.link.now().monotonic);
                worker.ask_source_ends();
                worker.ask_first_records();
                worker.ask_hidden(worker.link.now().monotonic);
            }
            _ = log_starts.tick() => {
                worker.note_quiet();
                worker.ask_log_starts();
            }
        }
    }
    worker.drain().await
}

impl Worker {
    /// Creates the worker of a link, without partitions yet. Errors: the checkpoint DB can't be read.
    pub(crate) fn new(link: ReplicationLink) -> Result<Self> {
        let link = LinkContext::new(link);
        let reseeds = reseeds_of(&*link.store, &link.name)?.into_iter();
        Ok(Self {
            reseeds: reseeds.map(|(topic, it)| (topic, it.former)).collect(),
            pacing: Pacing::new(link.settings.max_bytes_per_second),
            loading: Notice::of(format!("load partitions of link {}", link.name)),
            pruning: Notice::of(format!("remove old runs of link {}", link.name)),
            link: Arc::new(link),
            troubles: Troubles::default(),
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
            asking_source_ends: BTreeSet::new(),
            first_reads: FirstReads::default(),
            reads_hidden: false,
            silence_shown: false,
        })
    }

    /// Starts whatever can be started. Called after each event; examines lanes, not partitions.
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
            Event::Resynced {
                ticket,
                target,
                result,
            } => self.resynced(ticket, target.as_deref(), result),
            Event::Decided {
                index,
                receipt,
                decided,
                result,
            } => self.decided(index, receipt, *decided, result),
            Event::Reseeded {
                index,
                outcome,
                result,
            } => self.reseeded(index, outcome, result),
            Event::Forgotten { index, result } => self.forgotten(index, result),
            Event::Quarantined {
                index,
                refused,
                result,
            } => self.quarantined(index, &refused, result),
            Event::Counted(counted) => {
                // The operator may be gone.
                let _ = counted.0.done.send(counted.1);
            }
            Event::Weighed(weighed) => self.weighed(weighed.0, weighed.1),
            Event::Due((index, round)) => self.due(index, round),
            Event::LogStarts(listed) => self.log_starts(listed),
            Event::SourceEnds {
                broker,
                asked_at,
                ends,
            } => self.source_ends(broker, asked_at, &ends),
            Event::FirstRecords(found) => self.first_records(&found),
            Event::Hidden(found) => self.hidden(found),
            Event::Filled {
                broker,
                tickets,
                outcomes,
            } => self.filled(broker, &tickets, outcomes),
            Event::Trimmed { ticket, result } => self.trimmed(ticket, result),
        }
    }

    /// Lets everything in flight land, then stores all state.
    async fn drain(mut self) -> Result<()> {
        for index in 0..self.mirrors.len() {
            self.live(index, LifeEvent::Stop);
        }
        let landing = async {
            while !self.mirrors.iter().all(|it| it.life.has_stopped()) {
                self.store_staged();
                let Some(event) = self.events.next().await else {
                    break;
                };
                self.handle(event);
            }
        };
        let landed = tokio::time::timeout(DRAIN_LIMIT, landing).await;
        if landed.is_err() && self.mirrors.iter().any(Mirror::awaits_answers) {
            self.link.ownership.note_unanswered();
            tracing::warn!(link = %self.link.name, "stopped with requests to the target unanswered; the next start finds out what became of them");
        }
        // A partition not known to have begun isn't stored: it would seem to begin at the first record (H10).
        let has_begun = |index: &usize| self.mirrors[*index].life.has_begun();
        let begun: Vec<usize> = (0..self.mirrors.len()).filter(has_begun).collect();
        let (committed, _) = self.save(&begun, false);
        committed.await
    }
}

#[cfg(test)]
mod tests;
