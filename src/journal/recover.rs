//! Makes DB and journal equal at the start of a term: the side with the higher revision wins.

use std::sync::Arc;

use crate::checkpoint::dump::FullEntry;
use crate::checkpoint::store::{Change, Space, Store, Update};
use crate::checkpoint::{keys, layout};
use crate::error::{Error, Kind, Result};
use crate::kafka::client::Cluster;
use crate::model::LinkName;

use super::contents::Entries;
use super::queue::{JournalQueue, is_too_large, put_revision, stored_revision};
use super::{Contents, Renew, Revision, Topic};

/// The number of changes per batch: until a batch is written, sled keeps what it replaces, several KiB per change.
const PART: usize = 1_000;

/// The outcome of comparing DB and journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reconciled {
    Equal,
    /// The DB lacked something.
    Restored,
    /// The journal lacked something.
    Supplemented,
}

/// Compares DB and journal and completes the one that is behind. The journal goes up to `in_journal`; only this process, in
/// this term, can still append to it.
///
/// Errors: those of the DB and of the target. Cancellation: safe, each side changes as a whole or is completed at the next
/// start.
pub(super) async fn reconcile(
    disk: &dyn Store,
    line: &Arc<JournalQueue>,
    topic: &Topic,
    (term, in_journal): (u64, Option<Revision>),
    renew: Renew,
) -> Result<Reconciled> {
    let name = line.link();
    // An update queued in an earlier term is either in the DB when it is compared, or never will be.
    disk.commit(Update::new()).await?;
    let of_db = revision_of(disk, name, in_journal)?;
    let of_db = if in_journal > of_db {
        of_db
    } else {
        renewed(disk, name, term, renew).await?.or(of_db)
    };
    if of_db == in_journal {
        return Ok(Reconciled::Equal);
    }
    let copied = topic.read_all().await?.entries;
    let stored = entries_of(disk, name)?;
    if in_journal > of_db {
        let kept = keeps_verifications(&copied);
        let mut changes = difference(&stored, copied);
        changes.retain(|(key, value)| value.is_some() || !(kept && is_verification(key)));
        take_over(disk, name, changes, in_journal).await?;
        return Ok(Reconciled::Restored);
    }
    line.supplement(difference(&copied, stored), of_db).await?;
    Ok(Reconciled::Supplemented)
}

/// The DB's revision for the comparison with a journal that goes up to `in_journal`; `None` if the journal must be taken
/// over.
fn revision_of(
    disk: &dyn Store,
    link: &LinkName,
    in_journal: Option<Revision>,
) -> Result<Option<Revision>> {
    let is_half_filled = disk.get(Space::Meta, &keys::filling(link))?.is_some();
    if is_half_filled && in_journal.is_some() {
        return Ok(None);
    }
    Ok(match stored_revision(disk, link)? {
        Some(revision) => Some(revision),
        None => (!entries_of(disk, link)?.is_empty()).then_some(Revision::BEFORE),
    })
}

/// Whether the DB's verifications stay: the first layout kept them out of the journal.
fn keeps_verifications(copied: &Entries) -> bool {
    !copied.keys().any(|key| is_verification(key))
}

fn is_verification(key: &[u8]) -> bool {
    key.first().copied().and_then(Space::of) == Some(Space::Verifications)
}

/// Applies changes to the DB in parts. Until all are applied the DB is marked and has no revision: any journal takes
/// precedence.
///
/// Cancellation: the next start compares again.
pub(super) async fn take_over(
    disk: &dyn Store,
    link: &LinkName,
    mut changes: Vec<Change>,
    revision: Option<Revision>,
) -> Result<()> {
    changes.sort_by_key(|(key, value)| keys::place_among_changes(key, value.is_none()));
    let mut update = Update::new();
    update.delete(Space::Meta, keys::revision(link));
    update.put(Space::Meta, keys::filling(link), Vec::new());
    disk.commit(update).await?;
    let mut changes = changes.into_iter();
    loop {
        let part: Vec<Change> = changes.by_ref().take(PART).collect();
        if part.is_empty() {
            break;
        }
        disk.commit(Update::of(part)).await?;
    }
    let mut update = Update::new();
    update.delete(Space::Meta, keys::filling(link));
    if let Some(revision) = revision {
        put_revision(&mut update, link, revision);
    }
    disk.commit(update).await
}

