//! The worker's chores for partitions in preserve mode: filling gaps with markers and deleting the filler before the first
//! record.

use crate::config::Otherwise;
use crate::error::{BrokerCode, Result};
use crate::kafka::admin;
use crate::model::{BrokerId, HaltCode, Reason, SourceOffset, TargetOffset};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::preserve_state::{Before, MarkerStage, Task};
use crate::replicate::partition::route::Lanes;
use crate::replicate::preserve::filler::MARKERS;
use crate::replicate::preserve::markers::{Filled, Unfilled, fill};
use crate::replicate::resync::decision;

use super::event::{Event, Ticket};
use super::state::Worker;

const POLICY_VIOLATION: BrokerCode = BrokerCode(44);
const INVALID_PRODUCER_EPOCH: BrokerCode = BrokerCode(47);

impl Worker {
    /// Takes up the chore of a flowing partition, if one is due.
    pub(crate) fn take_up_chore(&mut self, index: usize) {
        let mirror = &mut self.mirrors[index];
        let Some(Lanes { outlet, .. }) = mirror.life.lanes() else {
            return;
        };
        match mirror.chore_due() {
            None => {}
            Some(Task::Trim(before)) => self.trim(index, before),
            Some(Task::Fill(until)) => self.prepare_markers(index, outlet.broker, until),
        }
    }

    /// Queues a gap at its broker, unless it is longer than the limit.
    fn prepare_markers(&mut self, index: usize, broker: BrokerId, until: TargetOffset) {
        let limits = self.link.settings.preserve;
        let mirror = &mut self.mirrors[index];
        let from = mirror.course.target;
        let gap = until.since(from);
        let fences = mirror.preserve.as_ref().is_some_and(|it| it.fences);
        // Requests that may still land are fenced off by one marker before an offset map begins.
        let ends_here = limits.otherwise == Otherwise::Refuse || !fences;
        if gap > limits.max_markers && ends_here {
            let reason = too_long(from, gap, limits.max_markers);
            let trouble = match limits.otherwise {
                Otherwise::Refuse => Trouble::Halt(reason),
                Otherwise::Translate => {
                    let next = SourceOffset(until.get());
                    Trouble::Decided(Box::new(decision::translate_from(reason, next, from)))
                }
            };
            return self.trouble(index, trouble, false);
        }
        match mirror.before_markers() {
            Before::Nothing => {
                mirror.set_stage(MarkerStage::Queued);
                mirror.tracked.lock().show_gap(until, gap);
                let lane = self.markers.entry(broker).or_default();
                lane.ready.push_back(index);
            }
            Before::Store => self.to_store.push(index),
            Before::Renew => {
                let decision = decision::renew_producer(used_up(from), from);
                self.trouble(index, Trouble::Decided(Box::new(decision)), true);
            }
        }
    }

    /// Sends marker requests to all brokers without one in flight.
    pub(crate) fn fill(&mut self) {
        let idle: Vec<BrokerId> = self
            .markers
            .iter()
            .filter(|(_, lane)| !lane.busy && !lane.ready.is_empty())
            .map(|(broker, _)| *broker)
            .collect();
        for broker in idle {
            self.fill_at(broker);
        }
    }

    fn fill_at(&mut self, broker: BrokerId) {
        let now = self.link.now();
        let Some(lane) = self.markers.get_mut(&broker) else {
            return;
        };
        let (mut orders, mut tickets, mut room) = (Vec::new(), Vec::new(), MARKERS);
        while room > 0
            && let Some(index) = lane.ready.pop_front()
        {
            let mirror = &mut self.mirrors[index];
            let lanes = mirror.life.lanes();
            let here = lanes.is_some_and(|it| it.outlet.broker == broker);
            let order = here.then(|| mirror.order_markers(now, room)).flatten();
            if let Some(order) = order {
                room -= order.count;
                tickets.push((index, mirror.round));
                orders.push(order);
            }
        }
        if orders.is_empty() {
            return;
        }
        lane.busy = true;
        let (target, right) = (self.link.target.clone(), self.link.ownership.clone());
        self.events.push(Box::pin(async move {
            let outcomes = fill(&target, broker, orders, &right).await;
            Event::Filled {
                broker,
                tickets,
                outcomes,
            }
        }));
    }

