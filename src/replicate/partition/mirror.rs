//! The live state of one mirror partition inside its worker.
//!
//! Holds values and small decisions only; the worker performs. One partition's trouble stays in its own `Mirror`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Start;
use crate::model::{
    Intent, LeaderEpoch, LinkIdentity, Moment, OffsetsMode, Policies, ProducerId, SourceOffset,
    TargetOffset,
};
use crate::replicate::fetch::budget::Demand;
use crate::replicate::fetch::buffer::Hold;
use crate::replicate::produce::batcher::{Course, Shipment, compose};
use crate::replicate::produce::window::{PIPELINE_MINIMUM, Window};
use crate::replicate::resync::decision::Decision;
use crate::replicate::shared::partition::Tracked;
use crate::replicate::shared::resolve_request::Grant;
use crate::task::Backoff;

use super::lifecycle::Lifecycle;
use super::preserve_state::Preserving;
use super::route::{Lane, Route};

/// First and longest pause before a partition settles again after an error.
const RETRY_BASE: Duration = Duration::from_millis(100);
const RETRY_CAP: Duration = Duration::from_secs(5);

/// A shipment on its way to the window.
#[derive(Debug)]
pub(crate) struct Staged {
    /// The shipment.
    pub(crate) shipment: Shipment,
    /// Whether the runs it opens are durable, so that it may be sent.
    pub(crate) durable: bool,
}

/// What is under way for a partition whose end is awaited, beside requests that were sent.
#[derive(Debug, Default)]
pub(crate) struct Underway {
    /// Ends the reading of both logs early.
    pub(crate) resync: Option<CancellationToken>,
    /// Whether a receipt is being written.
    pub(crate) receipt: bool,
    /// Whether where the partition starts is being stored.
    pub(crate) start: bool,
}

impl Underway {
    fn is_any(&self) -> bool {
        self.resync.is_some() || self.receipt || self.start
    }

    /// Has the reading of both logs ended early, if it is under way.
    pub(crate) fn abandon_resync(&self) {
        if let Some(resync) = &self.resync {
            resync.cancel();
        }
    }
}

/// One mirror partition.
#[derive(Debug)]
pub(crate) struct Mirror {
    /// Names and ids.
    pub(crate) route: Route,
    /// What others may read.
    pub(crate) tracked: Arc<Tracked>,
    /// What it is doing, and what is decided about that.
    pub(crate) life: Lifecycle,
    /// Counts resyncs, timers and drains: an event of an earlier round is stale.
    pub(crate) round: u32,
    /// What is under way beside what was sent.
    pub(crate) underway: Underway,
    /// What was fetched and waits.
    pub(crate) hold: Hold,
    /// What was composed and waits.
    pub(crate) staged: VecDeque<Staged>,
    /// What is in flight.
    pub(crate) window: Window,
    /// Where the next shipment goes.
    pub(crate) course: Course,
    /// How far it is behind, as far as the order of fetches and sends goes.
    pub(crate) demand: Demand,
    /// The next source offset to fetch.
    pub(crate) fetch_next: SourceOffset,
    /// The leader epochs sent with a fetch: the leader's, and that of the last record fetched.
    pub(crate) leader_epoch: LeaderEpoch,
    /// The epoch of the record before `fetch_next`.
    pub(crate) fetched_epoch: LeaderEpoch,
    /// Refused batches shrink until this source offset is passed.
    pub(crate) refused_until: Option<SourceOffset>,
    /// Whether requests of an earlier round, connection or process may still be on their way.
    pub(crate) uncertain: bool,
    /// The outlet in whose queue it stands; an entry in another's is out of date.
    pub(crate) queued: Option<Lane>,
    /// Pauses between settlings.
    pub(crate) backoff: Backoff,
    /// Where the target last refused a sequence number: a second time at the same place is no race.
    pub(crate) refused_sequence: Option<TargetOffset>,
    /// Up to where the remembered leader epochs of the source are complete.
    pub(crate) epochs_until: SourceOffset,
    /// Metadata generations of source and target at the last trouble: newer ones are worth another try.
    pub(crate) seen: (u64, u64),
    /// Whether the next runs stored ahead begin a new plan: an earlier one may have landed all the same.
    pub(crate) new_plan: bool,
    /// Bytes counted against the link's limit, and on which source connection.
    pub(crate) counted: (usize, Option<Lane>),
    /// Where it starts if nothing is mirrored yet; none once that is stored.
    pub(crate) start: Option<Start>,
    /// The round in which something landed last: the first that lands in a round is stored at once.
    pub(crate) landed_in: u32,
    /// The round in which the source last told of it.
    pub(crate) told_in: u32,
    /// What the configuration says to do where it would have to guess.
    pub(crate) policies: Policies,
    /// What an operator decided about the trouble it stands still for.
    pub(crate) grant: Option<Grant>,
    /// How offsets of the two sides relate, or are to.
    pub(crate) offsets: OffsetsMode,
    /// What it keeps in mind while offsets are preserved.
    pub(crate) preserve: Option<Box<Preserving>>,
    /// An epoch that nobody wrote under, stored for the next marker that is to shut others out.
    pub(crate) fence: Option<i16>,
}

