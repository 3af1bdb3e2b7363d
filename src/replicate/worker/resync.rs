//! Resyncs a partition: reads both logs to find its position, and applies the result.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind};
use crate::model::{HaltCode, OffsetsMode, Policy, Reason, Run, TopicPartition};
use crate::offsets::Explanation;
use crate::replicate::fetch::damage::Damages;
use crate::replicate::fetch::sequence::Doubts;
use crate::replicate::partition::effect::{Event, Resynced};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::{Lanes, Route};
use crate::replicate::resync::input::{ResyncInput, ResyncResult, TargetSide, never_began};
use crate::replicate::resync::position::{resync_source, resync_target};
use crate::replicate::resync::seen_end::SeenEnd;

use super::context::{LinkContext, Settings};
use super::event::{Event as WorkerEvent, Ticket};
use super::hidden::still_hidden;
use super::state::Worker;

/// Interval of rechecks for a partition whose trouble an operator can remove from outside.
pub(crate) const RECHECK: Duration = Duration::from_secs(15);

/// Time limit for reading one side; after that the resync starts over.
const SIDE_LIMIT: Duration = Duration::from_secs(45);

/// Time limit for reading the target's end before a resync has its turn; without it, the wait happens in its turn.
const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(5);

impl Worker {
    /// Begins to read both logs of a partition; returns an error that occurs at once.
    pub(crate) fn resync(&mut self, index: usize) -> Option<Event> {
        let mirror = &mut self.mirrors[index];
        mirror.round += 1;
        if let Err(error) = mirror.tracked.freshen() {
            return Some(Event::Resynced(Err(Trouble::retry(&error))));
        }
        let abandoned = CancellationToken::new();
        mirror.underway.resync = Some(abandoned.clone());
        let ticket = (index, mirror.round);
        let mut input = input(mirror, &self.link.settings);
        input.suspect = mirror.suspect.take();
        let link = Arc::clone(&self.link);
        let (seen, route) = (mirror.seen, mirror.route.clone());
        self.events.push(Box::pin(async move {
            if input.uncertain && input.start.is_none() {
                let look = Box::pin(seen_end(&link, seen.1, &input.target));
                input.seen_end = unless(&abandoned, look).await.ok();
            }
            let permit = tokio::select! {
                () = abandoned.cancelled() => None,
                permit = link.resync_permits.acquire() => permit.ok(),
            };
            if permit.is_none() {
                let result = Err(interrupted());
                return WorkerEvent::Resynced {
                    ticket,
                    target: None,
                    result,
                };
            }
            // Boxed only when its turn has come: thousands may be waiting.
            Box::pin(both_sides(&link, &route, seen, input, (ticket, abandoned))).await
        }));
        None
    }

    /// Handles the end of reading both logs, whether completed or abandoned.
    pub(crate) fn resynced(
        &mut self,
        (index, _): Ticket,
        target: Option<&TargetSide>,
        result: Result<Box<ResyncResult>, Trouble>,
    ) {
        self.mirrors[index].underway.resync = None;
        if !self.is_resyncing(index) {
            return self.drained(index);
        }
        let mirror = &mut self.mirrors[index];
        let taken = match result {
            Ok(resync_result) => {
                take_over(mirror, &resync_result, &self.link).map(|()| resync_result)
            }
            Err(trouble) => {
                if let (Some(side), Trouble::Retry(_)) = (target, &trouble) {
                    believe_target(mirror, side);
                }
                Err(trouble)
            }
        };
        let found = taken.map(|resync_result| {
            let end = resync_result.target.tail.end;
            match self.mirrors[index].refused_record(end) {
                Some(refused) => Resynced::Refused(Box::new(refused)),
                None => Resynced::Flows(self.lanes_of(index, &resync_result)),
            }
        });
        self.live(index, Event::Resynced(found));
    }

    /// Returns the connections on which a partition fetches and produces.
    fn lanes_of(&self, index: usize, resync_result: &ResyncResult) -> Lanes {
        let route = &self.mirrors[index].route;
        Lanes {
            intake: self
                .link
                .intake_of(route, resync_result.source_leader.broker),
            outlet: self
                .link
                .outlet_of(route, resync_result.target.leader.broker),
        }
    }
}

/// Reads the end of the target's log while a resync waits for its turn: from then on its time to stay unchanged counts. The
/// resync proper finds out what an error means.
async fn seen_end(
    link: &LinkContext,
    generation: u64,
    target: &TopicPartition,
) -> Result<SeenEnd, Trouble> {
    let look = async {
        refreshed(link, generation).await?;
        Ok(SeenEnd::read(&link.target, target).await?)
    };
    within(FIRST_LOOK_LIMIT, look).await
}

