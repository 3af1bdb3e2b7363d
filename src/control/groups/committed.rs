//! The checkpoint DB's record of the group offsets this link committed, and the exclusive turn to write them.
//!
//! Promises: only the holder of the [`CommitGuard`] writes, so group sync never overtakes a move that froze a group; what a turn
//! saved is durable when its future resolves.
//! Doesn't: decide anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::checkpoint::records::{
    delete_group, group_offsets_of, groups_of, load_group, put_group,
};
use crate::checkpoint::snapshots::{confirm_snapshot, load_snapshot, put_snapshot};
use crate::checkpoint::{GroupRecord, GroupSnapshot, Store, Update};
use crate::error::Result;
use crate::model::{GroupId, LinkName, SourceOffset, TargetOffset, TopicPartition};

use super::commit::{SourceCommit, Written};
use super::cut::Snapshot;

/// How often it is stored that an unchanged snapshot was read again, in milliseconds: what a plan for a lost source says
/// about the age of its knowledge is at most this much too old.
const CONFIRMED_EVERY_MS: i64 = 60_000;

/// The recorded group offsets of one link.
#[derive(Debug)]
pub struct Ledger {
    store: Arc<dyn Store>,
    link: LinkName,
    writing: Mutex<()>,
    /// When the source's groups were last found to be those of the snapshot, in milliseconds since 1970; 0 if never.
    confirmed_ms: AtomicI64,
    /// The latest such time that was stored.
    stored_ms: AtomicI64,
}

/// What is recorded about one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The operation that froze the group, if any.
    pub frozen_by: Option<String>,
    /// The offsets written for the group, by source partition.
    pub written: BTreeMap<TopicPartition, Written>,
}

/// The exclusive right to write group offsets of the link on the target, released on drop.
#[derive(Debug)]
pub struct CommitGuard<'a> {
    ledger: &'a Ledger,
    _held: MutexGuard<'a, ()>,
}

impl Ledger {
    /// Creates the ledger of a link.
    pub fn new(store: Arc<dyn Store>, link: LinkName) -> Self {
        Self {
            store,
            link,
            writing: Mutex::new(()),
            confirmed_ms: AtomicI64::new(0),
            stored_ms: AtomicI64::new(0),
        }
    }

    /// The link whose offsets are recorded.
    pub fn link(&self) -> &LinkName {
        &self.link
    }

    /// Waits for the exclusive turn to write.
    pub async fn guard(&self) -> CommitGuard<'_> {
        CommitGuard {
            ledger: self,
            _held: self.writing.lock().await,
        }
    }

    /// The record of `group`; empty if there is none.
    pub fn account(&self, group: &GroupId) -> Result<Account> {
        let records = group_offsets_of(self.store.as_ref(), &self.link, Some(group))?;
        let mut account = Account::default();
        for ((_, partition), record) in records {
            account.enter(partition, record);
        }
        Ok(account)
    }

    /// Every recorded group, in order.
    pub fn groups(&self) -> Result<Vec<GroupId>> {
        groups_of(self.store.as_ref(), &self.link)
    }

    /// The groups that are frozen, each with the operation that froze it last.
    pub fn frozen(&self) -> Result<BTreeMap<GroupId, String>> {
        let mut frozen = BTreeMap::new();
        for group in self.groups()? {
            let record = load_group(self.store.as_ref(), &self.link, &group, &whole_group())?;
            if let Some(by) = record.and_then(GroupRecord::frozen_by) {
                frozen.insert(group, by);
            }
        }
        Ok(frozen)
    }

    /// The latest snapshot of the source, if one is stored.
    pub fn snapshot(&self) -> Result<Option<Snapshot>> {
        Ok(load_snapshot(self.store.as_ref(), &self.link)?.map(Snapshot::from))
    }

    /// Replaces the latest snapshot of the source.
    pub async fn save_snapshot(&self, snapshot: &Snapshot) -> Result<()> {
        let mut update = Update::lazy();
        let store = self.store.as_ref();
        put_snapshot(
            &mut update,
            store,
            &self.link,
            &GroupSnapshot::from(snapshot),
        )?;
        self.store.commit(update).await?;
        self.stored_ms
            .store(snapshot.taken_at_ms, Ordering::Relaxed);
        Ok(())
    }

    /// Notes that the source's groups at `now_ms` were those of the latest snapshot.
    pub fn confirm(&self, now_ms: i64) {
        self.confirmed_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Stores from time to time that groups and ends of the source were those of the latest snapshot at `now_ms`.
    pub async fn confirm_snapshot(&self, now_ms: i64) -> Result<()> {
        if now_ms - self.stored_ms.load(Ordering::Relaxed) < CONFIRMED_EVERY_MS {
            return Ok(());
        }
        let mut update = Update::lazy();
        confirm_snapshot(&mut update, self.store.as_ref(), &self.link, now_ms)?;
        self.store.commit(update).await?;
        self.stored_ms.store(now_ms, Ordering::Relaxed);
        Ok(())
    }

    /// The time at which the source's groups are known to have been those of `snapshot`, the latest one, in milliseconds since
    /// 1970.
    pub fn as_of_ms(&self, snapshot: &Snapshot) -> i64 {
        let confirmed = self.confirmed_ms.load(Ordering::Relaxed);
        confirmed.max(snapshot.taken_at_ms)
    }
}

