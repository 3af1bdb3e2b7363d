//! The live state of one mirror partition within its worker.
//!
//! Holds values and makes small decisions only; the worker acts. Trouble of one partition stays within its own `Mirror`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::kafka::batch::{BatchError, Damaged};
use crate::model::{
    Intent, LeaderEpoch, LinkIdentity, Moment, OffsetsMode, Policies, ProducerId, Reason,
    SourceOffset, TargetOffset,
};
use crate::replicate::fetch::budget::Demand;
use crate::replicate::fetch::buffer::FetchBuffer;
use crate::replicate::fetch::damage::{Corruption, Damages, is_of_source};
use crate::replicate::fetch::sequence::Doubts;
use crate::replicate::produce::batcher::{Course, ProduceBatch, compose};
use crate::replicate::produce::window::{PIPELINE_MINIMUM, Window};
use crate::replicate::resync::decision::Decision;
use crate::replicate::shared::partition::TrackedPartition;
use crate::replicate::shared::resolve_request::Grant;
use crate::replicate::shared::source_writers::MarkedBatch;
use crate::task::Backoff;

use super::lifecycle::Lifecycle;
use super::phase::StartPosition;
use super::preserve_state::Preserving;
use super::replica::{FollowerEnd, Replica};
use super::route::{Lane, Route};

/// The first and the longest pause before a partition resyncs after an error.
const RETRY_BASE: Duration = Duration::from_millis(100);
const RETRY_CAP: Duration = Duration::from_secs(5);

/// A composed produce batch that waits to be sent.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) produce_batch: ProduceBatch,
    /// Whether the runs it opens are durable, so that it may be sent.
    pub(crate) durable: bool,
}

/// Tasks of a partition whose end is awaited, apart from requests in flight.
#[derive(Debug, Default)]
pub(crate) struct Underway {
    /// Abandons reading both logs.
    pub(crate) resync: Option<CancellationToken>,
    pub(crate) receipt: bool,
    /// Whether the start position is being stored.
    pub(crate) start: bool,
}

impl Underway {
    fn is_any(&self) -> bool {
        self.resync.is_some() || self.receipt || self.start
    }

    /// Abandons reading both logs, if that is under way.
    pub(crate) fn abandon_resync(&self) {
        if let Some(resync) = &self.resync {
            resync.cancel();
        }
    }
}

/// The live state of one mirror partition.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) route: Route,
    /// The state shared with other parts of the link.
    pub(crate) tracked: Arc<TrackedPartition>,
    /// Its phase, and the decisions about it.
    pub(crate) life: Lifecycle,
    /// Counts resyncs, timers and drains: an event of an earlier round is stale.
    pub(crate) round: u32,
    pub(crate) underway: Underway,
    /// Records fetched but not yet composed into a produce batch.
    pub(crate) fetch_buffer: FetchBuffer,
    /// Produce batches composed but not yet sent.
    pub(crate) staged: VecDeque<Staged>,
    /// Produce batches in flight.
    pub(crate) window: Window,
    /// The position and producer state of the next produce batch.
    pub(crate) course: Course,
    /// How far it is behind, for the order of fetches and sends.
    pub(crate) demand: Demand,
    /// The next source offset to fetch.
    pub(crate) fetch_next: SourceOffset,
    /// The broker it is fetched from.
    pub(crate) replica: Replica,
    /// How far the follower got that it is fetched from.
    pub(crate) follower_end: FollowerEnd,
    /// What was fetched from followers ends before this source offset.
    pub(crate) followed_until: SourceOffset,
    /// Counts the times it joined a connection: an answer to an earlier fetch is stale.
    pub(crate) fetch_round: u32,
    /// What earlier answers showed of offsets that don't follow each other.
    pub(crate) doubts: Doubts,
    /// What answers showed of a batch that can't be mirrored; nothing after it is fetched.
    pub(crate) damages: Damages,
    /// Batches that end up to here are decoded before they are forwarded: the target refused one as unreadable.
    pub(crate) examined_until: Option<SourceOffset>,
    /// Whether the batch that couldn't be decoded has been read since, and could: it is fetched again.
    pub(crate) is_sound_now: bool,
    /// What it was last reported as halted for, until a batch lands.
    pub(crate) reported: Option<Reason>,
    /// A fetched batch of a farshore link: which one has to be found out before anything else is mirrored.
    pub(crate) suspect: Option<MarkedBatch>,
    /// The current leader epoch to send with a fetch.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The leader epoch of the record before `fetch_next`, which a fetch carries too.
    pub(crate) fetched_epoch: LeaderEpoch,
    /// Batches stay limited in size after a refusal until the frontier passes this offset.
    pub(crate) refused_until: Option<SourceOffset>,
    /// Whether requests of an earlier round, connection or process may still be in flight.
    pub(crate) uncertain: bool,
    /// The outlet it is queued at; an entry in another outlet's queue is out of date.
    pub(crate) queued: Option<Lane>,
    pub(crate) backoff: Backoff,
    /// Where the target last refused a sequence number: a second refusal at the same offset is no race.
    pub(crate) refused_sequence: Option<TargetOffset>,
    /// The source offset up to which the remembered leader epochs are complete.
    pub(crate) epochs_until: SourceOffset,
    /// The metadata generations of source and target at the last trouble: newer ones are worth a retry.
    pub(crate) seen: (u64, u64),
    /// Whether the next runs stored ahead begin a new plan: batches of an earlier plan may have landed all the same.
    pub(crate) new_plan: bool,
    /// The bytes counted against the link's limit, and the source connection they are counted for.
    pub(crate) counted: (usize, Option<Lane>),
    /// The start policy while nothing is mirrored yet; `None` once the start position is durable.
    pub(crate) start: Option<StartPosition>,
    /// The round in which a batch last landed: the first of a round is stored at once.
    pub(crate) landed_in: u32,
    /// The fetch round in which the leader last sent news of this partition.
    pub(crate) told_in: u32,
    /// The configured policies for cases in which resuming would mean guessing.
    pub(crate) policies: Policies,
    /// An operator's one-time decision about the trouble it is halted for.
    pub(crate) grant: Option<Grant>,
    /// How offsets of the two sides relate.
    pub(crate) offsets: OffsetsMode,
    /// The state of preserve mode, while offsets are preserved.
    pub(crate) preserve: Option<Box<Preserving>>,
    /// A durable epoch under which nothing was written yet, for the next marker that fences others off.
    pub(crate) fence: Option<i16>,
}