/// Converts layout-1 values that are too large for the journal, and were therefore never in one, to the current layout;
/// returns the DB's revision after that, or `None` if there were no such values.
async fn renewed(
    disk: &dyn Store,
    link: &LinkName,
    term: u64,
    renew: Renew,
) -> Result<Option<Revision>> {
    let unchunked = unchunked_of(disk, link)?;
    if !unchunked.values().any(|value| is_too_large(value)) {
        return Ok(None);
    }
    drop(unchunked);
    let mut update = renew(disk, link)?;
    layout::complete(&mut update);
    let revision = Revision { term, number: 1 };
    put_revision(&mut update, link, revision);
    disk.commit(update).await?;
    Ok(Some(revision))
}

/// The contents of a link's journal.
///
/// Errors: `Refused` if there is no journal; those of the target.
pub async fn contents(target: &Cluster, link: &LinkName) -> Result<Contents> {
    let topic = Topic::find(target, link).await?.ok_or_else(|| {
        let message = format!(
            "link {link} has no journal: there is no topic {}",
            Topic::name(link)
        );
        Error::new(Kind::Refused, message).cluster(target.name())
    })?;
    topic.read_all().await
}

impl Contents {
    /// The entries and their revision, as a DB holds them.
    pub fn to_entries(&self, link: &LinkName) -> Vec<FullEntry> {
        let entries = self.entries.iter();
        let mut entries: Vec<_> = entries.map(|(k, v)| (k.clone(), v.clone())).collect();
        if let Some(revision) = self.head().and_then(|head| head.revision) {
            let mut update = Update::new();
            put_revision(&mut update, link, revision);
            let put = update.into_changes().into_iter();
            entries.extend(put.filter_map(|(key, value)| Some((key, value?))));
        }
        entries
    }
}

/// Replaces the DB's entries of a link by its journal's; returns their number.
///
/// Errors: the DB failed. Cancellation: the journal takes precedence at the next start.
pub async fn rebuild(disk: &dyn Store, link: &LinkName, journal: Contents) -> Result<usize> {
    let known = entries_of(disk, link)?;
    let (count, revision) = (journal.len(), journal.head().and_then(|head| head.revision));
    take_over(disk, link, difference(&known, journal.entries), revision).await?;
    Ok(count)
}

/// The changes that turn `from` into `to`.
pub(super) fn difference(from: &Entries, to: Entries) -> Vec<Change> {
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let mut changes: Vec<Change> = gone.map(|key| (key.clone(), None)).collect();
    let new = to
        .into_iter()
        .filter(|(key, value)| from.get(key) != Some(value));
    changes.extend(new.map(|(key, value)| (key, Some(value))));
    changes
}

/// All entries of a link in the DB.
pub(crate) fn entries_of(store: &dyn Store, link: &LinkName) -> Result<Entries> {
    let mut entries = Entries::new();
    for (space, prefix) in keys::prefixes_of(link) {
        for (key, value) in store.scan(space, &prefix, usize::MAX)? {
            entries.insert(space.full_key(&key), value);
        }
    }
    entries.extend(operations_of_first_layout(store, link)?);
    Ok(entries)
}

/// The entries of a link that layout 1 stored as one value of any size.
pub(super) fn unchunked_of(store: &dyn Store, link: &LinkName) -> Result<Entries> {
    let mut entries = operations_of_first_layout(store, link)?;
    let key = keys::group_snapshot(link);
    if let Some(snapshot) = store.get(Space::Groups, &key)? {
        entries.insert(Space::Groups.full_key(&key), snapshot);
    }
    Ok(entries)
}

fn operations_of_first_layout(store: &dyn Store, link: &LinkName) -> Result<Entries> {
    let from = keys::FIRST_LAYOUT_DOCUMENTS;
    let operations = store.scan_from(Space::Operations, &[], from, usize::MAX)?;
    let full = operations
        .into_iter()
        .map(|(key, value)| (Space::Operations.full_key(&key), value));
    let ours = full.filter(|(key, value)| keys::link_of(key, Some(value)).as_ref() == Some(link));
    Ok(ours.collect())
}

