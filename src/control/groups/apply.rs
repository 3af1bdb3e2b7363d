//! One pass over the target: decides on every offset of every group, then commits what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::control::{Mirrored, MirroredPartition, TargetLog};
use crate::error::{Error, Result};
use crate::model::{GroupId, LinkIntents, TargetOffset, TopicPartition};

use super::cluster::{CommittedOffset, GROUPS_AT_ONCE, GroupActivity, Site};
use super::commit::{SourceCommit, TargetCommit, Written};
use super::commit_protocol::{Writes, on_target, write};
use super::committed::{Account, CommitGuard, Ledger};
use super::cut::Snapshot;
use super::decide::{CommitDecision, Scene, Wanted, decide};
use super::status::{self, Board, GroupPartitionStatus, GroupState, GroupStatus};
use super::translate::place;

/// The offsets a pass wants on the target.
#[derive(Debug)]
pub(super) enum Wants {
    /// As read from the source.
    Known(Arc<Snapshot>),
    /// The source is unreachable: everything ever written for these groups.
    Unknown(Vec<GroupId>),
}

impl Wants {
    fn groups(&self) -> Vec<GroupId> {
        match self {
            Self::Known(snapshot) => snapshot.groups.keys().cloned().collect(),
            Self::Unknown(groups) => groups.clone(),
        }
    }

    /// The offsets of `group` as reported by the source; `None` for each while the source is unreachable.
    fn of(
        &self,
        group: &GroupId,
        account: &Account,
    ) -> Vec<(TopicPartition, Option<SourceCommit>)> {
        match self {
            Self::Known(snapshot) => {
                let commits = snapshot.groups.get(group).into_iter().flatten();
                commits
                    .map(|(p, commit)| (p.clone(), Some(commit.clone())))
                    .collect()
            }
            Self::Unknown(_) => account.written.keys().map(|p| (p.clone(), None)).collect(),
        }
    }
}

/// One pass.
#[derive(Debug)]
pub(super) struct Carrier<'a> {
    pub(super) target: &'a dyn Site,
    pub(super) mirrored: &'a dyn Mirrored,
    pub(super) ledger: &'a Ledger,
    pub(super) board: &'a Board,
    pub(super) now_ms: i64,
    pub(super) refresh_after_ms: i64,
    /// The target's offset retention, if it reports one.
    pub(super) retention_ms: Option<i64>,
    /// The intents the pass obeys.
    pub(super) intents: Arc<LinkIntents>,
}

/// State read once for all groups of a pass.
struct Pass<'a> {
    guard: CommitGuard<'a>,
    activity: BTreeMap<GroupId, GroupActivity>,
    partitions: BTreeMap<TopicPartition, MirroredPartition>,
}

/// An offset on its way to the target.
struct Item {
    partition: TopicPartition,
    wanted: Wanted,
    found: Option<TargetCommit>,
    written: Written,
    target_log: TargetLog,
    target_end: TargetOffset,
}

