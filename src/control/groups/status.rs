//! The status of group sync, by group and partition, as last seen.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::TargetLog;
use crate::model::{GroupId, SourceOffset, TargetOffset, TopicName, TopicPartition};

use super::commit::{Expiry, TargetCommit, Written};
use super::decide::{CommitDecision, Scene, Wanted};
use super::translate::Fit;

/// The state of a group's offset in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// The target has the offset of the last consistent cut.
    Synced,
    /// The offset is committed on the source and waits for the next consistent cut.
    Pending,
    /// The group is beyond the frontier; the target has the frontier.
    Held,
    /// The target no longer has records at the offset, or never had them; it has the first offset that follows.
    Clamped,
    /// The group has members on the target.
    ActiveOnTarget,
    /// Another client committed on the target: the offset is left alone.
    Released,
    /// An operation moved the group, or is about to: the offset is left alone.
    Moved,
    /// The source no longer has the offset: what is on the target is left as it is, and expires.
    Vanished,
    /// Nothing can be committed now; `detail` gives the reason.
    Waiting,
    /// Writes to the topic are forbidden, so the offset isn't refreshed either.
    Paused,
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The status of one offset of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupPartitionStatus {
    /// The partition, by its source name.
    #[serde(flatten)]
    pub partition: TopicPartition,
    /// The offset committed on the source, as last seen.
    pub source_offset: Option<SourceOffset>,
    /// The offset committed on the target, as last seen or written.
    pub target_offset: Option<TargetOffset>,
    pub state: GroupState,
    /// Whether a consumer that resumes at `target_offset` neither skips nor repeats anything after `source_offset`.
    pub exact: bool,
    /// The operation that moved the group, or is about to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_by: Option<String>,
    /// When the offset expires on the target, if it isn't being refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Expiry>,
    /// Why the offset isn't exact or wasn't written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The offsets of one group; none if its kind can't be carried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupStatus {
    /// Whether this is a kind of group whose offsets can't be carried.
    pub unsupported: bool,
    /// When the group's offsets on the target were last read; absent if they couldn't be, and `target_offset` is what was last
    /// written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_as_of: Option<Timestamp>,
    /// The group's offsets in partitions of the link, in order.
    pub partitions: Vec<GroupPartitionStatus>,
}

impl GroupStatus {
    pub(super) fn unsupported() -> Self {
        Self {
            unsupported: true,
            target_as_of: None,
            partitions: Vec::new(),
        }
    }
}

/// Why the source doesn't tell a group's offsets, in one topic or all.
pub(super) type Refused = BTreeMap<(GroupId, Option<TopicName>), String>;

/// Partitions whose ends the source doesn't report, so that there is no consistent cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    pub count: usize,
    /// An example.
    pub first: TopicPartition,
}

/// The status of every group of a link.
#[derive(Debug, Default)]
pub struct Board {
    groups: RwLock<BTreeMap<GroupId, GroupStatus>>,
    silent: RwLock<Option<Silent>>,
    source: RwLock<SourceLook>,
}

/// What is known of the groups of the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceLook {
    /// When they were last read; `None` if they never were.
    pub as_of: Option<Timestamp>,
    /// Why they can't be read now.
    pub failure: Option<String>,
}

impl Board {
    /// The status of every group, in order.
    pub fn groups(&self) -> BTreeMap<GroupId, GroupStatus> {
        self.groups.read().clone()
    }

    /// The partitions that hold back the offsets of all groups, if any.
    pub fn silent(&self) -> Option<Silent> {
        self.silent.read().clone()
    }

    pub(super) fn note_silent(&self, silent: &[TopicPartition]) {
        *self.silent.write() = silent.first().map(|first| Silent {
            count: silent.len(),
            first: first.clone(),
        });
    }

    /// When the groups of the source were last read, and whether they can be read now.
    pub fn source(&self) -> SourceLook {
        self.source.read().clone()
    }

    /// Notes that the groups of the source were read at `now_ms`.
    pub(super) fn note_read(&self, now_ms: i64) {
        *self.source.write() = SourceLook {
            as_of: Timestamp::from_millisecond(now_ms).ok(),
            failure: None,
        };
    }

    /// Notes why the groups of the source can't be read.
    pub(super) fn note_unread(&self, failure: String) {
        self.source.write().failure = Some(failure);
    }