#[cfg(test)]
mod difference_tests {
    use proptest::prelude::*;

    use super::super::recover::*;

    fn entries() -> impl Strategy<Value = Entries> {
        prop::collection::btree_map(
            prop::collection::vec(0_u8..4, 1..3),
            prop::collection::vec(0_u8..3, 0..2),
            0..8,
        )
    }

    proptest! {
        #[test]
        fn applying_the_difference_gives_the_other(from in entries(), to in entries()) {
            let changes = difference(&from, to.clone());
            let mut made = from.clone();
            for (key, value) in &changes {
                match value {
                    Some(value) => made.insert(key.clone(), value.clone()),
                    None => made.remove(key),
                };
            }
            prop_assert_eq!(&made, &to);
            prop_assert_eq!(difference(&to, to.clone()), vec![]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::failing::FailingStore;
    use crate::checkpoint::snapshots::{load_snapshot, renew_snapshot};
    use crate::checkpoint::{GroupSnapshot, MemoryStore};
    use crate::model::{GroupId, TopicPartition};

    fn renew(store: &dyn Store, link: &LinkName) -> Result<Update> {
        let mut update = Update::new();
        renew_snapshot(&mut update, store, link)?;
        Ok(update)
    }

    #[tokio::test]
    async fn only_what_no_journal_takes_is_renewed_before_the_journal_is_completed() {
        let link = LinkName::new("l");
        for (offsets, is_renewed) in [(10, false), (160_000, true)] {
            let offset = |number: i32| {
                let at = TopicPartition::new("topic", number);
                (GroupId::new("group"), at, i64::from(number), None)
            };
            let former = GroupSnapshot {
                taken_at_ms: 1,
                offsets: (0..offsets).map(offset).collect(),
                ends: Vec::new(),
            };
            let store = MemoryStore::new();
            let mut update = Update::new();
            let value = serde_json::to_vec(&former).unwrap();
            update.put(Space::Groups, keys::group_snapshot(&link), value);
            store.commit(update).await.unwrap();
            let revision = renewed(&store, &link, 7, renew).await.unwrap();
            let expected = is_renewed.then_some(Revision { term: 7, number: 1 });
            assert_eq!(revision, expected);
            assert_eq!(stored_revision(&store, &link).unwrap(), expected);
            assert!(load_snapshot(&store, &link).unwrap() == Some(former));
            let entries = entries_of(&store, &link).unwrap();
            assert!(!entries.values().any(|value| is_too_large(value)));
            // Chunks, their head, and the requirement on readers.
            assert_eq!(entries.len(), if is_renewed { 162 } else { 1 });
        }
    }

    #[tokio::test]
    async fn a_db_that_is_half_filled_gives_way_to_the_journal() {
        let (link, revision) = (LinkName::new("l"), Revision { term: 3, number: 9 });
        let change = |number: u16| {
            let key = [keys::link(&link), number.to_be_bytes().to_vec()].concat();
            (Space::Partitions.full_key(&key), Some(vec![1]))
        };
        let changes: Vec<Change> = (0..2_500).map(change).collect();
        for stored in 0..=5 {
            let store = FailingStore::default();
            let mut former = Update::new();
            put_revision(&mut former, &link, Revision { term: 9, number: 1 });
            store.commit(former).await.unwrap();
            store.fail_after(stored);
            let taken_over = take_over(&store, &link, changes.clone(), Some(revision)).await;
            assert_eq!(taken_over.is_ok(), stored == 5);
            let expected = match stored {
                0 => Some(Revision { term: 9, number: 1 }),
                5 => Some(revision),
                _ => None,
            };
            assert_eq!(stored_revision(&store, &link).unwrap(), expected);
            // Also compared with a journal that was filled from a DB without a revision.
            let towards = revision_of(&store, &link, Some(Revision::BEFORE));
            assert_eq!(towards.unwrap(), expected);
            let count = entries_of(&store, &link).unwrap().len();
            assert_eq!(count, (1_000 * stored.saturating_sub(1)).min(2_500));
        }
    }
}