impl Carrier<'_> {
    /// Carries every group and returns the first failure. A group that fails doesn't hold up the others.
    pub(super) async fn carry(&self, wants: Wants) -> Result<()> {
        let groups = wants.groups();
        if groups.is_empty() {
            return Ok(());
        }
        let partitions = self.mirrored.partitions().into_iter();
        let writes = self.writes(&wants)?;
        let pass = Pass {
            guard: self.ledger.guard().await,
            activity: if writes {
                self.target.groups().await?
            } else {
                BTreeMap::new()
            },
            partitions: partitions.map(|m| (m.partition.clone(), m)).collect(),
        };
        let carried: Vec<Result<()>> = stream::iter(groups)
            .map(|group| self.carry_group(&pass, group, &wants))
            .buffer_unordered(GROUPS_AT_ONCE)
            .collect()
            .await;
        carried.into_iter().collect()
    }

    /// Returns a predicate for the partitions that may be written: the intents at the start of the pass and those now
    /// must both permit it.
    fn may_write(&self) -> impl Fn(&TopicPartition) -> bool + use<> {
        let (begun, now) = (Arc::clone(&self.intents), self.mirrored.intents());
        move |it| begun.of(&it.topic).writes() && now.of(&it.topic).writes()
    }

    /// Whether any offset of the wanted groups may be written.
    fn writes(&self, wants: &Wants) -> Result<bool> {
        let may_write = self.may_write();
        match wants {
            Wants::Known(snapshot) => {
                let mut partitions = snapshot.groups.values().flat_map(BTreeMap::keys);
                Ok(partitions.any(may_write))
            }
            Wants::Unknown(groups) => {
                for group in groups {
                    if self.ledger.account(group)?.written.keys().any(&may_write) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// The status of offsets that may not be written.
    fn held(
        &self,
        pass: &Pass<'_>,
        account: &Account,
        wants: Vec<(TopicPartition, Option<SourceCommit>)>,
    ) -> BTreeMap<TopicPartition, GroupPartitionStatus> {
        let frozen = account.frozen_by.is_some();
        let status = |(partition, commit): (TopicPartition, _)| {
            let wanted = self.wanted(pass.partitions.get(&partition)?, commit);
            let written = account.written.get(&partition).cloned().unwrap_or_default();
            let status = status::held(&partition, &wanted, &written, frozen, self.retention_ms);
            Some((partition, status))
        };
        wants.into_iter().filter_map(status).collect()
    }

    async fn carry_group(&self, pass: &Pass<'_>, group: GroupId, wants: &Wants) -> Result<()> {
        let account = self.ledger.account(&group)?;
        let may_write = self.may_write();
        let wanted = wants.of(&group, &account).into_iter();
        let (wants, held): (Vec<_>, Vec<_>) = wanted.partition(|(it, _)| may_write(it));
        let found = if wants.is_empty() {
            BTreeMap::new()
        } else {
            self.target.offsets(&group).await?
        };
        let items = self.items(pass, &account, &found, wants);
        let active = pass.activity.get(&group) == Some(&GroupActivity::Active);
        let frozen = account.frozen_by.is_some();
        let (mut writes, mut released) = (Writes::new(), BTreeMap::new());
        let mut lowered = Vec::new();
        let mut statuses = self.held(pass, &account, held);
        for item in items {
            let scene = self.scene(&item, active, frozen);
            let decision = decide(&scene);
            let status = status::status(&item.partition, &scene, &decision);
            statuses.insert(item.partition.clone(), status);
            match decision {
                CommitDecision::Commit(intent) | CommitDecision::Refresh(intent) => {
                    writes.insert(item.partition, (item.written, intent));
                }
                CommitDecision::Lower(intent) => {
                    lowered.push((item.partition.clone(), item.found));
                    writes.insert(item.partition, (item.written, intent));
                }
                CommitDecision::Release(_) => {
                    released.insert(item.partition, item.written.released());
                }
                CommitDecision::Keep
                | CommitDecision::Active
                | CommitDecision::Released
                | CommitDecision::Wait(_) => {}
            }
        }
        if !released.is_empty() {
            pass.guard.save(&group, &released).await?;
        }
        let outcome = self.write(pass, &group, &writes, &mut statuses).await;
        for (partition, found) in lowered {
            self.tell_lowered(&group, found, &statuses[&partition]);
        }
        let status = GroupStatus {
            unsupported: false,
            partitions: statuses.into_values().collect(),
        };
        self.board.put(group, status);
        outcome
    }

    /// Logs that a group was moved back to the end of what the target still holds (H13).
    fn tell_lowered(
        &self,
        group: &GroupId,
        found: Option<TargetCommit>,
        status: &GroupPartitionStatus,
    ) {
        if let (GroupState::Clamped, Some(found)) = (status.state, found) {
            tracing::warn!(
                link = %self.ledger.link(), %group, partition = %status.partition, from = found.offset.get(),
                to = status.target_offset.map(TargetOffset::get),
                "lowered a group's offset to where the target's log ends"
            );
        }
    }

    /// Commits `writes` and corrects the statuses of the offsets that could not be committed.
    async fn write(
        &self,
        pass: &Pass<'_>,
        group: &GroupId,
        writes: &Writes,
        statuses: &mut BTreeMap<TopicPartition, GroupPartitionStatus>,
    ) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        let wrote = write(
            &pass.guard,
            self.target,
            self.mirrored,
            group,
            writes,
            self.now_ms,
        );
        let outcomes = match wrote.await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                let unwritten = statuses.iter_mut().filter(|(p, _)| writes.contains_key(*p));
                unwritten.for_each(|(_, status)| status.failed(&error));
                return Err(error);
            }
        };
        let mut first = Ok(());
        for (partition, outcome) in outcomes {
            let Err(error) = outcome else { continue };
            if let Some(status) = statuses.get_mut(&partition) {
                status.failed(&error);
            }
            if first.is_ok() && !has_members(&error) {
                first = Err(error.partition(&partition));
            }
        }
        first
    }

    fn items(
        &self,
        pass: &Pass<'_>,
        account: &Account,
        found: &BTreeMap<TopicPartition, CommittedOffset>,
        wants: Vec<(TopicPartition, Option<SourceCommit>)>,
    ) -> Vec<Item> {
        let item = |(partition, commit): (TopicPartition, Option<SourceCommit>)| {
            let mirrored = pass.partitions.get(&partition)?;
            let target = on_target(self.mirrored, &partition).ok()?;
            let found = found.get(&target).filter(|found| found.offset >= 0);
            Some(Item {
                wanted: self.wanted(mirrored, commit),
                found: found.map(|found| TargetCommit {
                    offset: TargetOffset(found.offset),
                    metadata: found.metadata.clone(),
                }),
                written: account.written.get(&partition).cloned().unwrap_or_default(),
                target_log: mirrored.target_log,
                target_end: mirrored.target_end,
                partition,
            })
        };
        wants.into_iter().filter_map(item).collect()
    }

    fn wanted(&self, mirrored: &MirroredPartition, commit: Option<SourceCommit>) -> Wanted {
        let Some(commit) = commit else {
            return Wanted::Unknown;
        };
        let found = self.mirrored.lookup(&mirrored.partition, commit.offset);
        let place = place(commit.offset, found, mirrored.target_log_start);
        Wanted::At(commit, place)
    }

    fn scene<'a>(&self, item: &'a Item, active: bool, frozen: bool) -> Scene<'a> {
        Scene {
            wanted: &item.wanted,
            found: item.found.as_ref(),
            written: &item.written,
            active,
            frozen,
            target_log: item.target_log,
            target_end: item.target_end,
            now_ms: self.now_ms,
            refresh_after_ms: self.refresh_after_ms,
        }
    }
}

impl GroupPartitionStatus {
    /// Marks the offset as not committed: the target refused, or didn't answer.
    fn failed(&mut self, error: &Error) {
        self.state = if has_members(error) {
            GroupState::ActiveOnTarget
        } else {
            GroupState::Waiting
        };
        self.exact = false;
        self.detail = Some(error.chain());
    }
}

/// Whether a commit failed because the group has gained members since it was read, by Kafka's error codes.
pub(crate) fn has_members(error: &Error) -> bool {
    const CODES: [i16; 4] = [22, 25, 27, 113];
    error.code().is_some_and(|code| CODES.contains(&code.0))
}

#[cfg(test)]
mod tests;
