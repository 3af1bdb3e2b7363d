//! One pass over the target: decides on every offset of every group, then commits what changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use crate::control::{Mirrored, MirroredPartition, TargetLog};
use crate::error::{Error, Result};
use crate::model::{GroupId, LinkIntents, TargetOffset, TopicPartition};

use super::cluster::{CommittedOffset, GROUPS_AT_ONCE, GroupActivity, Site};
use super::commit::{SourceCommit, TargetCommit, Written};
use super::commit_protocol::{Writes, on_target, write};
use super::committed::{Account, CommitGuard, Ledger};
use super::decide::{CommitDecision, Scene, Wanted, decide};
use super::status::{self, Board, GroupPartitionStatus, GroupState, GroupStatus};
use super::translate::place;
use super::wants::{Want, Wants};

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
    /// The groups of the target; `None` if nothing may be written and they can't be read.
    activity: Option<BTreeMap<GroupId, GroupActivity>>,
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

impl Item {
    /// Whether the record of the offset has lost its meaning: it isn't on the target, and either not on the source either, or
    /// the mirror topic it was in is gone.
    fn is_over(&self) -> bool {
        let is_absent = self.found.is_none() && self.written.intended.is_none();
        is_absent && (self.wanted == Wanted::Nothing || self.target_log == TargetLog::Another)
    }
}

/// What a pass does to one group.
#[derive(Default)]
struct Work {
    statuses: BTreeMap<TopicPartition, GroupPartitionStatus>,
    writes: Writes,
    released: BTreeMap<TopicPartition, Written>,
    /// Offsets to be lowered to the end of what the target still holds, with what is there now.
    lowered: Vec<(TopicPartition, Option<TargetCommit>)>,
    /// Offsets whose records have lost their meaning.
    forgotten: Vec<TopicPartition>,
}

