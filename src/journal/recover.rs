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
mod tests;
