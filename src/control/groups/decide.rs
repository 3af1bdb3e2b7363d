//! Decides what to do about one group's offset in one partition of the target. Pure.
//!
//! Safety lies in the order of the checks: is the offset frozen, is it ours to replace (H16), is the group at rest, is an
//! earlier commit unanswered, does the target's log still hold what offsets were assigned to (H13), and only then where the
//! offset belongs.

use crate::control::TargetLog;
use crate::model::{TargetOffset, Untranslatable};

use super::commit::{PlannedCommit, SourceCommit, TargetCommit, Written};
use super::translate::TargetPosition;

#[cfg(test)]
mod tests;

/// What the source reports about a group's offset in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The group's commit on the source, and its place on the target.
    At(SourceCommit, Result<TargetPosition, Untranslatable>),
    /// The source is unreachable, or no consistent cut was reached yet: what was written has to stay. With what the source
    /// was last known to have.
    Unknown(Option<(SourceCommit, Result<TargetPosition, Untranslatable>)>),
    /// The source no longer has the offset: what is on the target is left as it is.
    Nothing,
}

/// Everything a decision depends on.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    pub wanted: &'a Wanted,
    /// The offset currently committed on the target.
    pub found: Option<&'a TargetCommit>,
    /// What this link wrote before.
    pub written: &'a Written,
    /// Whether the group has members on the target.
    pub active: bool,
    /// The operation that froze the group, if one did.
    pub frozen_by: Option<&'a str>,
    pub target_log: TargetLog,
    /// The log end offset of the mirror partition.
    pub target_end: TargetOffset,
    /// The current time, in milliseconds since 1970.
    pub now_ms: i64,
    /// The age from which an unchanged offset is committed again, in milliseconds (H17).
    pub refresh_after_ms: i64,
}

/// What to do about an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitDecision {
    /// Commit a new offset.
    Commit(PlannedCommit),
    /// Commit the same offset again, so that it doesn't expire.
    Refresh(PlannedCommit),
    /// Commit the end of what the target's log still holds (H13).
    Lower(PlannedCommit),
    /// Nothing: the committed offset is right, or must not go backwards.
    Keep,
    /// Nothing: the group has members on the target.
    Active,
    /// Record durably that another client committed, and leave the offset alone from now on.
    Release(TargetOffset),
    /// Nothing: the offset is already released or frozen.
    Released,
    /// Nothing: the place on the target isn't known now.
    Wait(Untranslatable),
}

/// Decides about one group and partition.
pub fn decide(scene: &Scene<'_>) -> CommitDecision {
    let written = scene.written;
    if written.released || scene.frozen_by.is_some() {
        return CommitDecision::Released;
    }
    match scene.found {
        Some(found) if !written.may_replace(Some(found)) => CommitDecision::Release(found.offset),
        Some(_) | None if scene.active => CommitDecision::Active,
        Some(_) | None => by_log(scene),
    }
}

fn by_log(scene: &Scene<'_>) -> CommitDecision {
    if *scene.wanted == Wanted::Nothing {
        return leave(scene);
    }
    match scene.target_log {
        TargetLog::Whole => unanswered(scene).unwrap_or_else(|| follow(scene)),
        // An offset that isn't there may have gone with the mirror topic, and this be a new one.
        TargetLog::Unread => unanswered(scene)
            .or_else(|| scene.found.and_then(|_| keep_alive(scene)))
            .unwrap_or_else(|| wait(scene, "the mirror partition hasn't been read yet")),
        TargetLog::CutAt(end) => unanswered(scene)
            .or_else(|| lower(scene, end))
            .or_else(|| keep_alive(scene))
            .unwrap_or_else(|| wait(scene, "the target lost its tail")),
        TargetLog::Another => wait(scene, "the mirror topic is gone or was replaced"),
    }
}

