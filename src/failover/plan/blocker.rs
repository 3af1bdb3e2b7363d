//! What blocks a move.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CommitSituation, GroupSituation, Move, MoveKind, Situation};
use crate::control::MirroredPartition;
use crate::control::groups::commit::{TargetCommit, Written};
use crate::model::{
    GroupId, PartitionState, TargetOffset, TopicName, TopicPartition, Untranslatable,
};

/// One reason why a move can't be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocker {
    pub code: BlockerCode,
    /// What is wrong and what to do about it.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group: Option<GroupId>,
    /// The topic concerned, by its source name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub topic: Option<TopicName>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partition: Option<crate::model::Partition>,
}

/// The kinds of blockers, as named by the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockerCode {
    /// The group has live members on the target.
    GroupActive,
    /// Nothing is known about the group, or no group matches.
    UnknownGroup,
    /// A failover would lose more than the caller allowed, or nobody knows how much.
    LossExceedsLimit,
    /// Every group was moved before, or has been read on the target already.
    NothingToMove,
    /// The link doesn't mirror the topic.
    UnknownTopic,
    PartitionDiverged,
    /// A partition is halted or paused, so it can't be drained.
    PartitionStandsStill,
    /// The offset map of a partition isn't available now.
    NotReady,
    /// The target takes less metadata with a commit than the group has on the source.
    MetadataTooLarge,
    /// A switchover needs the source, which doesn't answer.
    SourceUnreachable,
    /// The source didn't come to rest, or wasn't mirrored, in time.
    NotDrained,
    /// An offset the plan called exact no longer is.
    NotExact,
    /// Another client committed on the target after the plan was made.
    ProgressOnTarget,
    /// The planned offset is outside the mirror partition.
    OutsideLog,
    /// The target doesn't have the offset that was committed.
    ReadBackDiffers,
    StepFailed,
    /// The operator called the operation off.
    Cancelled,
}

