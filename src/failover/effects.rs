//! Performs the effects of an operation. Each may be repeated, and reports its outcome as an event.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::control::groups::apply::has_members;
use crate::control::groups::cluster::GroupActivity;
use crate::control::groups::commit_protocol::{Writes, write};
use crate::error::{Error, Result};
use crate::kafka::client::{Retry, retry_of};
use crate::model::GroupId;

use super::drain;
use super::operation::Operation;
use super::plan::{Blocker, BlockerCode, Move, MoveKind, conditions, final_moves};
use super::sites::{Chosen, Present, Sites};
use super::states::{Effect, Event, Moves};

impl Sites {
    /// Performs an effect of an operation.
    ///
    /// Errors: transient failures, after which the effect has to be repeated; `Store` if the checkpoint DB failed.
    pub(super) async fn perform(
        &self,
        operation: &Operation,
        effect: Effect,
        now: Timestamp,
    ) -> Result<Event> {
        match effect {
            Effect::Look => drain::look(self, &operation.plan, now).await,
            Effect::Fix => self.fix(operation, now).await,
            Effect::Freeze(moves) => {
                let guard = self.ledger.guard().await;
                guard.freeze(&groups(&moves), &operation.id).await?;
                Ok(Event::Frozen)
            }
            Effect::Check(moves) => self.check(&moves).await,
            Effect::Commit(moves) => self.commit(&operation.id, &moves, now).await,
            Effect::ReadBack(moves) => self.read_back(&moves).await,
            Effect::Thaw(moves) => {
                let guard = self.ledger.guard().await;
                guard.thaw(&groups(&moves), &operation.id).await?;
                Ok(Event::Thawed)
            }
        }
    }

    async fn fix(&self, operation: &Operation, now: Timestamp) -> Result<Event> {
        let plan = &operation.plan;
        let chosen = Chosen::Exactly(plan.chosen.iter().cloned().collect());
        let topics = plan.topics.iter().cloned().collect();
        let situation = self
            .observe(MoveKind::Switchover, &chosen, topics, now)
            .await?;
        Ok(match final_moves(&plan.groups, &situation) {
            Ok(moves) => Event::Fixed(moves.into()),
            Err(blockers) => Event::Refused(blockers),
        })
    }

    async fn check(&self, moves: &Moves) -> Result<Event> {
        let activity = self.target.groups().await?;
        let is_active = |group: &GroupId| activity.get(group) == Some(&GroupActivity::Active);
        let mut present = BTreeMap::new();
        let mut active = BTreeMap::new();
        for (group, moves) in by_group(moves) {
            active.insert(group.clone(), is_active(group));
            let found = self
                .present(group, moves.iter().map(|m| &m.partition))
                .await?;
            let keyed = found
                .into_iter()
                .map(|(p, found)| ((group.clone(), p), found));
            present.extend(keyed);
        }
        let partitions = self.mirrored.partitions().into_iter();
        let partitions = partitions.map(|m| (m.partition.clone(), m)).collect();
        let blockers = conditions(moves, &active, &present, &partitions);
        Ok(if blockers.is_empty() {
            Event::Cleared
        } else {
            Event::Refused(blockers)
        })
    }

    /// Commits what isn't committed yet: an earlier attempt may have committed a part, and consumers may already be running
    /// on it.
    async fn commit(&self, operation: &str, moves: &Moves, now: Timestamp) -> Result<Event> {
        let guard = self.ledger.guard().await;
        guard.take_over(&groups(moves), operation).await?;
        let mut blockers = Vec::new();
        for (group, moves) in by_group(moves) {
            let present = self
                .present(group, moves.iter().map(|m| &m.partition))
                .await?;
            let missing = match missing(&moves, present) {
                Ok(missing) if missing.is_empty() => continue,
                Ok(missing) => missing,
                Err(progress) => {
                    blockers.extend(progress);
                    continue;
                }
            };
            let (target, mirrored) = (self.target.as_ref(), self.mirrored.as_ref());
            let wrote = write(
                &guard,
                target,
                mirrored,
                group,
                &missing,
                now.as_millisecond(),
            );
            for (partition, outcome) in wrote.await? {
                if let Err(error) = outcome {
                    blockers.push(refusal(error)?.group(group).partition(&partition));
                }
            }
        }
        Ok(if blockers.is_empty() {
            Event::Committed
        } else {
            Event::Refused(blockers)
        })
    }

    async fn read_back(&self, moves: &Moves) -> Result<Event> {
        let mut differences = Vec::new();
        for (group, moves) in by_group(moves) {
            let present = self
                .present(group, moves.iter().map(|m| &m.partition))
                .await?;
            for planned in moves {
                let found = present
                    .get(&planned.partition)
                    .and_then(|(found, _)| found.as_ref());
                let offset = found.map(|found| found.offset);
                if offset != Some(planned.target_offset) {
                    let there = offset.map_or("nothing".to_owned(), |offset| offset.to_string());
                    let message = format!(
                        "{} was committed, but the target has {there}",
                        planned.target_offset
                    );
                    let blocker = Blocker::new(BlockerCode::ReadBackDiffers, message);
                    differences.push(blocker.group(group).partition(&planned.partition));
                }
            }
        }
        Ok(if differences.is_empty() {
            Event::Matched
        } else {
            Event::Differs(differences)
        })
    }
}

/// The moves that aren't on the target yet, or the offsets that another client committed there.
fn missing(moves: &[&Move], mut present: Present) -> Result<Writes, Vec<Blocker>> {
    let (mut writes, mut progress) = (Writes::new(), Vec::new());
    for planned in moves {
        let (found, written) = present.remove(&planned.partition).unwrap_or_default();
        let offset = found.as_ref().map(|found| found.offset);
        if offset == Some(planned.target_offset) {
            continue;
        }
        if written.may_replace(found.as_ref()) {
            writes.insert(planned.partition.clone(), (written, planned.intent()));
        } else {
            let there = offset.map_or(String::new(), |offset| offset.to_string());
            let message = format!("{there} was committed on the target by another client");
            let blocker = Blocker::new(BlockerCode::ProgressOnTarget, message);
            progress.push(blocker.group(&planned.group).partition(&planned.partition));
        }
    }
    if progress.is_empty() {
        Ok(writes)
    } else {
        Err(progress)
    }
}

/// The blocker for an error that a retry won't change; any other error is returned.
fn refusal(error: Error) -> Result<Blocker> {
    if has_members(&error) {
        let message = "it has members on the target; stop them";
        return Ok(Blocker::new(BlockerCode::GroupActive, message));
    }
    match error.code().map(retry_of) {
        Some(Retry::None) => Ok(Blocker::new(BlockerCode::StepFailed, error.chain())),
        Some(Retry::Backoff | Retry::RefreshMetadata | Retry::FindCoordinator) | None => Err(error),
    }
}

fn groups(moves: &Moves) -> BTreeSet<GroupId> {
    moves.iter().map(|planned| planned.group.clone()).collect()
}

fn by_group(moves: &Moves) -> BTreeMap<&GroupId, Vec<&Move>> {
    let mut groups: BTreeMap<&GroupId, Vec<&Move>> = BTreeMap::new();
    for planned in moves.iter() {
        groups.entry(&planned.group).or_default().push(planned);
    }
    groups
}

#[cfg(test)]
mod tests;
