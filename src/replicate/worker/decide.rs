//! Carries out a decision: updates the known state, the checkpoint DB and the audit log, all at once.

use jiff::Timestamp;
use serde::Serialize;

use crate::checkpoint::{Update, records};
use crate::error::{Error, Kind, Result};
use crate::model::{
    Anchor, LinkName, OffsetsMode, Run, SourceOffset, Stretch, StretchKind, TargetOffset, TopicName,
};
use crate::offsets::{Receipt, RunMap};
use crate::replicate::partition::effect::{Event, SettlesConflict};
use crate::replicate::partition::phase::{TransientFailure, Trouble};
use crate::replicate::resync::decision::{Decision, DecisionOutcome, GoesOn, MapCut};
use crate::replicate::shared::partition::{PartitionProgress, TrackedPartition};

use super::context::LinkContext;
use super::event::Event as WorkerEvent;
use super::state::Worker;

/// An outcome as the audit log stores it.
#[derive(Serialize)]
struct Entry<'a> {
    at: Timestamp,
    link: &'a LinkName,
    #[serde(flatten)]
    outcome: &'a DecisionOutcome,
}

impl Worker {
    /// Begins to store a decision; returns the result if it is available at once.
    pub(crate) fn decide(&mut self, index: usize, decision: Decision) -> Option<Event> {
        let incarnation = self.mirrors[index].tracked.lock().record.incarnation;
        if let Some(reason) = decision.beyond(incarnation) {
            return Some(Event::Decided(Err(Trouble::Halt(reason))));
        }
        let order = self.link.view.save_order();
        let mirror = &mut self.mirrors[index];
        let mut update = Update::new();
        let made = mirror
            .tracked
            .decide(&decision, &mut update)
            .and_then(|made| {
                accept_topic(&self.link, &made.0.topic, &decision, &mut update)?;
                Ok(made)
            });
        let (outcome, receipt) = match made {
            Ok(made) => made,
            Err(error) => {
                drop(order);
                mirror.tracked.lock().stale = true;
                return Some(Event::Decided(Err(Trouble::retry(&error))));
            }
        };
        put_on_record(&self.link, &mut update, &outcome);
        let committed = self.link.store.commit(update);
        drop(order);
        self.events.push(Box::pin(async move {
            let result = committed.await;
            WorkerEvent::Decided {
                index,
                receipt,
                decided: Box::new((decision, outcome)),
                result,
            }
        }));
        None
    }

    /// Handles the result of storing a decision.
    pub(crate) fn decided(
        &mut self,
        index: usize,
        receipt: Receipt,
        (decision, outcome): (Decision, DecisionOutcome),
        result: Result<()>,
    ) {
        let mirror = &mut self.mirrors[index];
        mirror.tracked.lock().decided(result.is_ok());
        let decided = match result {
            Ok(()) => {
                mirror.tracked.lock().stored(receipt);
                mirror.take_decision(&decision, &self.link.identity);
                let settles = SettlesConflict(decision.source_id.is_some());
                Ok((Box::new(outcome), settles))
            }
            Err(error) => Err(Trouble::Retry(unstored(&error))),
        };
        self.live(index, Event::Decided(decided));
    }
}

/// Returns the failure of a partition that sends nothing because its state couldn't be stored.
pub(crate) fn unstored(error: &Error) -> TransientFailure {
    let message = format!("nothing is sent before it is stored: {}", error.chain());
    TransientFailure::from(&Error::new(Kind::Store, message))
}

/// Adds an outcome to the audit log, within the update that makes it durable.
pub(crate) fn put_on_record(link: &LinkContext, update: &mut Update, outcome: &DecisionOutcome) {
    let entry = Entry {
        at: Timestamp::now(),
        link: &link.name,
        outcome,
    };
    // A structure of plain text can't fail to serialize.
    let entry = serde_json::to_value(entry).unwrap_or_default();
    link.audit.append(update, Some(&link.name), &entry);
}

/// Records the source topic that a decision names, if it does, as the one the mirror topic mirrors.
fn accept_topic(
    link: &LinkContext,
    topic: &TopicName,
    decision: &Decision,
    update: &mut Update,
) -> Result<()> {
    if let Some(id) = decision.source_id
        && let Some(mut record) = records::load_topic(&*link.store, &link.name, topic)?
    {
        record.source_topic_id = id;
        records::put_topic(update, &link.name, topic, &record);
    }
    Ok(())
}

impl TrackedPartition {
    /// Applies a decision and adds it to `update`. Errors: the checkpoint DB failed, or the runs don't fit the map.
    fn decide(
        &self,
        decision: &Decision,
        update: &mut Update,
    ) -> Result<(DecisionOutcome, Receipt)> {
        let (goes_on, stretches) = {
            let mut known = self.lock();
            let kept = self.cut(&mut known, decision, update)?;
            let goes_on = known.go_on(decision);
            (goes_on, known.note(decision, kept, goes_on.target))
        };
        let receipt = self.save_decision(update);
        let outcome = DecisionOutcome {
            action: decision.policy,
            topic: self.key.topic.clone(),
            partition: self.key.partition,
            code: decision.reason.code,
            message: decision.reason.message.clone(),
            source_offset: goes_on.source,
            target_offset: goes_on.target,
            stretches,
        };
        Ok((outcome, receipt))
    }

