//! How the worker brings a partition from trouble back to work.
//!
//! Whatever happened, the way is the same: send nothing more, wait for what is in flight, forget what was fetched, pause
//! with growing delays, settle. Only the reasons differ.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::{Error, Kind};
use crate::model::{HaltCode, OffsetsMode, PartitionState, Policy, Run, TargetOffset};
use crate::replicate::partition::mirror::{Mirror, Phase, Route, Then};
use crate::replicate::resync::position::{
    Question, Settled, TargetSide, Trouble, settle_source, settle_target,
};

use super::context::LinkContext;
use super::event::{Event, Ticket};
use super::run::Worker;

/// How often a partition that an operator can release from outside is tried again.
const RECHECK: Duration = Duration::from_secs(15);

/// How long one side of a settling may take before it starts over.
const SIDE_LIMIT: Duration = Duration::from_secs(45);

impl Worker {
    /// Starts a settling.
    pub(crate) fn settle(&mut self, index: usize) {
        let mirror = &mut self.mirrors[index];
        mirror.round += 1;
        mirror.phase = Phase::Settling;
        if let Err(error) = mirror.tracked.freshen() {
            return self.rest(index, &error);
        }
        if let Some(ids) = mirror.anew {
            return self.begin_anew(index, ids);
        }
        let ticket = (index, mirror.round);
        let question = question(mirror, &self.link.settings);
        let link = Arc::clone(&self.link);
        let (seen, route) = (mirror.seen, mirror.route.clone());
        self.events.push(Box::pin(async move {
            let Ok(_permit) = link.settles.acquire().await else {
                let stopping = Error::new(Kind::Stopping, "stopping");
                return Event::Settled {
                    ticket,
                    target: None,
                    result: Err(Trouble::Retry(stopping)),
                };
            };
            // Boxed when its turn has come: of those that wait there may be thousands.
            Box::pin(both_sides(&link, &route, seen, question, ticket)).await
        }));
    }

    pub(crate) fn settled(
        &mut self,
        ticket: Ticket,
        target: Option<&TargetSide>,
        result: Result<Box<Settled>, Trouble>,
    ) {
        let (index, round) = ticket;
        let mirror = &mut self.mirrors[index];
        if mirror.round != round || !matches!(mirror.phase, Phase::Settling) {
            return;
        }
        let taken = match result {
            Ok(settled) => take_over(mirror, &settled, &self.link).map(|()| settled),
            Err(trouble) => {
                if let (Some(side), Trouble::Retry(_)) = (target, &trouble) {
                    believe_target(mirror, side);
                }
                Err(trouble)
            }
        };
        match taken {
            Ok(settled) => match mirror.refused_record(settled.target.tail.end) {
                Some(refused) => self.quarantine(index, refused),
                None => self.flow(index, &settled),
            },
            Err(trouble) => self.trouble(index, trouble, false),
        }
    }

    /// Lets a settled partition flow on its two connections.
    fn flow(&mut self, index: usize, settled: &Settled) {
        let mirror = &mut self.mirrors[index];
        // What was to be decided about is gone.
        (mirror.pending, mirror.grant) = (None, None);
        let intake = self
            .link
            .intake_of(&mirror.route, settled.source_leader.broker);
        let leader = settled.target.leader.broker;
        let outlet = self.link.outlet_of(&mirror.route, leader);
        mirror.phase = Phase::Flowing { intake, outlet };
        let lane = self.intakes.entry(intake).or_default();
        lane.changed.push(index);
        if lane.members.insert(index) {
            mirror.demand.move_over();
        }
        if mirror.start.take().is_some() {
            // Where it starts must be known before the first record moves (H10).
            mirror.phase = Phase::Draining(Then::Flow { intake, outlet });
            self.to_store.push(index);
        } else if mirror.preserve.is_some() {
            // A prefix is filled without waiting for records.
            self.touch(index);
        }
    }

    /// Something went wrong with a partition. `uncertain` says that requests may still be on their way to the target.
    pub(crate) fn trouble(&mut self, index: usize, trouble: Trouble, uncertain: bool) {
        self.begin_draining(index, Then::Settle { trouble, uncertain });
    }

    pub(crate) fn begin_draining(&mut self, index: usize, then: Then) {
        let mirror = &mut self.mirrors[index];
        if let Phase::Flowing { intake, .. } | Phase::Draining(Then::Flow { intake, .. }) =
            mirror.phase
            && let Some(intake) = self.intakes.get_mut(&intake)
        {
            intake.members.remove(&index);
            intake.changed.push(index);
            mirror.epochs_until = mirror.epochs_until.max(mirror.fetch_next);
        }
        mirror.drop_cargo();
        mirror.uncertain |= then.is_uncertain();
        mirror.phase = match (std::mem::replace(&mut mirror.phase, Phase::Settling), then) {
            // The first trouble explains the ones that follow from it; a pause goes before any.
            (Phase::Draining(first @ (Then::Settle { .. } | Then::Pause)), Then::Settle { .. })
            | (Phase::Draining(first @ Then::Anew(_)), _) => Phase::Draining(first),
            (_, then) => Phase::Draining(then),
        };
        self.recount(index);
        self.drained(index);
    }