impl Mirror {
    /// Returns a partition that has yet to resync in this process; an earlier process may have left requests in flight.
    pub(crate) fn new(
        route: Route,
        tracked: Arc<TrackedPartition>,
        producer_id: ProducerId,
        start: Option<StartPosition>,
        offsets: OffsetsMode,
        (policies, intent): (Policies, Intent),
    ) -> Self {
        let epochs_until = tracked.lock().record.frontier;
        Self {
            route,
            tracked,
            life: Lifecycle::new(intent, start.is_none()),
            round: 0,
            underway: Underway::default(),
            fetch_buffer: FetchBuffer::default(),
            staged: VecDeque::new(),
            window: Window::new(0),
            course: Course {
                producer_id,
                epoch: 0,
                target: TargetOffset::ZERO,
                unnumbered: 0,
                marker: 0,
                source: None,
                records_limit: usize::MAX,
            },
            demand: Demand::default(),
            fetch_next: SourceOffset::ZERO,
            replica: Replica::default(),
            follower_end: FollowerEnd::default(),
            followed_until: SourceOffset::ZERO,
            fetch_round: 0,
            doubts: Doubts::default(),
            damages: Damages::default(),
            examined_until: None,
            is_sound_now: false,
            reported: None,
            suspect: None,
            leader_epoch: LeaderEpoch::UNKNOWN,
            fetched_epoch: LeaderEpoch::UNKNOWN,
            refused_until: None,
            uncertain: true,
            queued: None,
            backoff: Backoff::new(RETRY_BASE, RETRY_CAP),
            refused_sequence: None,
            epochs_until,
            seen: (0, 0),
            new_plan: true,
            counted: (0, None),
            start,
            landed_in: 0,
            told_in: 0,
            policies,
            grant: None,
            offsets,
            preserve: None,
            fence: None,
        }
    }

    /// Returns the bytes it holds against the limits.
    pub(crate) fn bytes(&self) -> usize {
        let staged: usize = self.staged.iter().map(|it| it.produce_batch.bytes).sum();
        self.fetch_buffer.bytes() + staged + self.window.bytes()
    }

    /// Returns the source connection it fetches on, if it flows: that to the leader, or to a follower.
    pub(crate) fn intake(&self) -> Option<Lane> {
        Some(self.replica.lane(self.life.lanes()?.intake))
    }

    /// Whether it fetches on `lane`.
    pub(crate) fn fetches_at(&self, lane: Lane) -> bool {
        self.intake() == Some(lane)
    }

    /// Whether it flows and an answer to a fetch of `round` isn't stale.
    pub(crate) fn fetches_in(&self, round: u32) -> bool {
        self.fetch_round == round && self.life.lanes().is_some()
    }

    /// Whether it produces on `lane`.
    pub(crate) fn produces_at(&self, lane: Lane) -> bool {
        self.life.lanes().is_some_and(|it| it.outlet == lane)
    }

    /// Whether it flows and an event of `round` isn't stale.
    pub(crate) fn flows_in(&self, round: u32) -> bool {
        self.round == round && self.life.lanes().is_some()
    }