/// Reads the target's metadata anew if this generation of it led to a trouble.
async fn refreshed(link: &LinkContext, generation: u64) -> Result<(), Trouble> {
    if generation > 0 {
        link.target.refresh(generation).await?;
    }
    Ok(())
}

/// Reads both sides. `seen` are the metadata generations of source and target that led to the trouble.
async fn both_sides(
    link: &LinkContext,
    route: &Route,
    seen: (u64, u64),
    input: ResyncInput,
    (ticket, abandoned): (Ticket, CancellationToken),
) -> WorkerEvent {
    // Never abandoned half-way: it writes to the target.
    let shut_out = async {
        let permit = link.topic_permit(&route.source.topic).await;
        let _writing = permit.ok_or_else(interrupted)?;
        Ok(link.shut_out(route, input.record.path).await?)
    };
    let mut ready = unless(&abandoned, within(SIDE_LIMIT, refreshed(link, seen.1))).await;
    if ready.is_ok() {
        ready = within(SIDE_LIMIT, shut_out).await;
    }
    let (target, result) = match ready {
        Ok(()) => look_twice(link, route, seen, &input, &abandoned).await,
        Err(trouble) => (None, Err(trouble)),
    };
    WorkerEvent::Resynced {
        ticket,
        target: target.map(Box::new),
        result: result.map(Box::new),
    }
}

/// The target's side, if it could be read, and the position.
type Look = (Option<TargetSide>, Result<ResyncResult, Trouble>);

/// Reads both logs; what would stop the partition or take a decision has to be found twice, because no checksum covers the
/// offsets of what is read.
async fn look_twice(
    link: &LinkContext,
    route: &Route,
    seen: (u64, u64),
    input: &ResyncInput,
    abandoned: &CancellationToken,
) -> Look {
    let first = Box::pin(look(link, route, seen.0, input, abandoned)).await;
    let Some(found) = first.1.as_ref().err().and_then(verdict) else {
        return first;
    };
    let (target, second) = Box::pin(look(link, route, seen.0, input, abandoned)).await;
    let Err(trouble) = second else {
        return (target, second);
    };
    if matches!(trouble, Trouble::Retry(_)) || verdict(&trouble) == Some(found) {
        return (target, Err(trouble));
    }
    let message = "two looks at the logs differ; reading them again";
    let error = Error::new(Kind::Protocol, message).partition(&route.source);
    (target, Err(Trouble::retry(&error)))
}

/// Returns what a trouble is about and whether a policy settles it, unless it may pass without intervention.
fn verdict(trouble: &Trouble) -> Option<(HaltCode, bool)> {
    match trouble {
        Trouble::Retry(_) => None,
        Trouble::Halt(reason) => Some((reason.code, false)),
        Trouble::Decided(decision) => Some((decision.reason.code, true)),
    }
}

/// Reads both logs once.
async fn look(
    link: &LinkContext,
    route: &Route,
    seen: u64,
    input: &ResyncInput,
    abandoned: &CancellationToken,
) -> Look {
    let target_side = resync_target(&link.target, &link.identity, input);
    let side = match unless(abandoned, within(SIDE_LIMIT, target_side)).await {
        Ok(side) => side,
        Err(trouble) => {
            let circle = async { Ok(link.circle_first(input, trouble.clone()).await) };
            let found = unless(abandoned, within(SIDE_LIMIT, circle)).await;
            return (None, Err(found.unwrap_or(trouble)));
        }
    };
    let source_side = async {
        if seen > 0 {
            link.source.refresh(seen).await?;
        }
        if side.foreign.is_some() {
            link.judge_before_foreign_writes(input).await?;
        }
        if let Some(suspect) = input.suspect {
            let topic = &route.source.topic;
            link.judge_writer(topic, suspect).await?;
        }
        match resync_source(&link.source, &link.target, input, side.clone()).await {
            Ok(found) => {
                link.judge_first(input, &found).await?;
                still_hidden(&link.source, input, found.next).await?;
                Ok(found)
            }
            Err(Trouble::Decided(decision)) if decision.policy == Policy::Reseed => {
                Err(link.weigh_decision(&route.source.topic, decision).await)
            }
            Err(trouble) => Err(trouble),
        }
    };
    let result = Box::pin(unless(abandoned, within(SIDE_LIMIT, source_side))).await;
    (Some(side), result)
}

async fn within<T>(
    limit: Duration,
    side: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::time::timeout(limit, side).await.unwrap_or_else(|_| {
        let message = format!("working out the position took longer than {limit:?}");
        Err(Trouble::retry(&Error::new(Kind::TimedOut, message)))
    })
}

async fn unless<T>(
    abandoned: &CancellationToken,
    side: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    tokio::select! {
        () = abandoned.cancelled() => Err(interrupted()),
        result = side => result,
    }
}

