//! Starts a partition over under another mirror topic: the state of the former one is given up.
//!
//! Topic discovery deletes and creates the mirror topic; this module only requests that, durably.

use crate::checkpoint::records::{self, Reseed, put_reseed};
use crate::checkpoint::starts::delete_start;
use crate::checkpoint::{PartitionRecord, Update};
use crate::error::{Error, Kind, Result};
use crate::model::{
    History, MirroredTopic, OffsetsMode, Policy, Reason, SourceOffset, TargetOffset, TopicId,
};
use crate::replicate::partition::effect::Event;
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::{Ids, StartPosition, Trouble};
use crate::replicate::resync::decision::DecisionOutcome;
use crate::replicate::resync::reasons::being_recreated;
use crate::replicate::shared::partition::{TrackedPartition, blank};

use super::decide::{put_on_record, unstored};
use super::event::Event as WorkerEvent;
use super::inventory::discarding;
use super::state::Worker;

impl Worker {
    /// Requests that the mirror topic be recreated; returns the result if it is available at once.
    pub(crate) fn reseed(&mut self, index: usize, reason: &Reason) -> Option<Event> {
        let mirror = &mut self.mirrors[index];
        let former = mirror.known_target();
        let topic = mirror.route.source.topic.clone();
        let outcome = DecisionOutcome {
            action: Policy::Reseed,
            topic: topic.clone(),
            partition: mirror.route.source.partition,
            code: reason.code,
            message: match &mirror.grant {
                Some(grant) => discarding(&reason.message, &grant.discards),
                None => reason.message.clone(),
            },
            source_offset: SourceOffset(mirror.tracked.lock().figures.source_log_start.max(0)),
            target_offset: TargetOffset::ZERO,
            stretches: Vec::new(),
        };
        if self.reseeds.get(&topic) == Some(&former) {
            // Already durable: decided for another partition or by an earlier process.
            return Some(Event::Reseeded(Ok((Box::new(outcome), being_recreated()))));
        }
        let mut update = Update::new();
        put_reseed(&mut update, &self.link.name, &topic, Reseed { former });
        put_on_record(&self.link, &mut update, &outcome);
        let committed = self.link.store.commit(update);
        self.events.push(Box::pin(async move {
            let result = committed.await;
            WorkerEvent::Reseeded {
                index,
                outcome: Box::new(outcome),
                result: result.map(|()| former),
            }
        }));
        None
    }

    /// Handles the result of storing the decision to recreate a mirror topic.
    pub(crate) fn reseeded(
        &mut self,
        index: usize,
        outcome: Box<DecisionOutcome>,
        result: Result<TopicId>,
    ) {
        let reseeded = match result {
            Ok(former) => {
                self.reseeds.insert(outcome.topic.clone(), former);
                Ok((outcome, being_recreated()))
            }
            Err(error) => Err(Trouble::Retry(unstored(&error))),
        };
        self.live(index, Event::Reseeded(reseeded));
    }

    /// Returns why a topic may not be mirrored while its mirror is being recreated; discovery may not have noticed yet.
    pub(crate) fn awaits_new_topic(&self, index: usize) -> Option<Reason> {
        let mirror = &self.mirrors[index];
        let former = self.reseeds.get(&mirror.route.source.topic)?;
        let awaits = former.is_known() && *former == mirror.known_target();
        awaits.then(being_recreated)
    }

    /// Starts over if the mirror topic was recreated; returns whether it was.
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
            self.live(index, Event::Recreated(ids));
        }
        is_anew
    }

    /// Begins to forget the state of the former mirror partition; returns the result if it is available at once.
    pub(crate) fn forget(&mut self, index: usize, ids: Ids) -> Option<Event> {
        // The update of an earlier attempt may have been refused.
        if let Err(error) = self.mirrors[index].tracked.freshen() {
            return Some(Event::Forgotten(Err(unstored(&error))));
        }
        let order = self.link.view.save_order();
        let mirror = &mut self.mirrors[index];
        mirror.reset(ids, self.link.settings.offsets);
        let mut update = Update::new();
        if let Err(error) = mirror.tracked.give_up(ids, &mut update) {
            drop(order);
            mirror.tracked.lock().stale = true;
            return Some(Event::Forgotten(Err(unstored(&error))));
        }
        let committed = self.link.store.commit(update);
        drop(order);
        self.events.push(Box::pin(async move {
            let result = committed.await;
            WorkerEvent::Forgotten { index, result }
        }));
        None
    }

    /// Handles the result of forgetting a former mirror topic's state.
    pub(crate) fn forgotten(&mut self, index: usize, result: Result<()>) {
        self.mirrors[index].tracked.lock().decided(result.is_ok());
        let result = result.map_err(|error| unstored(&error));
        self.live(index, Event::Forgotten(result));
    }
}

impl Mirror {
    /// Returns the id of its mirror topic, even if nothing was mirrored to it yet.
    fn known_target(&self) -> TopicId {
        let stored = self.tracked.lock().record.target_topic_id;
        if stored.is_known() {
            stored
        } else {
            self.route.target_id
        }
    }

    fn reset(&mut self, ids: Ids, wanted: OffsetsMode) {
        self.offsets = wanted;
        self.route.source_id = ids.source;
        self.route.target_id = ids.target;
        self.start = Some(StartPosition::Earliest);
        self.epochs_until = SourceOffset::ZERO;
        (self.refused_sequence, self.refused_until) = (None, None);
        self.uncertain = true;
        self.fence = None;
    }
}

impl TrackedPartition {
    /// Forgets everything but the totals, in memory and in `update`.
    fn give_up(&self, ids: Ids, update: &mut Update) -> Result<()> {
        let mut known = self.lock();
        self.runs().forget(update).map_err(|error| {
            let message = "the state of the former mirror topic can't be removed";
            Error::new(Kind::Store, message).caused_by(error)
        })?;
        records::delete_partition(update, &self.key);
        delete_start(update, &self.key);
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
        known.start_over(PartitionRecord { history, ..blank() });
        known.figures.target_end = 0;
        known.figures.target_log_start = -1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