    pub(crate) fn filled(
        &mut self,
        broker: BrokerId,
        tickets: &[Ticket],
        outcomes: Vec<Result<Filled, Unfilled>>,
    ) {
        if let Some(lane) = self.markers.get_mut(&broker) {
            lane.busy = false;
        }
        for (&(index, round), outcome) in tickets.iter().zip(outcomes) {
            if self.mirrors[index].round != round {
                continue;
            }
            let mirror = &mut self.mirrors[index];
            match outcome {
                Ok(filled) => self.gap_shrank(index, &filled),
                Err(Unfilled { error, uncertain }) => {
                    mirror.set_stage(MarkerStage::Due);
                    if !uncertain {
                        mirror.unfilled();
                    }
                    let trouble = if error.code() == Some(INVALID_PRODUCER_EPOCH) {
                        Trouble::Halt(taken_over(mirror))
                    } else {
                        Trouble::from(error)
                    };
                    self.trouble(index, trouble, uncertain);
                }
            }
        }
    }

    /// Handles markers that were appended to the mirror partition.
    fn gap_shrank(&mut self, index: usize, filled: &Filled) {
        let (memory_ms, now) = (self.link.memory_ms, self.link.now());
        let mirror = &mut self.mirrors[index];
        let run = match mirror.filled(filled, memory_ms, now) {
            Ok(run) => run,
            Err(trouble) => {
                mirror.set_stage(MarkerStage::Due);
                return self.trouble(index, trouble, true);
            }
        };
        let result = {
            let mut known = mirror.tracked.lock();
            let result = known.landed(&[run], run.source_end());
            known.judge_state();
            result
        };
        if let Err(error) = result {
            let message = format!("markers don't continue the map: {error}");
            let reason = Reason::new(HaltCode::MapUnknown, message);
            return self.trouble(index, Trouble::Halt(reason), false);
        }
        mirror.backoff.reset();
        self.touch(index);
        self.drained(index);
    }

    fn trim(&mut self, index: usize, before: TargetOffset) {
        let mirror = &mut self.mirrors[index];
        mirror.set_stage(MarkerStage::Sent(0));
        let ticket = (index, mirror.round);
        let (target, right) = (self.link.target.clone(), self.link.ownership.clone());
        let route = mirror.route.clone();
        self.events.push(Box::pin(async move {
            let topic = (&route.target, route.target_id);
            let result = admin::delete_records(&target, topic, before.get(), &right).await;
            Event::Trimmed { ticket, result }
        }));
    }

    pub(crate) fn trimmed(&mut self, (index, round): Ticket, result: Result<i64>) {
        let mirror = &mut self.mirrors[index];
        if mirror.round != round {
            return;
        }
        match result {
            Ok(log_start) => {
                mirror.trimmed();
                let mut known = mirror.tracked.lock();
                known.figures.target_log_start = log_start;
                known.judge_state();
                drop(known);
                self.touch(index);
                self.drained(index);
            }
            Err(error) => {
                mirror.set_stage(MarkerStage::Due);
                let trouble = if error.code() == Some(POLICY_VIOLATION) {
                    let message = format!(
                        "the filler before the first record can't be deleted: {}; set cleanup.policy=delete on the mirror topic until the first record is mirrored",
                        error.chain()
                    );
                    Trouble::Halt(Reason::new(HaltCode::PreserveImpossible, message))
                } else {
                    Trouble::from(error)
                };
                self.trouble(index, trouble, false);
            }
        }
    }
}

fn too_long(at: TargetOffset, gap: i64, limit: i64) -> Reason {
    let message = format!(
        "the source has no record at {gap} offsets from {at} on, more than preserve_max_markers = {limit}"
    );
    let mut reason = Reason::new(HaltCode::PreserveImpossible, message);
    let remedy = "Raise preserve_max_markers, or let the records after the gap have an offset map (preserve_otherwise = \"translate\"), and restart; or mirror the topic anew (farshore resolve --with reseed).";
    remedy.clone_into(&mut reason.remedy);
    reason.at(Some(SourceOffset(at.get())), Some(at))
}

fn used_up(at: TargetOffset) -> Reason {
    let message = "the epochs of the partition's producer id are used up; a new one takes over";
    let reason = Reason::new(HaltCode::PreserveImpossible, message);
    reason.at(Some(SourceOffset(at.get())), Some(at))
}

/// Returns the reason for a raised producer epoch: only the link itself writes under its id and raises its epoch.
pub(crate) fn taken_over(mirror: &Mirror) -> Reason {
    let message = "another process of this link has taken over this partition";
    let mut reason =
        Reason::new(HaltCode::ForeignWrite, message).at(None, Some(mirror.course.target));
    "Stop one of the two processes, then restart the other.".clone_into(&mut reason.remedy);
    reason
}