/// Leaves an offset that vanished from the source as it is, unless it has come to denote other records (H13).
fn leave(scene: &Scene<'_>) -> CommitDecision {
    match scene.target_log {
        TargetLog::CutAt(end) => lower(scene, end).unwrap_or(CommitDecision::Keep),
        TargetLog::Whole | TargetLog::Unread | TargetLog::Another => CommitDecision::Keep,
    }
}

/// An offset above the end of the remaining log would come to denote other records, or none.
fn lower(scene: &Scene<'_>, end: TargetOffset) -> Option<CommitDecision> {
    let beyond = scene.found.filter(|found| found.offset > end);
    let again = last_intent(scene.written)?;
    beyond.map(|_| CommitDecision::Lower(again.at_most(end)))
}

fn wait(scene: &Scene<'_>, why: &str) -> CommitDecision {
    CommitDecision::Wait(match scene.wanted {
        Wanted::At(_, Err(unplaced)) => unplaced.clone(),
        Wanted::At(_, Ok(_)) | Wanted::Unknown(_) | Wanted::Nothing => {
            Untranslatable::NotReady(why.to_owned())
        }
    })
}

/// Repeats an unanswered commit until it is answered, because it may still arrive after anything sent later.
fn unanswered(scene: &Scene<'_>) -> Option<CommitDecision> {
    let intended = scene.written.intended?;
    let arrived = scene.found.is_some_and(|found| found.offset == intended);
    let repeat = last_intent(scene.written)?;
    (!arrived).then_some(CommitDecision::Commit(repeat))
}

fn follow(scene: &Scene<'_>) -> CommitDecision {
    match scene.wanted {
        Wanted::At(commit, Ok(place)) => follow_commit(scene, commit, place),
        Wanted::At(_, Err(unplaced)) => {
            keep_alive(scene).unwrap_or_else(|| CommitDecision::Wait(unplaced.clone()))
        }
        Wanted::Unknown(_) => keep_alive(scene).unwrap_or(CommitDecision::Keep),
        Wanted::Nothing => CommitDecision::Keep,
    }
}

fn follow_commit(
    scene: &Scene<'_>,
    commit: &SourceCommit,
    place: &TargetPosition,
) -> CommitDecision {
    let intent = place.intent(commit);
    let Some(found) = scene.found else {
        return CommitDecision::Commit(intent);
    };
    let source_went_back = scene
        .written
        .stands_for
        .is_some_and(|w| place.stands_for < w);
    let target_lost_it = found.offset > scene.target_end;
    if intent.offset < found.offset && !source_went_back && !target_lost_it {
        return keep_alive(scene).unwrap_or(CommitDecision::Keep);
    }
    if intent.offset != found.offset
        || !same_text(intent.metadata.as_deref(), found.metadata.as_deref())
    {
        return CommitDecision::Commit(intent);
    }
    if is_due(scene) {
        return CommitDecision::Refresh(intent);
    }
    CommitDecision::Keep
}

/// Commits the last written offset again if it is about to expire, or has expired.
fn keep_alive(scene: &Scene<'_>) -> Option<CommitDecision> {
    let wanting = scene.found.is_none() || is_due(scene);
    let again = last_intent(scene.written)?;
    let again = match scene.target_log {
        TargetLog::CutAt(end) => again.at_most(end),
        TargetLog::Unread | TargetLog::Whole | TargetLog::Another => again,
    };
    wanting.then_some(CommitDecision::Refresh(again))
}

fn last_intent(written: &Written) -> Option<PlannedCommit> {
    Some(PlannedCommit {
        offset: written.intended.or(written.last)?,
        stands_for: written.stands_for?,
        metadata: written.metadata.clone(),
    })
}

fn is_due(scene: &Scene<'_>) -> bool {
    scene.now_ms - scene.written.at_ms >= scene.refresh_after_ms
}

/// Brokers don't distinguish missing metadata from an empty string.
fn same_text(one: Option<&str>, other: Option<&str>) -> bool {
    one.unwrap_or_default() == other.unwrap_or_default()
}
