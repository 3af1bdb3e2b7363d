//! Begins a partition anew under another mirror topic: what is known of the former one is given up.
//!
//! Deleting and creating the mirror topic is topic discovery's work, which this only asks for, durably.

use crate::checkpoint::Update;
use crate::checkpoint::records::{self, Reseed, put_reseed};
use crate::config::Start;
use crate::control::topics::MirroredTopic;
use crate::error::{Error, Kind, Result};
use crate::model::{
    HaltCode, History, OffsetsMode, PartitionState, Policy, Reason, SourceOffset, TargetOffset,
    TopicId,
};
use crate::offsets::RunMap;
use crate::replicate::partition::mirror::{Mirror, Phase, Then};
use crate::replicate::resync::position::Trouble;
use crate::replicate::shared::partition::{Tracked, blank};

use super::decide::{Outcome, put_on_record};
use super::event::{Event, Ticket};
use super::run::Worker;

/// The ids under which a partition begins anew.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    source: TopicId,
    target: TopicId,
}

impl Worker {
    /// Asks for the mirror topic to be created anew. Nothing more is sent to the present one.
    pub(crate) fn reseed(&mut self, index: usize, reason: &Reason) {
        let mirror = &mut self.mirrors[index];
        let former = mirror.known_target();
        let topic = mirror.route.source.topic.clone();
        let outcome = Outcome {
            action: Policy::Reseed,
            topic: topic.clone(),
            partition: mirror.route.source.partition,
            code: reason.code,
            message: reason.message.clone(),
            source_offset: SourceOffset(mirror.tracked.lock().figures.source_log_start.max(0)),
            target_offset: TargetOffset::ZERO,
            stretches: Vec::new(),
        };
        if self.reseeds.insert(topic.clone(), former) == Some(former) {
            // Decided before, for another partition or in another life.
            mirror.released(Ok(outcome));
            mirror.conflict = Some(being_created_anew());
            return self.trouble(index, Trouble::Halt(being_created_anew()), false);
        }
        mirror.phase = Phase::Deciding;
        let ticket = (index, mirror.round);
        let mut update = Update::new();
        put_reseed(&mut update, &self.link.name, &topic, Reseed { former });
        put_on_record(&self.link, &mut update, &outcome);
        let committed = self.link.store.commit(update);
        self.events.push(Box::pin(async move {
            let result = committed.await;
            Event::Reseeded {
                ticket,
                outcome: Box::new(outcome),
                result,
            }
        }));
    }

    /// It is durable that the mirror topic is created anew, or could not be stored.
    pub(crate) fn reseeded(
        &mut self,
        (index, round): Ticket,
        outcome: Outcome,
        result: Result<()>,
    ) {
        let mirror = &mut self.mirrors[index];
        match result {
            Ok(()) => {
                mirror.released(Ok(outcome));
                if mirror.round == round {
                    let reason = being_created_anew();
                    mirror.conflict = Some(reason.clone());
                    self.trouble(index, Trouble::Halt(reason), false);
                }
            }
            Err(error) => {
                self.reseeds.remove(&outcome.topic);
                if mirror.round == round {
                    self.trouble(index, Trouble::Retry(error), false);
                }
            }
        }
    }

    /// Begins anew where the mirror topic was created anew; says whether it does.
    pub(crate) fn follow_reseed(&mut self, index: usize, mirrored: &MirroredTopic) -> bool {
        let known = self.mirrors[index].known_target();
        let is_anew = mirrored.reseeded == Some(mirrored.target_id)
            && known.is_known()
            && known != mirrored.target_id;
        if is_anew {
            let ids = Ids {
                source: mirrored.source_id,
                target: mirrored.target_id,
            };
            self.begin_draining(index, Then::Anew(ids));
        }
        is_anew
    }

    /// Gives up what is known of the former mirror partition; with nothing in flight.
    pub(crate) fn begin_anew(&mut self, index: usize, ids: Ids) {
        let order = self.link.view.save_order();
        let mirror = &mut self.mirrors[index];
        mirror.begin_anew(ids, self.link.settings.offsets);
        let mut update = Update::new();
        if let Err(error) = mirror.tracked.give_up(ids, &mut update) {
            drop(order);
            return self.trouble(index, Trouble::Retry(error), false);
        }
        let committed = self.link.store.commit(update);
        drop(order);
        let ticket = (index, mirror.round);
        self.events.push(Box::pin(async move {
            let result = committed.await;
            Event::BegunAnew { ticket, result }
        }));
    }

    /// What was known is given up, durably, or could not be stored.
    pub(crate) fn begun_anew(&mut self, (index, round): Ticket, result: Result<()>) {
        if self.mirrors[index].round != round {
            return;
        }
        match result {
            Ok(()) => {
                self.mirrors[index].anew = None;
                self.settle_unless_paused(index);
            }
            Err(error) => {
                self.mirrors[index].tracked.lock().stale = true;
                self.trouble(index, Trouble::Retry(error), false);
            }
        }
    }
}

/// Why a partition stands still meanwhile.
pub(crate) fn being_created_anew() -> Reason {
    let message = "the mirror topic is being created anew, as decided";
    Reason::new(HaltCode::TargetTopicMissing, message)
}

impl Mirror {
    /// The id of the mirror topic that it has to do with, also if nothing was mirrored to it yet.
    fn known_target(&self) -> TopicId {
        let stored = self.tracked.lock().record.target_topic_id;
        if stored.is_known() {
            stored
        } else {
            self.route.target_id
        }
    }

    fn begin_anew(&mut self, ids: Ids, wanted: OffsetsMode) {
        self.phase = Phase::Deciding;
        self.anew = Some(ids);
        self.offsets = wanted;
        self.route.source_id = ids.source;
        self.route.target_id = ids.target;
        self.start = Some(Start::Earliest);
        self.epochs_until = SourceOffset::ZERO;
        (self.conflict, self.pending) = (None, None);
        (self.refused_sequence, self.refused_until) = (None, None);
        self.uncertain = true;
        self.fence = None;
        self.tracked.show(PartitionState::Preparing, None);
    }
}

impl Tracked {
    /// Forgets everything but the counts, in memory and in an update.
    fn give_up(&self, ids: Ids, update: &mut Update) -> Result<()> {
        let mut known = self.lock();
        self.runs().forget(update).map_err(|error| {
            let message = "what is known of the former mirror topic cannot be removed";
            Error::new(Kind::Store, message).caused_by(error)
        })?;
        records::delete_partition(update, &self.key);
        let is_other = known.record.source_topic_id != ids.source;
        let history = History {
            totals: known.record.history.totals,
            map_since_ms: if is_other {
                crate::telemetry::now_ms()
            } else {
                known.record.history.map_since_ms
            },
            ..History::default()
        };
        known.record = blank();
        known.record.history = history;
        known.map = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
        (known.begun, known.dirty) = (false, false);
        known.figures.target_end = 0;
        known.figures.target_log_start = -1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