    /// Shows when an earlier process last read the groups of the source, unless this one has.
    pub(super) fn note_former(&self, taken_at_ms: i64) {
        let as_of = &mut self.source.write().as_of;
        *as_of = as_of.or(Timestamp::from_millisecond(taken_at_ms).ok());
    }

    /// When the first of the offsets that aren't refreshed expires on the target; `None` if all are.
    pub fn first_expiry(&self) -> Option<Expiry> {
        let groups = self.groups.read();
        let offsets = groups.values().flat_map(|group| &group.partitions);
        offsets.filter_map(|status| status.expires_at).min()
    }

    /// The status of `group`, if known.
    pub fn group(&self, group: &GroupId) -> Option<GroupStatus> {
        self.groups.read().get(group).cloned()
    }

    /// Shows offsets that a group committed on the source since the last cut, and which wait for the next.
    pub(super) fn show_pending(&self, group: &GroupId, pending: Vec<GroupPartitionStatus>) {
        let mut groups = self.groups.write();
        let status = groups.entry(group.clone()).or_default();
        for newer in pending {
            let place = status
                .partitions
                .binary_search_by(|s| s.partition.cmp(&newer.partition));
            match place {
                Ok(at) => status.partitions[at].wait_for_cut(newer),
                Err(at) => status.partitions.insert(at, newer),
            }
        }
    }

    /// Shows why offsets of groups can't be read on the source, where they would be shown as carried over.
    pub(super) fn show_refused(&self, refused: &Refused) {
        let mut groups = self.groups.write();
        for ((group, topic), why) in refused {
            let status = groups.get_mut(group);
            let offsets = status.into_iter().flat_map(|it| &mut it.partitions);
            let is_meant = |it: &&mut GroupPartitionStatus| {
                let is_there = topic
                    .as_ref()
                    .is_none_or(|it_is| it.partition.topic == *it_is);
                it.is_followed() && is_there
            };
            for offset in offsets.filter(is_meant) {
                offset.state = GroupState::Waiting;
                offset.detail = Some(why.clone());
            }
        }
    }

    pub(super) fn put(&self, group: GroupId, status: GroupStatus) {
        self.groups.write().insert(group, status);
    }

    pub(super) fn forget(&self, group: &GroupId) {
        self.groups.write().remove(group);
    }

    /// Drops every group that `is_kept` rejects.
    pub(super) fn keep(&self, is_kept: impl Fn(&GroupId) -> bool) {
        self.groups.write().retain(|group, _| is_kept(group));
    }
}

impl GroupPartitionStatus {
    /// Whether the offset on the target follows that of the source.
    fn is_followed(&self) -> bool {
        match self.state {
            GroupState::Synced
            | GroupState::Pending
            | GroupState::Held
            | GroupState::Clamped
            | GroupState::Vanished => true,
            GroupState::ActiveOnTarget
            | GroupState::Released
            | GroupState::Moved
            | GroupState::Waiting
            | GroupState::Paused => false,
        }
    }

    fn wait_for_cut(&mut self, newer: Self) {
        if self.is_followed() && self.source_offset != newer.source_offset {
            let target_offset = self.target_offset;
            *self = Self {
                target_offset,
                ..newer
            };
        }
    }
}