    /// Goes on with what was to follow, if nothing is in flight any more.
    pub(crate) fn drained(&mut self, index: usize) {
        let mirror = &mut self.mirrors[index];
        if mirror.awaits_answers() || !matches!(mirror.phase, Phase::Draining(_)) {
            return;
        }
        let Phase::Draining(then) = std::mem::replace(&mut mirror.phase, Phase::Paused) else {
            return;
        };
        // Answers to this round's requests are all in; events that still come are stale.
        mirror.round += 1;
        match then {
            Then::Pause => mirror.tracked.show(PartitionState::Paused, None),
            Then::Anew(ids) => self.begin_anew(index, ids),
            Then::Flow { intake, outlet } => {
                mirror.tracked.lock().begun = true;
                mirror.phase = Phase::Flowing { intake, outlet };
                self.intakes.entry(intake).or_default().changed.push(index);
                self.touch(index);
            }
            Then::Settle {
                trouble: Trouble::Halt(reason),
                ..
            } => self.halt(index, reason),
            Then::Settle {
                trouble: Trouble::Retry(error),
                ..
            } => self.rest(index, &error),
            Then::Settle {
                trouble: Trouble::Decided(decision),
                ..
            } => self.decide(index, *decision),
        }
    }

    fn halt(&mut self, index: usize, reason: crate::model::Reason) {
        let mirror = &mut self.mirrors[index];
        let policy = mirror.policies().on(reason.code);
        if policy != Policy::Halt && mirror.pending.is_none() {
            // A settling that has read both sides decides.
            let detail = format!("{}; {policy} follows", reason.message);
            mirror.pending = Some(reason);
            return self.rest_for(index, detail);
        }
        mirror.pending = None;
        mirror.released(Err(Box::new(reason.clone())));
        let known = mirror.tracked.lock().figures.reason.clone();
        if known.as_ref() != Some(&reason) {
            tracing::error!(
                link = %self.link.name, partition = %mirror.route.source, code = %reason.code,
                message = reason.message, remedy = reason.remedy, "partition stands still"
            );
        }
        let heals = matches!(
            reason.code,
            HaltCode::RecordRefused | HaltCode::NotPermitted
        );
        mirror.tracked.show_halted(reason);
        mirror.phase = Phase::Halted;
        // A restart tells where it stood still from what is stored; of one that never began nothing is.
        if mirror.start.is_none() {
            self.newsworthy.push(index);
        }
        if heals {
            let ticket = (index, mirror.round);
            self.events.push(Box::pin(async move {
                sleep(RECHECK).await;
                Event::Rested(ticket)
            }));
        }
    }

    fn rest(&mut self, index: usize, error: &Error) {
        let (source, target) = (&self.link.source, &self.link.target);
        let mirror = &mut self.mirrors[index];
        mirror.seen = (source.metadata().generation, target.metadata().generation);
        self.link.complaints.note(&mirror.route.source, error);
        self.rest_for(index, error.chain());
    }

    /// Settles again after a pause, showing what for.
    fn rest_for(&mut self, index: usize, detail: String) {
        let mirror = &mut self.mirrors[index];
        mirror.phase = Phase::Resting;
        mirror.tracked.show(PartitionState::Retrying, Some(detail));
        let ticket = (index, mirror.round);
        let pause = mirror.backoff.next();
        self.events.push(Box::pin(async move {
            sleep(pause).await;
            Event::Rested(ticket)
        }));
    }

    pub(crate) fn rested(&mut self, index: usize, round: u32) {
        let mirror = &self.mirrors[index];
        let due =
            matches!(mirror.phase, Phase::Resting | Phase::Halted) && mirror.conflict.is_none();
        if mirror.round == round && due && !self.stopping {
            self.settle(index);
        }
    }

    /// A conflict that discovery had found is gone.
    pub(crate) fn reconsider(&mut self, index: usize) {
        self.mirrors[index].conflict = None;
        if matches!(self.mirrors[index].phase, Phase::Halted) {
            self.settle(index);
        }
    }
}

/// Works out both sides of a settling. `seen` are the generations of metadata that led into trouble, of source and target.
async fn both_sides(
    link: &LinkContext,
    route: &Route,
    seen: (u64, u64),
    question: Question,
    ticket: Ticket,
) -> Event {
    let target_side = async {
        if seen.1 > 0 {
            link.target.refresh(seen.1).await?;
        }
        link.shut_out(route, question.record.path).await?;
        settle_target(&link.target, &link.identity, &question).await
    };
    let side = match within(SIDE_LIMIT, target_side).await {
        Ok(side) => side,
        Err(trouble) => {
            return Event::Settled {
                ticket,
                target: None,
                result: Err(trouble),
            };
        }
    };
    let source_side = async {
        if seen.0 > 0 {
            link.source.refresh(seen.0).await?;
        }
        settle_source(&link.source, &link.target, &question, side.clone()).await
    };
    let result = within(SIDE_LIMIT, source_side).await.map(Box::new);
    Event::Settled {
        ticket,
        target: Some(Box::new(side)),
        result,
    }
}