    /// Discards everything that was fetched but not sent; the next resync finds the position anew.
    pub(crate) fn drop_fetched(&mut self) {
        self.fetch_buffer = FetchBuffer::default();
        self.staged.clear();
        self.drop_chore();
    }

    /// Whether any request or task is still outstanding.
    pub(crate) fn awaits_answers(&self) -> bool {
        let is_sent = !self.window.is_empty() || self.awaits_chore();
        is_sent || self.underway.is_any()
    }

    /// Whether it is draining and no answer is outstanding any more.
    pub(crate) fn has_drained(&self) -> bool {
        self.life.is_draining() && !self.awaits_answers()
    }

    /// Composes the next produce batch if it could be sent soon. Composing late lets small batches gather.
    ///
    /// Returns whether the staged produce batch opens runs, which have to be durable before it is sent.
    pub(crate) fn stage(&mut self) -> Result<bool, BatchError> {
        if self.preserve.is_some() {
            self.stage_preserved()?;
            return Ok(false);
        }
        self.pass_stretches();
        if !self.staged.is_empty() || !self.window.has_room() {
            return Ok(false);
        }
        let worth_pipelining = self
            .fetch_buffer
            .front()
            .is_some_and(|fetched| fetched.size() >= PIPELINE_MINIMUM);
        if !self.window.is_empty() && !worth_pipelining {
            return Ok(false);
        }
        let Some(produce_batch) = compose(&mut self.fetch_buffer, &self.course)? else {
            self.pass_stretches();
            return Ok(false);
        };
        self.course = self.course.behind(&produce_batch);
        let opens = !produce_batch.joins;
        if opens {
            self.tracked.lock().plan(&produce_batch.runs, self.new_plan);
            self.new_plan = false;
        }
        self.staged.push_back(Staged {
            produce_batch,
            durable: !opens,
        });
        Ok(opens)
    }

    /// Handles a batch that is next in the buffer and can't be composed from. Its checksum is right, so it is its source's.
    pub(crate) fn give_up_fetched(&mut self, error: BatchError) -> Result<(), BatchError> {
        let Some(next) = self.fetch_buffer.front().filter(|_| is_of_source(&error)) else {
            return Err(error);
        };
        let damaged = Damaged::new(error, next.batch.bytes(), i64::MAX);
        self.damages.prove(Corruption::new(next.from, &damaged));
        self.fetch_buffer = FetchBuffer::default();
        Ok(())
    }

    /// Returns why it can't go on, once everything before the batch that can't be mirrored has landed.
    pub(crate) fn damage_due(&self) -> Option<Reason> {
        let damage = self.damages.proven()?;
        let has_chore = self.preserve.as_ref().is_some_and(|it| it.chore.is_some());
        let is_next = self.fetch_buffer.is_empty() && self.staged.is_empty() && !has_chore;
        (is_next && !self.awaits_answers()).then(|| damage.reason(self.course.target))
    }

    /// Whether the first staged produce batch is durable and admitted by the window.
    pub(crate) fn ready(&self, now: Moment) -> bool {
        self.staged
            .front()
            .is_some_and(|it| it.durable && self.window.admits(&it.produce_batch, now))
    }

    /// Advances the frontier over stretches without records once nothing before them is in flight.
    fn pass_stretches(&mut self) {
        while self.staged.is_empty() && self.window.is_empty() {
            let Some(until) = self.fetch_buffer.skip() else {
                break;
            };
            self.tracked.pass(until);
        }
    }

    /// Applies a stored decision to the live state.
    pub(crate) fn take_decision(&mut self, decision: &Decision, identity: &LinkIdentity) {
        let (incarnation, frontier) = {
            let record = &self.tracked.lock().record;
            (record.incarnation, record.frontier)
        };
        self.course.producer_id = identity.producer_id(incarnation);
        if let Some(id) = decision.source_id {
            self.route.source_id = id;
        }
        self.offsets = decision.offsets.unwrap_or(self.offsets);
        self.fence = None;
        if self.epochs_until > frontier || decision.source_id.is_some() {
            self.epochs_until = frontier;
        }
        self.start = None;
        self.refused_sequence = None;
    }

    /// Lets batches grow again after a refusal shrank them, and forgets the refusal once the frontier is past it.
    pub(crate) fn relax(&mut self, frontier: SourceOffset) {
        self.examined_until = self.examined_until.filter(|until| frontier < *until);
        self.reported = None;
        if self.refused_until.is_some_and(|until| frontier >= until) {
            self.refused_until = None;
            self.course.records_limit = usize::MAX;
        } else if self.refused_until.is_some() {
            self.course.records_limit = self.course.records_limit.saturating_mul(2);
        }
    }
}