fn interrupted() -> Trouble {
    Trouble::retry(&Error::new(Kind::Stopping, "interrupted"))
}

fn input(mirror: &Mirror, settings: &Settings) -> ResyncInput {
    let known = mirror.tracked.lock();
    let last_run = known.last_run();
    ResyncInput {
        source: mirror.route.source.clone(),
        target: mirror.route.target.clone(),
        source_id: mirror.route.source_id,
        target_id: mirror.route.target_id,
        record: known.record.clone(),
        last_run,
        acknowledged: last_run.map(|_| known.record.acked_end),
        uncertain: mirror.uncertain,
        seen_end: None,
        epochs_until: mirror.epochs_until,
        start: mirror.start,
        policies: mirror.policies(),
        pending: mirror.life.pending().cloned(),
        reported: mirror.reported.clone(),
        tracked: Arc::clone(&mirror.tracked),
        offsets: mirror.offsets,
        wanted: settings.offsets,
        preserve: settings.preserve,
        suspect: None,
    }
}

/// Applies the result of a resync to the known and the live state.
fn take_over(
    mirror: &mut Mirror,
    resync_result: &ResyncResult,
    link: &LinkContext,
) -> Result<(), Trouble> {
    let (path, identity) = (link.settings.path, &link.identity);
    let (memory_ms, now) = (link.memory_ms, link.now());
    let (end, filled) = (
        resync_result.target.tail.end,
        resync_result.target.tail.data_end,
    );
    let mut known = mirror.tracked.lock();
    let explanation = Explanation {
        runs: resync_result.runs.clone(),
        position: resync_result.position,
    };
    if known.last_run().is_none() || resync_result.offsets == OffsetsMode::Preserve {
        known.record.origin = resync_result.origin;
    }
    known.record.offsets = resync_result.offsets;
    known.found(&explanation, filled).map_err(|error| {
        let message = format!("the target's log doesn't continue the map: {error}");
        Trouble::Halt(Reason::new(HaltCode::MapUnknown, message))
    })?;
    known.note_epoch(resync_result.fetched_epoch, resync_result.position.plus(-1));
    if let Some(reason) = known.bars(path) {
        return Err(Trouble::Halt(reason));
    }
    let goes_on = known.goes_on_behind(path, resync_result.position, end);
    known.record.acked_end = end;
    known.record.source_topic_id = resync_result.source_leader.topic_id;
    known.record.target_topic_id = resync_result.target.leader.topic_id;
    known.touch();
    known.figures.resyncs += 1;
    known.figures.source_log_start = resync_result.source_log_start.get();
    known.figures.target_log_start = resync_result.target.tail.log_start.get();
    known.figures.target_end = end.get();
    // Records that were fetched but not mirrored may be replaced before they are fetched again.
    known
        .record
        .epochs
        .retain(|(_, first)| *first < resync_result.next);
    mirror.course.target = end;
    mirror.course.marker = path.marker();
    let joined = !goes_on && path.marker() == 0;
    let last_run = known.last_run().filter(|_| joined);
    mirror.course.source = last_run.as_ref().map(Run::source_end);
    mirror.course.producer_id = identity.producer_id(known.record.incarnation);
    drop(known);
    let uncertain = mirror.uncertain && !never_began(mirror.start, end);
    mirror.window = mirror.window.renewed(memory_ms, uncertain, now);
    if let Some(producer_status) = resync_result.target.producer_status {
        mirror.window.arm(producer_status.last_timestamp, now);
    }
    mirror.keep_offsets(resync_result, now);
    mirror.uncertain = false;
    mirror.fetch_next = resync_result.next;
    mirror.doubts = Doubts::default();
    mirror.damages = Damages::default();
    mirror.epochs_until = resync_result.next;
    mirror.leader_epoch = resync_result.source_leader.epoch;
    mirror.fetched_epoch = resync_result.fetched_epoch;
    mirror.new_plan = true;
    Ok(())
}

/// Applies the target's side while the source is out of reach, as far as the stored runs leave no choice: every run is
/// durable before its data is sent, so a plan that was never given up is the truth. Translation then works up to the true
/// end.
fn believe_target(mirror: &Mirror, side: &TargetSide) {
    let mut known = mirror.tracked.lock();
    let one_plan = known.record.plans.len() <= 1;
    let explained = side.explanations.first().filter(|_| one_plan).cloned();
    let Some(explanation) = explained else { return };
    let grown = side.tail.data_end > known.record.acked_end;
    if grown && known.found(&explanation, side.tail.data_end).is_ok() {
        known.record.acked_end = side.tail.end;
        known.figures.target_end = side.tail.end.get();
    }
    known.figures.target_log_start = side.tail.log_start.get();
}

#[cfg(test)]
mod tests;