    /// Cuts the map and appends the decision's runs. Returns the target offset after what was kept of the map.
    fn cut(
        &self,
        known: &mut PartitionProgress,
        decision: &Decision,
        update: &mut Update,
    ) -> Result<TargetOffset> {
        let misfit = |error| {
            let message = "the target's log doesn't continue the map";
            Error::new(Kind::Invalid, message)
                .partition(&self.key.topic_partition())
                .caused_by(error)
        };
        if let Some((found, end)) = &decision.found {
            known.explained(found, *end).map_err(misfit)?;
        }
        let runs = self.runs();
        // Even where nothing is cut, the last run has to be stored with its true length.
        let end = known.map.target_end();
        let removed = match decision.cut {
            MapCut::Nothing => known.map.cut_at_target(end, &runs)?,
            MapCut::Source(divergence) => known.map.cut_at_source(divergence, &runs)?,
            MapCut::Target(end) => known.map.cut_at_target(end, &runs)?,
            MapCut::Everything => {
                runs.forget(update)?;
                let map = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
                known.map.replace(map);
                Vec::new()
            }
        };
        runs.apply(update, removed);
        let kept = known.map.last().map_or(TargetOffset::ZERO, Run::target_end);
        for run in &decision.runs {
            known.map.append(*run).map_err(misfit)?;
        }
        Ok(kept)
    }
}

impl PartitionProgress {
    /// Sets the map, the frontier and the ends to where the partition resumes.
    fn go_on(&mut self, decision: &Decision) -> Anchor {
        let anchor = match decision.goes_on {
            GoesOn::At(anchor) => anchor,
            GoesOn::Behind(target) => Anchor {
                source: match self.record.offsets {
                    OffsetsMode::Translate => {
                        self.map.last().map_or(self.record.origin, Run::source_end)
                    }
                    OffsetsMode::Preserve => SourceOffset(target.get()),
                },
                target,
            },
        };
        // After one of our own records the log itself proves where the map continues.
        let proven = matches!(decision.goes_on, GoesOn::Behind(_))
            && self.map.last().is_some()
            && self.map.target_end() == anchor.target;
        if self.map.last().is_none() {
            let map = RunMap::empty(anchor.source, anchor.target);
            self.map.replace(map);
            if decision.source_id.is_some() || !self.begun {
                self.record.origin = anchor.source;
            }
        }
        let record = &mut self.record;
        record.history.anchor = (!proven).then_some(anchor);
        if anchor.source > record.frontier {
            // The epochs in which the source wrote the skipped stretch are unknown.
            record.epochs.clear();
        }
        record.frontier = anchor.source;
        record.acked_end = anchor.target;
        record.plans.clear();
        if decision.new_incarnation {
            // `Decision::beyond` has checked that there is a next one.
            record.incarnation = record.incarnation.saturating_add(1);
            record.fence_epoch = 0;
        }
        record.offsets = decision.offsets.unwrap_or(record.offsets);
        if let Some(id) = decision.source_id {
            record.source_topic_id = id;
            record.epochs.clear();
        }
        record.epochs.retain(|(_, first)| *first < anchor.source);
        self.begun = true;
        self.figures.target_end = anchor.target.get();
        anchor
    }

    /// Adds the offsets without an image to the history, and returns them.
    fn note(
        &mut self,
        decision: &Decision,
        kept: TargetOffset,
        goes_on: TargetOffset,
    ) -> Vec<Stretch> {
        let mut stretches = decision.stretches.clone();
        let history = &mut self.record.history;
        match decision.cut {
            MapCut::Nothing => {}
            MapCut::Source(divergence) => {
                history.forget_source_from(divergence);
                stretches.push(Stretch {
                    kind: StretchKind::TargetOnly,
                    from: kept.get(),
                    until: goes_on.get(),
                });
            }
            MapCut::Target(end) => history.forget_target_from(end),
            MapCut::Everything => {
                history.forget_source();
                history.map_since_ms = crate::telemetry::now_ms();
                let before = history
                    .stretches
                    .iter()
                    .filter(|it| it.kind == StretchKind::Former);
                stretches.push(Stretch {
                    kind: StretchKind::Former,
                    from: before.map(|it| it.until).max().unwrap_or(0),
                    until: goes_on.get(),
                });
            }
        }
        stretches.retain(|stretch| stretch.records() > 0);
        for stretch in &stretches {
            history.note(*stretch);
        }
        stretches
    }
}

#[cfg(test)]
mod tests;
