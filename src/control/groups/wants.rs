//! The offsets a pass over the target wants there, by group. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{GroupId, TopicPartition};

use super::commit::SourceCommit;
use super::committed::Account;
use super::cut::Snapshot;

/// The offsets a pass wants on the target.
#[derive(Debug)]
pub(super) enum Wants {
    /// Those of a cut.
    Known {
        snapshot: Arc<Snapshot>,
        /// The groups with records of written offsets.
        recorded: BTreeSet<GroupId>,
        /// Groups without any offset on the source.
        gone: BTreeSet<GroupId>,
    },
    /// No cut was reached since the start, for example because the source doesn't answer.
    Unknown {
        recorded: BTreeSet<GroupId>,
        /// What the source had when it was last read, if that was by an earlier process.
        last: Option<Arc<Snapshot>>,
    },
}

/// What is wanted of one offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// That it follows this commit.
    Commit(SourceCommit),
    /// That it stays as it is: what the source has now isn't known, but perhaps what it had.
    Unknown(Option<SourceCommit>),
    /// Nothing: the source no longer has it.
    Nothing,
}

impl Wants {
    /// The groups to look at.
    pub(super) fn groups(&self) -> BTreeSet<GroupId> {
        let (seen, recorded) = match self {
            Self::Known {
                snapshot, recorded, ..
            } => (Some(snapshot), recorded),
            Self::Unknown { last, recorded } => (last.as_ref(), recorded),
        };
        let seen = seen.into_iter().flat_map(|seen| seen.groups.keys());
        seen.chain(recorded).cloned().collect()
    }

    /// Whether the source may have the group.
    pub(super) fn may_exist(&self, group: &GroupId) -> bool {
        match self {
            Self::Known { snapshot, gone, .. } => {
                snapshot.groups.contains_key(group) || !gone.contains(group)
            }
            Self::Unknown { .. } => true,
        }
    }

    /// The offsets of `group`: those of the source, as far as known, and those that were written.
    pub(super) fn of(&self, group: &GroupId, account: &Account) -> Vec<(TopicPartition, Want)> {
        let (seen, gone) = match self {
            Self::Known { snapshot, gone, .. } => (Some(snapshot), gone.contains(group)),
            Self::Unknown { last, .. } => (last.as_ref(), false),
        };
        let commits = seen.and_then(|seen| seen.groups.get(group));
        let commit = |partition: &TopicPartition| commits.and_then(|all| all.get(partition));
        let want = |partition: &TopicPartition| match (self, commit(partition).cloned()) {
            (Self::Unknown { .. }, commit) => Want::Unknown(commit),
            (Self::Known { .. }, Some(commit)) => Want::Commit(commit),
            // Offsets in partitions without an end may not have been looked for: the link had no such partition.
            (Self::Known { snapshot, .. }, None)
                if gone || commits.is_some() && snapshot.ends.contains_key(partition) =>
            {
                Want::Nothing
            }
            (Self::Known { .. }, None) => Want::Unknown(None),
        };
        let written = account.written.keys();
        let all: BTreeSet<_> = written
            .chain(commits.into_iter().flat_map(BTreeMap::keys))
            .collect();
        all.into_iter().map(|p| (p.clone(), want(p))).collect()
    }
}

#[cfg(test)]
mod tests;