impl Blocker {
    /// Creates a blocker that concerns the move as a whole.
    pub fn new(code: BlockerCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            group: None,
            topic: None,
            partition: None,
        }
    }

    /// Adds the group concerned.
    #[must_use]
    pub fn group(mut self, group: &GroupId) -> Self {
        self.group = Some(group.clone());
        self
    }

    /// Adds the topic concerned.
    #[must_use]
    pub fn topic(mut self, topic: &TopicName) -> Self {
        self.topic = Some(topic.clone());
        self
    }

    /// Adds the partition concerned.
    #[must_use]
    pub fn partition(mut self, partition: &TopicPartition) -> Self {
        self.topic = Some(partition.topic.clone());
        self.partition = Some(partition.partition);
        self
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            write!(f, "group {group}: ")?;
        }
        match (&self.topic, self.partition) {
            (Some(topic), Some(partition)) => write!(f, "{topic}-{partition}: ")?,
            (Some(topic), None) => write!(f, "topic {topic}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}

/// Everything that blocks a plan, in order.
pub(super) fn blockers(situation: &Situation) -> Vec<Blocker> {
    let mut blockers = Vec::new();
    if let (MoveKind::Switchover, Some(failure)) = (situation.kind, &situation.source_failure) {
        let message = format!(
            "the groups of the source can't be read; if it is lost, plan a failover: {failure}"
        );
        blockers.push(Blocker::new(BlockerCode::SourceUnreachable, message));
    }
    if situation.groups.is_empty() && situation.moved.is_empty() {
        let message = "no group of the link matches";
        blockers.push(Blocker::new(BlockerCode::UnknownGroup, message));
    }
    for (id, group) in &situation.groups {
        of_group(id, group, situation.metadata_limit, &mut blockers);
    }
    for topic in &situation.asked_topics {
        if !situation.partitions.keys().any(|p| p.topic == *topic) {
            let message = "the link doesn't mirror it";
            blockers.push(Blocker::new(BlockerCode::UnknownTopic, message).topic(topic));
        }
    }
    let kind = situation.kind;
    blockers.extend(situation.concerned().filter_map(|m| of_partition(kind, m)));
    blockers
}

fn of_group(
    id: &GroupId,
    group: &GroupSituation,
    metadata_limit: Option<usize>,
    blockers: &mut Vec<Blocker>,
) {
    if group.active_on_target {
        blockers.push(active(id));
    }
    if group.commits.is_empty() {
        let message = "no offsets of it in topics of the link are known";
        blockers.push(Blocker::new(BlockerCode::UnknownGroup, message).group(id));
    }
    for (partition, commit) in &group.commits {
        let found = of_commit(commit).or_else(|| of_metadata(commit, metadata_limit?));
        blockers.extend(found.map(|b| b.group(id).partition(partition)));
    }
}

fn of_commit(commit: &CommitSituation) -> Option<Blocker> {
    match &commit.lookup {
        Err(Untranslatable::UnknownPartition) => Some(Blocker::new(
            BlockerCode::UnknownTopic,
            "the group has an offset here, and the partition is not mirrored",
        )),
        Err(Untranslatable::NotReady(why)) => Some(Blocker::new(BlockerCode::NotReady, why)),
        Ok(_) | Err(Untranslatable::BeyondFrontier { .. } | Untranslatable::BeforeMap { .. }) => {
            None
        }
    }
}

/// A commit that the target would refuse.
fn of_metadata(commit: &CommitSituation, limit: usize) -> Option<Blocker> {
    let length = commit.metadata_length();
    (length > limit).then(|| {
        let message = format!(
            "the group's commit has {length} bytes of metadata, and the target takes at most {limit}: set offset.metadata.max.bytes={length} or more in its brokers' files and restart them, or let the group commit less on the source; then make a new plan"
        );
        Blocker::new(BlockerCode::MetadataTooLarge, message)
    })
}

fn of_partition(kind: MoveKind, mirrored: &MirroredPartition) -> Option<Blocker> {
    let why = mirrored.reason.as_ref().map_or("", |r| &r.message);
    let code = match (mirrored.doubted_state(), kind) {
        (PartitionState::Diverged, _) => BlockerCode::PartitionDiverged,
        (PartitionState::Halted | PartitionState::Paused, MoveKind::Switchover) => {
            BlockerCode::PartitionStandsStill
        }
        (PartitionState::Halted | PartitionState::Paused, MoveKind::Failover)
        | (
            PartitionState::Preparing
            | PartitionState::Filling
            | PartitionState::CatchingUp
            | PartitionState::Live
            | PartitionState::Retrying
            | PartitionState::Sealed
            | PartitionState::Open,
            _,
        ) => return None,
    };
    let message = format!("the partition is {}: {why}", mirrored.state);
    Some(Blocker::new(code, message).partition(&mirrored.partition))
}

fn active(group: &GroupId) -> Blocker {
    let message = "it has members on the target; stop them";
    Blocker::new(BlockerCode::GroupActive, message).group(group)
}

/// The offset committed on the target for one group and partition, and what this link wrote there.
pub type Present = (Option<TargetCommit>, Written);

/// Checks fixed moves one last time before they are committed, and returns what blocks them.
///
/// `active` has an entry for every group: whether it has members on the target. `present` holds what is committed there.
pub fn conditions(
    moves: &[Move],
    active: &BTreeMap<GroupId, bool>,
    present: &BTreeMap<(GroupId, TopicPartition), Present>,
    partitions: &BTreeMap<TopicPartition, MirroredPartition>,
) -> Vec<Blocker> {
    let busy = active.iter().filter(|(_, active)| **active);
    let mut blockers: Vec<Blocker> = busy.map(|(group, _)| self::active(group)).collect();
    for planned in moves {
        let key = (planned.group.clone(), planned.partition.clone());
        let blocker = of_progress(planned, present.get(&key))
            .or_else(|| of_log(planned, partitions.get(&planned.partition)));
        blockers.extend(blocker.map(|b| b.group(&planned.group).partition(&planned.partition)));
    }
    blockers
}

fn of_progress(planned: &Move, present: Option<&Present>) -> Option<Blocker> {
    let (found, written) = present?;
    let found = found.as_ref()?;
    let fine = found.offset == planned.target_offset || written.may_replace(Some(found));
    (!fine).then(|| progress(planned, found.offset))
}

/// The blocker for an offset that another client committed since the plan was made.
pub(super) fn progress(planned: &Move, found: TargetOffset) -> Blocker {
    let message = format!(
        "{found} was committed on the target since the plan was made, which said {}; make a new plan",
        planned.target_offset
    );
    Blocker::new(BlockerCode::ProgressOnTarget, message)
}

fn of_log(planned: &Move, mirrored: Option<&MirroredPartition>) -> Option<Blocker> {
    let Some(mirrored) = mirrored else {
        let message = "the partition is no longer mirrored";
        return Some(Blocker::new(BlockerCode::UnknownTopic, message));
    };
    if mirrored.doubted_state() == PartitionState::Diverged {
        return of_partition(MoveKind::Failover, mirrored);
    }
    let (start, end) = (mirrored.target_log_start, mirrored.target_end);
    (planned.target_offset < start || planned.target_offset > end).then(|| {
        let message = format!(
            "the plan's offset {} is outside the mirror partition, which has {start} to {end}; make a new plan",
            planned.target_offset
        );
        Blocker::new(BlockerCode::OutsideLog, message)
    })
}