impl CommitGuard<'_> {
    /// Saves the written and intended offsets of a group.
    pub async fn save(
        &self,
        group: &GroupId,
        written: &BTreeMap<TopicPartition, Written>,
    ) -> Result<()> {
        let mut update = Update::new();
        for (partition, written) in written {
            let record = GroupRecord::from(written);
            put_group(&mut update, &self.ledger.link, group, partition, &record);
        }
        self.ledger.store.commit(update).await
    }

    /// Removes the records of offsets that have lost their meaning.
    pub async fn forget(&self, group: &GroupId, partitions: &[TopicPartition]) -> Result<()> {
        let mut update = Update::new();
        for partition in partitions {
            delete_group(&mut update, &self.ledger.link, group, partition);
        }
        self.ledger.store.commit(update).await
    }

    /// Freezes groups for an operation; groups already frozen keep their owner.
    pub async fn freeze(&self, groups: &BTreeSet<GroupId>, operation: &str) -> Result<()> {
        let mut update = Update::new();
        for group in groups {
            if self.ledger.account(group)?.frozen_by.is_none() {
                self.put_frozen(&mut update, group, Some(operation));
            }
        }
        self.ledger.store.commit(update).await
    }

    /// Makes `operation` the owner of frozen groups, also if another operation froze them: from now on this one moves them.
    pub async fn take_over(&self, groups: &BTreeSet<GroupId>, operation: &str) -> Result<()> {
        let mut update = Update::new();
        for group in groups {
            if self.ledger.account(group)?.frozen_by.as_deref() != Some(operation) {
                self.put_frozen(&mut update, group, Some(operation));
            }
        }
        self.ledger.store.commit(update).await
    }

    /// Unfreezes those of `groups` that `operation` itself froze.
    pub async fn thaw(&self, groups: &BTreeSet<GroupId>, operation: &str) -> Result<()> {
        let mut update = Update::new();
        for group in groups {
            if self.ledger.account(group)?.frozen_by.as_deref() == Some(operation) {
                self.put_frozen(&mut update, group, None);
            }
        }
        self.ledger.store.commit(update).await
    }

    /// Unfreezes groups, whichever operation froze them; `note` adds to the update.
    pub async fn release<'g>(
        &self,
        groups: impl Iterator<Item = &'g GroupId> + Send,
        note: impl FnOnce(&mut Update) + Send,
    ) -> Result<()> {
        let mut update = Update::new();
        for group in groups {
            self.put_frozen(&mut update, group, None);
        }
        note(&mut update);
        self.ledger.store.commit(update).await
    }

    fn put_frozen(&self, update: &mut Update, group: &GroupId, by: Option<&str>) {
        let record = GroupRecord {
            released: by.is_some(),
            metadata: by.map(ToOwned::to_owned),
            ..GroupRecord::default()
        };
        put_group(update, &self.ledger.link, group, &whole_group(), &record);
    }
}

/// The key for the group as a whole: a partition that no topic has.
fn whole_group() -> TopicPartition {
    TopicPartition::new("", -1)
}

impl Account {
    fn enter(&mut self, partition: TopicPartition, record: GroupRecord) {
        if partition == whole_group() {
            self.frozen_by = record.frozen_by();
        } else {
            self.written.insert(partition, Written::from(record));
        }
    }
}

impl GroupRecord {
    /// The operation that froze the group, from the record of the group as a whole.
    fn frozen_by(self) -> Option<String> {
        self.metadata.filter(|_| self.released)
    }
}

impl From<GroupRecord> for Written {
    fn from(record: GroupRecord) -> Self {
        let wrote = record.last_written.or(record.intended).is_some();
        Self {
            last: record.last_written.map(TargetOffset),
            intended: record.intended.map(TargetOffset),
            at_ms: record.written_at_ms,
            stands_for: wrote.then_some(SourceOffset(record.source_offset)),
            metadata: record.metadata,
            released: record.released,
        }
    }
}

impl From<&Written> for GroupRecord {
    fn from(written: &Written) -> Self {
        Self {
            last_written: written.last.map(TargetOffset::get),
            intended: written.intended.map(TargetOffset::get),
            written_at_ms: written.at_ms,
            source_offset: written.stands_for.map_or(-1, SourceOffset::get),
            metadata: written.metadata.clone(),
            released: written.released,
        }
    }
}

impl From<GroupSnapshot> for Snapshot {
    fn from(stored: GroupSnapshot) -> Self {
        let mut snapshot = Self {
            taken_at_ms: stored.taken_at_ms,
            ..Self::default()
        };
        for (group, partition, offset, metadata) in stored.offsets {
            let offset = SourceOffset(offset);
            let commit = SourceCommit { offset, metadata };
            let group = snapshot.groups.entry(group).or_default();
            group.insert(partition, commit);
        }
        let ends = stored.ends.into_iter();
        snapshot.ends = ends.map(|(p, end)| (p, SourceOffset(end))).collect();
        snapshot
    }
}

impl From<&Snapshot> for GroupSnapshot {
    fn from(snapshot: &Snapshot) -> Self {
        let mut stored = Self {
            taken_at_ms: snapshot.taken_at_ms,
            ..Self::default()
        };
        for (group, commits) in &snapshot.groups {
            for (partition, commit) in commits {
                let (offset, metadata) = (commit.offset.get(), commit.metadata.clone());
                let entry = (group.clone(), partition.clone(), offset, metadata);
                stored.offsets.push(entry);
            }
        }
        let ends = snapshot.ends.iter();
        stored.ends = ends.map(|(p, end)| (p.clone(), end.get())).collect();
        stored
    }
}

#[cfg(test)]
mod tests;