async fn within<T>(
    limit: Duration,
    side: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::time::timeout(limit, side).await.unwrap_or_else(|_| {
        let message = format!("working out the position took longer than {limit:?}");
        Err(Trouble::Retry(Error::new(Kind::TimedOut, message)))
    })
}

fn question(mirror: &Mirror, settings: &super::context::Settings) -> Question {
    let known = mirror.tracked.lock();
    let last_run = known.last_run();
    Question {
        source: mirror.route.source.clone(),
        target: mirror.route.target.clone(),
        source_id: mirror.route.source_id,
        target_id: mirror.route.target_id,
        record: known.record.clone(),
        last_run,
        acknowledged: last_run.map(|_| known.record.acked_end),
        uncertain: mirror.uncertain,
        epochs_until: mirror.epochs_until,
        start: mirror.start,
        policies: mirror.policies(),
        pending: mirror.pending.clone(),
        tracked: Arc::clone(&mirror.tracked),
        offsets: mirror.offsets,
        wanted: settings.offsets,
        preserve: settings.preserve,
    }
}

/// Makes a settling the partition's state.
fn take_over(mirror: &mut Mirror, settled: &Settled, link: &LinkContext) -> Result<(), Trouble> {
    let (path, identity) = (link.settings.path, &link.identity);
    let (memory_ms, now) = (link.memory_ms, link.now_ms());
    let (end, filled) = (settled.target.tail.end, settled.target.tail.filled);
    let mut known = mirror.tracked.lock();
    let explanation = crate::replicate::resync::explain::Explanation {
        runs: settled.runs.clone(),
        position: settled.position,
    };
    if known.last_run().is_none() || settled.offsets == OffsetsMode::Preserve {
        known.record.origin = settled.origin;
    }
    known.record.offsets = settled.offsets;
    known.found(&explanation, filled).map_err(|error| {
        let message = format!("the target's log doesn't continue the map: {error}");
        Trouble::Halt(crate::model::Reason::new(HaltCode::MapUnknown, message))
    })?;
    known.note_epoch(settled.fetched_epoch, settled.position.plus(-1));
    let goes_on = known.goes_on_behind(path, settled.position, end);
    known.record.acked_end = end;
    known.record.source_topic_id = settled.source_leader.topic_id;
    known.record.target_topic_id = settled.target.leader.topic_id;
    known.dirty = true;
    known.figures.settlings += 1;
    known.figures.source_log_start = settled.source_log_start.get();
    known.figures.target_log_start = settled.target.tail.log_start.get();
    known.figures.target_end = end.get();
    known.figures.state = PartitionState::CatchingUp;
    known.figures.detail = None;
    known.figures.reason = None;
    // What was fetched and not mirrored may be replaced before it is fetched again.
    known
        .record
        .epochs
        .retain(|(_, first)| *first < settled.next);
    mirror.course.target = end;
    mirror.course.marker = path.marker();
    let joined = !goes_on && path.marker() == 0;
    let last_run = known.last_run().filter(|_| joined);
    mirror.course.source = last_run.as_ref().map(Run::source_end);
    mirror.course.producer_id = identity.producer_id(known.record.incarnation);
    drop(known);
    // Nothing can be on its way to a partition that was never begun.
    let fresh = end == TargetOffset::ZERO && mirror.start.is_some();
    let uncertain = mirror.uncertain && !fresh;
    mirror.window = mirror.window.renewed(memory_ms, uncertain, now);
    if let Some(standing) = settled.target.standing {
        mirror.window.arm(standing.last_timestamp, now);
    }
    mirror.keep_offsets(settled, now);
    mirror.uncertain = false;
    mirror.fetch_next = settled.next;
    mirror.epochs_until = settled.next;
    mirror.leader_epoch = settled.source_leader.epoch;
    mirror.fetched_epoch = settled.fetched_epoch;
    mirror.new_plan = true;
    Ok(())
}

/// With the source out of reach, what the target holds is believed as far as the stored runs leave no choice: every run
/// is durable before its data is sent, so a plan that was never given up is the truth. Translation then works up to the true end.
fn believe_target(mirror: &Mirror, side: &TargetSide) {
    let mut known = mirror.tracked.lock();
    let one_plan = known.record.plans.len() <= 1;
    let explained = side.explanations.first().filter(|_| one_plan).cloned();
    let Some(explanation) = explained else { return };
    let grown = side.tail.filled > known.record.acked_end;
    if grown && known.found(&explanation, side.tail.filled).is_ok() {
        known.record.acked_end = side.tail.end;
        known.figures.target_end = side.tail.end.get();
    }
    known.figures.target_log_start = side.tail.log_start.get();
}