impl Carrier<'_> {
    /// Carries every group and returns the first failure. A group that fails doesn't hold up the others.
    pub(super) async fn carry(&self, wants: Wants) -> Result<()> {
        let groups = wants.groups();
        if groups.is_empty() {
            return Ok(());
        }
        let partitions = self.mirrored.partitions().into_iter();
        let guard = self.ledger.guard().await;
        let pass = Pass {
            guard,
            activity: match self.target.groups().await {
                Err(error) if self.writes(&wants)? => return Err(error),
                activity => activity.ok(),
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
        for group in wants.groups() {
            let wanted = wants.of(&group, &self.ledger.account(&group)?);
            if wanted.iter().any(|(partition, _)| may_write(partition)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn carry_group(&self, pass: &Pass<'_>, group: GroupId, wants: &Wants) -> Result<()> {
        let account = self.ledger.account(&group)?;
        let may_write = self.may_write();
        let wanted = wants.of(&group, &account).into_iter();
        let (open, held): (Vec<_>, Vec<_>) = wanted.partition(|(it, _)| may_write(it));
        let found = if !open.is_empty() {
            match self.target.offsets(&group).await {
                Ok(found) => Some(found),
                Err(error) => {
                    self.show_unread(&account, group, open, &error);
                    return Err(error);
                }
            }
        } else if held.is_empty() || pass.activity.is_none() {
            None
        } else {
            self.target.offsets(&group).await.ok()
        };
        let mut work = Work::default();
        let held = self.items(pass, &account, found.as_ref(), held);
        self.show_held(&account, found.is_some(), held, &mut work);
        let open = self.items(pass, &account, found.as_ref(), open);
        let activity = pass.activity.as_ref().and_then(|all| all.get(&group));
        let active = activity == Some(&GroupActivity::Active);
        self.decide_all(&account, active, open, &mut work);
        if !work.released.is_empty() {
            pass.guard.save(&group, &work.released).await?;
        }
        if !work.forgotten.is_empty() {
            pass.guard.forget(&group, &work.forgotten).await?;
        }
        let outcome = self
            .write(pass, &group, &work.writes, &mut work.statuses)
            .await;
        for (partition, found) in work.lowered {
            self.tell_lowered(&group, found, &work.statuses[&partition]);
        }
        if work.statuses.is_empty() && !wants.may_exist(&group) {
            self.board.forget(&group);
            return outcome;
        }
        let read_at = found.and_then(|_| Timestamp::from_millisecond(self.now_ms).ok());
        let status = GroupStatus {
            unsupported: false,
            target_as_of: read_at,
            partitions: work.statuses.into_values().collect(),
        };
        self.board.put(group, status);
        outcome
    }

    /// Shows why nothing can be decided on the offsets of a group.
    fn show_unread(
        &self,
        account: &Account,
        group: GroupId,
        open: Vec<(TopicPartition, Want)>,
        error: &Error,
    ) {
        let partitions = open.into_iter().map(|(partition, want)| {
            let written = account.written.get(&partition);
            GroupPartitionStatus {
                source_offset: match want {
                    Want::Commit(commit) | Want::Unknown(Some(commit)) => Some(commit.offset),
                    Want::Unknown(None) | Want::Nothing => None,
                },
                target_offset: written.and_then(|it| it.last),
                partition,
                state: GroupState::Waiting,
                exact: false,
                moved_by: None,
                expires_at: None,
                detail: Some(error.chain()),
            }
        });
        let status = GroupStatus {
            partitions: partitions.collect(),
            ..GroupStatus::default()
        };
        self.board.put(group, status);
    }

    /// Shows the offsets that may not be written.
    fn show_held(&self, account: &Account, is_read: bool, held: Vec<Item>, work: &mut Work) {
        for item in held {
            let on_target = match &item.found {
                Some(found) => Some(found.offset),
                None if is_read => None,
                None => item.written.last,
            };
            if item.wanted == Wanted::Nothing && on_target.is_none() {
                continue;
            }
            let status = status::held(
                &item.partition,
                &item.wanted,
                &item.written,
                account.frozen_by.as_deref(),
                self.retention_ms,
                on_target,
            );
            work.statuses.insert(item.partition, status);
        }
    }

    /// Decides on the offsets that may be written.
    fn decide_all(&self, account: &Account, active: bool, open: Vec<Item>, work: &mut Work) {
        let frozen_by = account.frozen_by.as_deref();
        for item in open {
            let is_recorded = account.written.contains_key(&item.partition);
            if is_recorded && frozen_by.is_none() && item.is_over() {
                work.forgotten.push(item.partition.clone());
            }
            if item.wanted == Wanted::Nothing && item.found.is_none() {
                continue;
            }
            let scene = self.scene(&item, active, frozen_by);
            let decision = decide(&scene);
            let status = status::status(&item.partition, &scene, &decision);
            work.statuses.insert(item.partition.clone(), status);
            match decision {
                CommitDecision::Commit(intent) | CommitDecision::Refresh(intent) => {
                    work.writes.insert(item.partition, (item.written, intent));
                }
                CommitDecision::Lower(intent) => {
                    work.lowered.push((item.partition.clone(), item.found));
                    work.writes.insert(item.partition, (item.written, intent));
                }
                CommitDecision::Release(_) => {
                    work.released
                        .insert(item.partition, item.written.released());
                }
                CommitDecision::Keep
                | CommitDecision::Active
                | CommitDecision::Released
                | CommitDecision::Wait(_) => {}
            }
        }
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
        found: Option<&BTreeMap<TopicPartition, CommittedOffset>>,
        wants: Vec<(TopicPartition, Want)>,
    ) -> Vec<Item> {
        let item = |(partition, want): (TopicPartition, Want)| {
            let mirrored = pass.partitions.get(&partition)?;
            let target = on_target(self.mirrored, &partition).ok()?;
            let committed = found.and_then(|found| found.get(&target));
            let committed = committed.filter(|committed| committed.offset >= 0);
            let committed = committed.map(|committed| TargetCommit {
                offset: TargetOffset(committed.offset),
                metadata: committed.metadata.clone(),
            });
            let mut written = account.written.get(&partition).cloned().unwrap_or_default();
            if found.is_some() && committed.is_none() {
                written = written.absent(mirrored.map_since_ms);
            }
            Some(Item {
                wanted: self.wanted(mirrored, want),
                written,
                found: committed,
                target_log: mirrored.target_log,
                target_end: mirrored.target_end,
                partition,
            })
        };
        wants.into_iter().filter_map(item).collect()
    }

    fn wanted(&self, mirrored: &MirroredPartition, want: Want) -> Wanted {
        let placed = |commit: SourceCommit| {
            let found = self.mirrored.lookup(&mirrored.partition, commit.offset);
            let place = place(commit.offset, found, mirrored.target_log_start);
            (commit, place)
        };
        match want {
            Want::Commit(commit) => {
                let (commit, place) = placed(commit);
                Wanted::At(commit, place)
            }
            Want::Unknown(seen) => Wanted::Unknown(seen.map(placed)),
            Want::Nothing => Wanted::Nothing,
        }
    }

    fn scene<'a>(&self, item: &'a Item, active: bool, frozen_by: Option<&'a str>) -> Scene<'a> {
        Scene {
            wanted: &item.wanted,
            found: item.found.as_ref(),
            written: &item.written,
            active,
            frozen_by,
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
