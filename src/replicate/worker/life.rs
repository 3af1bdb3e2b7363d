//! Performs the effects of partitions' lifecycles and feeds back the results.

use std::collections::VecDeque;

use tokio::time::{Instant, sleep};

use crate::model::{DataPath, HaltCode, Intent, OffsetsMode, PartitionState, Reason};
use crate::replicate::partition::effect::{Effect, Event, News, Pause};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::{Phase, TransientFailure, Trouble};
use crate::replicate::partition::route::Lanes;
use crate::replicate::resync::record_path_tail::may_adopt;

use super::event::Event as WorkerEvent;
use super::resync::RECHECK;
use super::state::Worker;
use super::troubles::Line;

impl Worker {
    /// Reports that fetching or producing failed. `uncertain` is whether requests to the target may still be in flight.
    pub(crate) fn trouble(&mut self, index: usize, trouble: Trouble, uncertain: bool) {
        self.mirrors[index].uncertain |= uncertain;
        self.live(index, Event::Trouble(trouble));
    }

    /// Reports a partition as drained if it waited for answers and all have arrived.
    pub(crate) fn drained(&mut self, index: usize) {
        if self.mirrors[index].has_drained() {
            self.live(index, Event::Drained);
        }
    }

    /// Feeds an event to a partition's lifecycle; performs the effects and feeds back immediate results.
    pub(crate) fn live(&mut self, index: usize, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mirror = &mut self.mirrors[index];
            if matches!(event, Event::Drained) {
                // All answers to this round's requests have arrived; later events of it are stale.
                mirror.round += 1;
            }
            let policies = mirror.policies();
            for effect in mirror.life.advance(event, policies) {
                events.extend(self.perform(index, effect));
            }
            if events.is_empty() && self.mirrors[index].has_drained() {
                events.push_back(Event::Drained);
            }
        }
    }

    /// Performs one effect; returns its result if it is available at once.
    fn perform(&mut self, index: usize, effect: Effect) -> Option<Event> {
        match effect {
            Effect::SendNothingMore(lanes) => self.leave(index, lanes),
            Effect::AbandonResync => self.mirrors[index].underway.abandon_resync(),
            Effect::Resync => return self.resync(index),
            Effect::StoreStart => {
                self.mirrors[index].underway.start = true;
                self.to_store.push(index);
            }
            Effect::Begin => {
                let mirror = &mut self.mirrors[index];
                mirror.tracked.lock().begun = true;
                mirror.start = None;
            }
            Effect::Flow(lanes) => self.flow(index, lanes),
            Effect::WriteReceipt(refused) => self.quarantine(index, *refused),
            Effect::Decide(decision) => return self.decide(index, *decision),
            Effect::Reseed(reason) => return self.reseed(index, &reason),
            Effect::Forget(ids) => return self.forget(index, ids),
            Effect::Wait(pause) => self.wait(index, pause),
            Effect::Answer(answer) => self.mirrors[index].answer(answer),
            Effect::Tell(told) => self.announce(index, told),
        }
        None
    }

    /// Lets a partition fetch and produce.
    fn flow(&mut self, index: usize, lanes: Lanes) {
        self.join(index, self.mirrors[index].replica.lane(lanes.intake));
        // A prefix is filled without waiting for records.
        self.touch(index);
    }

    fn leave(&mut self, index: usize, lanes: Lanes) {
        self.part(index, self.mirrors[index].replica.lane(lanes.intake));
        self.stop_following(index);
        let mirror = &mut self.mirrors[index];
        mirror.epochs_until = mirror.epochs_until.max(mirror.fetch_next);
        mirror.drop_fetched();
        self.recount(index);
    }

    fn wait(&mut self, index: usize, pause: Pause) {
        let mirror = &mut self.mirrors[index];
        mirror.round += 1;
        let ticket = (index, mirror.round);
        let pause = match pause {
            Pause::Backoff => mirror.backoff.next(),
            Pause::Recheck => RECHECK,
        };
        self.events.push(Box::pin(async move {
            sleep(pause).await;
            WorkerEvent::Due(ticket)
        }));
    }

    /// Handles a timer.
    pub(crate) fn due(&mut self, index: usize, round: u32) {
        if self.mirrors[index].round == round {
            self.live(index, Event::Due);
        }
    }

    /// Shows and logs a partition's change of state.
    fn announce(&mut self, index: usize, told: News) {
        if !matches!(told, News::Retries(_)) {
            let partition = &self.mirrors[index].route.source;
            self.troubles.settled(partition, Instant::now());
        }
        match told {
            News::Preparing => self.show(index, PartitionState::Preparing, None),
            News::Flows => self.show(index, PartitionState::CatchingUp, None),
            News::Retries(failure) => self.tell_retry(index, failure),
            News::Decides(reason, policy) => {
                let detail = format!("{}; {policy} follows", reason.message);
                self.show(index, PartitionState::Retrying, Some(detail));
            }
            News::WentOn(outcome) => {
                tracing::warn!(
                    link = %self.link.name, partition = %self.mirrors[index].route.source, code = %outcome.code,
                    policy = %outcome.action, what = outcome.message,
                    source_offset = %outcome.source_offset, target_offset = %outcome.target_offset,
                    "partition resumes by its policy"
                );
            }
            News::Halted(reason) => self.tell_halted(index, reason),
            News::Idle(intent, reason) => {
                let state = match intent {
                    Intent::Mirror => PartitionState::Preparing,
                    Intent::Paused => PartitionState::Paused,
                    Intent::Sealed => PartitionState::Sealed,
                    Intent::Open => PartitionState::Open,
                };
                self.show(index, state, None);
                let mirror = &self.mirrors[index];
                let reason = reason.map(|it| mirror.with_fitting_remedy(it));
                mirror.tracked.lock().figures.reason = reason;
            }
        }
    }

    fn show(&self, index: usize, state: PartitionState, detail: Option<String>) {
        self.mirrors[index].tracked.show(state, detail);
    }

    fn tell_retry(&mut self, index: usize, failure: TransientFailure) {
        let (source, target) = (&self.link.source, &self.link.target);
        let mirror = &mut self.mirrors[index];
        mirror.seen = (source.metadata().generation, target.metadata().generation);
        let partition = &mirror.route.source;
        self.troubles.failed(partition, &failure, Instant::now());
        self.show(index, PartitionState::Retrying, Some(failure.text));
    }

    fn tell_halted(&mut self, index: usize, reason: Reason) {
        let is_ordered = self.awaits_new_topic(index).is_some();
        let mirror = &mut self.mirrors[index];
        let reason = mirror.with_fitting_remedy(reason);
        let known = mirror.reported.replace(reason.clone());
        let is_new = known.as_ref() != Some(&reason);
        if is_new && is_ordered {
            tracing::info!(
                link = %self.link.name, partition = %mirror.route.source, "{}", reason.message
            );
        } else if is_new
            && self
                .troubles
                .halted(&mirror.route.source, reason.code, Instant::now())
        {
            tracing::error!(
                link = %self.link.name, partition = %mirror.route.source, code = %reason.code,
                message = reason.message, remedy = reason.remedy, "partition halted"
            );
        }
        mirror.tracked.show_halted(reason);
        // After a restart the stored state shows where it was halted; a partition that never began isn't stored.
        if mirror.life.has_begun() {
            self.newsworthy.push(index);
        }
    }

    /// Logs what has been common to partitions' troubles for a while.
    pub(crate) fn tell_troubles(&mut self) {
        let link = &self.link.name;
        for line in self.troubles.due(Instant::now()) {
            match line {
                Line::Retry {
                    partitions,
                    example,
                    error,
                } => {
                    tracing::warn!(%link, partitions, partition = %example, error, "partitions retry");
                }
                Line::Over { partitions, took } => {
                    let seconds = took.as_secs();
                    tracing::info!(%link, partitions, seconds, "no partition retries any more");
                }
                Line::Halted { topic, code, more } => {
                    tracing::error!(%link, %topic, %code, more, "more partitions halted; status lists them");
                }
            }
        }
    }

    /// Whether a partition is reading both logs and hasn't abandoned that.
    pub(crate) fn is_resyncing(&self, index: usize) -> bool {
        matches!(self.mirrors[index].life.phase(), Phase::Resyncing)
    }
}

impl Mirror {
    /// Returns the reason with a remedy that can be carried out on this partition.
    fn with_fitting_remedy(&self, reason: Reason) -> Reason {
        let may_adopt = {
            let record = &self.tracked.lock().record;
            record.path == DataPath::Raw || may_adopt(&record.plans)
        };
        let stays = self.offsets == OffsetsMode::Preserve
            || reason.code == HaltCode::ForeignWrite && !may_adopt;
        if stays { reason.in_place() } else { reason }
    }
}