/// The status of an offset after a decision was carried out.
pub(super) fn status(
    partition: &TopicPartition,
    scene: &Scene<'_>,
    decision: &CommitDecision,
) -> GroupPartitionStatus {
    let found = scene.found.map(|found: &TargetCommit| found.offset);
    let (state, target_offset, detail) = match decision {
        CommitDecision::Commit(intent) | CommitDecision::Refresh(intent) => {
            let (state, detail) = fitting(scene.wanted);
            (state, Some(intent.offset), detail)
        }
        CommitDecision::Keep => {
            let (state, detail) = match (scene.wanted, found) {
                (Wanted::Unknown(_), None) => (GroupState::Waiting, Some(absent())),
                (wanted, _) => fitting(wanted),
            };
            (state, found, detail)
        }
        CommitDecision::Active => (GroupState::ActiveOnTarget, found, None),
        CommitDecision::Release(offset) => (GroupState::Released, Some(*offset), Some(theirs())),
        CommitDecision::Released => match scene.frozen_by {
            Some(operation) => (GroupState::Moved, found, Some(by(operation))),
            None => (GroupState::Released, found, Some(theirs())),
        },
        CommitDecision::Lower(intent) => (
            GroupState::Clamped,
            Some(intent.offset),
            Some(lowered(intent.offset)),
        ),
        CommitDecision::Wait(unplaced) => match (scene.target_log, found) {
            (TargetLog::CutAt(end), Some(found)) if found >= end => {
                (GroupState::Clamped, Some(found), Some(lowered(end)))
            }
            _ => (GroupState::Waiting, found, Some(unplaced.to_string())),
        },
    };
    GroupPartitionStatus {
        partition: partition.clone(),
        source_offset: source_offset(scene.wanted, scene.written),
        target_offset,
        state,
        exact: is_exact(scene.wanted, target_offset),
        moved_by: scene.frozen_by.map(ToOwned::to_owned),
        expires_at: None,
        detail,
    }
}

/// The status of an offset in a topic whose intent forbids writes. `on_target` is the offset that was read there, or else the
/// last one written.
pub(super) fn held(
    partition: &TopicPartition,
    wanted: &Wanted,
    written: &Written,
    frozen_by: Option<&str>,
    retention_ms: Option<i64>,
    on_target: Option<TargetOffset>,
) -> GroupPartitionStatus {
    let is_left_alone = written.released || frozen_by.is_some() || *wanted == Wanted::Nothing;
    let expires_at = written.expiry(retention_ms).filter(|_| !is_left_alone);
    GroupPartitionStatus {
        partition: partition.clone(),
        source_offset: source_offset(wanted, written),
        target_offset: on_target,
        state: match frozen_by {
            Some(_) => GroupState::Moved,
            None if written.released => GroupState::Released,
            None if *wanted == Wanted::Nothing => GroupState::Vanished,
            None => GroupState::Paused,
        },
        exact: is_exact(wanted, on_target),
        moved_by: frozen_by.map(ToOwned::to_owned),
        detail: frozen_by.map(by).or_else(|| {
            expires_at.map(|expiry| {
                format!("its topic is not written to, so the offset expires on the target {expiry}")
            })
        }),
        expires_at,
    }
}

fn source_offset(wanted: &Wanted, written: &Written) -> Option<SourceOffset> {
    match wanted {
        Wanted::At(commit, _) | Wanted::Unknown(Some((commit, _))) => Some(commit.offset),
        Wanted::Unknown(None) => written.stands_for,
        Wanted::Nothing => None,
    }
}

fn is_exact(wanted: &Wanted, target: Option<TargetOffset>) -> bool {
    match wanted {
        Wanted::At(_, Ok(place)) | Wanted::Unknown(Some((_, Ok(place)))) => {
            place.fit.is_exact() && target == Some(place.offset)
        }
        Wanted::At(_, Err(_)) | Wanted::Unknown(_) | Wanted::Nothing => false,
    }
}

fn fitting(wanted: &Wanted) -> (GroupState, Option<String>) {
    match wanted {
        Wanted::At(_, Ok(place)) => {
            let state = match &place.fit {
                Fit::Exact | Fit::Near(_) => GroupState::Synced,
                Fit::Held { .. } => GroupState::Held,
                Fit::Clamped { .. } => GroupState::Clamped,
            };
            (state, place.fit.detail())
        }
        Wanted::At(_, Err(unplaced)) => (GroupState::Waiting, Some(unplaced.to_string())),
        Wanted::Unknown(_) => {
            let detail = "what the source has now isn't known; the offset is kept as it is";
            (GroupState::Synced, Some(detail.to_owned()))
        }
        Wanted::Nothing => {
            let detail = "the source no longer has the offset; it is left as it is on the target";
            (GroupState::Vanished, Some(detail.to_owned()))
        }
    }
}

fn lowered(end: TargetOffset) -> String {
    format!(
        "the target lost its records from {end} on; the group stays there until they are mirrored again"
    )
}

fn theirs() -> String {
    "another client committed on the target".to_owned()
}

fn by(operation: &str) -> String {
    format!("by operation {operation}")
}

fn absent() -> String {
    "what the source has now isn't known, and nothing is committed on the target".to_owned()
}