impl Mirror {
    /// A partition about to settle for the first time in this process: an earlier one may have requests under way.
    pub(crate) fn new(
        route: Route,
        tracked: Arc<Tracked>,
        producer_id: ProducerId,
        start: Option<Start>,
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
            hold: Hold::default(),
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

    /// Bytes it holds against the limits.
    pub(crate) fn bytes(&self) -> usize {
        let staged: usize = self.staged.iter().map(|it| it.shipment.bytes).sum();
        self.hold.bytes() + staged + self.window.bytes()
    }

    /// Whether it flows from this connection.
    pub(crate) fn fetches_at(&self, lane: Lane) -> bool {
        self.life.lanes().is_some_and(|it| it.intake == lane)
    }

    /// Whether it flows to this connection.
    pub(crate) fn produces_at(&self, lane: Lane) -> bool {
        self.life.lanes().is_some_and(|it| it.outlet == lane)
    }

    /// Whether an event of `round` still concerns it while it flows.
    pub(crate) fn flows_in(&self, round: u32) -> bool {
        self.round == round && self.life.lanes().is_some()
    }

    /// Forgets everything that was fetched and not sent; the next settling finds the position anew.
    pub(crate) fn drop_cargo(&mut self) {
        self.hold = Hold::default();
        self.staged.clear();
        self.drop_chore();
    }

    /// Whether something is under way whose end isn't known yet.
    pub(crate) fn awaits_answers(&self) -> bool {
        let is_sent = !self.window.is_empty() || self.awaits_chore();
        is_sent || self.underway.is_any()
    }

    /// Whether it waited for answers, and none is awaited any more.
    pub(crate) fn has_drained(&self) -> bool {
        self.life.is_draining() && !self.awaits_answers()
    }

    /// Composes the next shipment if it could go soon. Composing late lets small batches gather.
    ///
    /// Returns whether a shipment was staged that opens runs: those have to be stored before it is sent.
    pub(crate) fn stage(&mut self) -> Result<bool, crate::kafka::batch::BatchError> {
        if self.preserve.is_some() {
            self.stage_preserved()?;
            return Ok(false);
        }
        self.pass_stretches();
        if !self.staged.is_empty() || !self.window.has_room() {
            return Ok(false);
        }
        let worth_pipelining = self
            .hold
            .front()
            .is_some_and(|cargo| cargo.size() >= PIPELINE_MINIMUM);
        if !self.window.is_empty() && !worth_pipelining {
            return Ok(false);
        }
        let Some(shipment) = compose(&mut self.hold, &self.course)? else {
            self.pass_stretches();
            return Ok(false);
        };
        self.course = self.course.behind(&shipment);
        let opens = !shipment.joins;
        if opens {
            self.tracked.lock().plan(&shipment.runs, self.new_plan);
            self.new_plan = false;
        }
        self.staged.push_back(Staged {
            shipment,
            durable: !opens,
        });
        Ok(opens)
    }

    /// Whether a shipment is staged, stored and admitted by the window.
    pub(crate) fn ready(&self, now: Moment) -> bool {
        self.staged
            .front()
            .is_some_and(|it| it.durable && self.window.admits(&it.shipment, now))
    }

    /// With nothing before it under way, a stretch of which nothing travels moves the frontier by itself.
    fn pass_stretches(&mut self) {
        while self.staged.is_empty() && self.window.is_empty() {
            let Some(until) = self.hold.skip() else { break };
            self.tracked.pass(until);
        }
    }

    /// Takes over where a decision lets it go on.
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

    /// Lets batches grow again after refused ones shrank them, and forgets the refusal once it is passed.
    pub(crate) fn relax(&mut self, frontier: SourceOffset) {
        if self.refused_until.is_some_and(|until| frontier >= until) {
            self.refused_until = None;
            self.course.records_limit = usize::MAX;
        } else if self.refused_until.is_some() {
            self.course.records_limit = self.course.records_limit.saturating_mul(2);
        }
    }
}
