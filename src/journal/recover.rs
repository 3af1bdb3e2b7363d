//! Makes DB and journal equal at the beginning of a term: whichever goes further is right.

use std::sync::Arc;

use crate::checkpoint::dump::FullEntry;
use crate::checkpoint::keys;
use crate::checkpoint::store::{Change, Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::kafka::client::Cluster;
use crate::model::LinkName;

use super::queue::{Line, put_revision, stored_revision};
use super::topic::Entries;
use super::{Contents, Revision, Topic};

/// What was made of DB and journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reconciled {
    /// They were equal.
    Equal,
    /// The DB lacked something.
    Restored,
    /// The journal lacked something.
    Supplemented,
}

/// Compares and completes. The journal goes up to `in_journal`; nobody but this process can append to it any more.
///
/// Errors: the DB, or the target. Cancellation: safe, each side changes as a whole or is completed at the next start.
pub(super) async fn reconcile(
    disk: &dyn Store,
    line: &Arc<Line>,
    topic: &Topic,
    in_journal: Option<Revision>,
) -> Result<Reconciled> {
    let name = line.link();
    // What was lined up in an earlier term is either in the DB when it is compared, or never will be.
    disk.commit(Update::new()).await?;
    let of_db = match stored_revision(disk, name)? {
        Some(revision) => Some(revision),
        None => (!entries_of(disk, name)?.is_empty()).then_some(Revision::BEFORE),
    };
    if of_db == in_journal {
        return Ok(Reconciled::Equal);
    }
    let copied = topic.read_all().await?.entries;
    let stored = entries_of(disk, name)?;
    if in_journal > of_db {
        let mut update = Update::of(difference(&stored, &copied));
        if let Some(revision) = in_journal {
            put_revision(&mut update, name, revision);
        }
        disk.commit(update).await?;
        return Ok(Reconciled::Restored);
    }
    line.supplement(difference(&copied, &stored), of_db).await?;
    Ok(Reconciled::Supplemented)
}

/// Everything a link's journal holds.
///
/// Errors: `Refused` if there is none; the target doesn't answer.
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
    /// The entries, and up to where they go, as a DB holds them.
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

/// Replaces what the DB holds of a link by what its journal held; gives the number of entries.
///
/// Errors: the DB failed.
pub async fn rebuild(disk: &dyn Store, link: &LinkName, journal: &Contents) -> Result<usize> {
    let known = entries_of(disk, link)?;
    let mut update = Update::of(difference(&known, &journal.entries));
    match journal.head().and_then(|head| head.revision) {
        Some(revision) => put_revision(&mut update, link, revision),
        None => update.delete(Space::Meta, keys::revision(link)),
    }
    disk.commit(update).await?;
    Ok(journal.len())
}

/// What has to change in `from` to make it `to`.
pub(super) fn difference(from: &Entries, to: &Entries) -> Vec<Change> {
    let gone = from.keys().filter(|key| !to.contains_key(*key));
    let gone = gone.map(|key| (key.clone(), None));
    let new = to
        .iter()
        .filter(|(key, value)| from.get(*key) != Some(value));
    let new = new.map(|(key, value)| (key.clone(), Some(value.clone())));
    gone.chain(new).collect()
}

/// Everything the DB holds of a link.
pub(crate) fn entries_of(store: &dyn Store, link: &LinkName) -> Result<Entries> {
    let mut entries = Entries::new();
    for (space, prefix) in keys::prefixes_of(link) {
        for (key, value) in store.scan(space, &prefix, usize::MAX)? {
            entries.insert(space.full_key(&key), value);
        }
    }
    for (key, value) in store.scan(Space::Operations, &[], usize::MAX)? {
        let key = Space::Operations.full_key(&key);
        if keys::link_of(&key, Some(&value)).as_ref() == Some(link) {
            entries.insert(key, value);
        }
    }
    Ok(entries)
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
            let changes = difference(&from, &to);
            let mut made = from.clone();
            for (key, value) in &changes {
                match value {
                    Some(value) => made.insert(key.clone(), value.clone()),
                    None => made.remove(key),
                };
            }
            prop_assert_eq!(&made, &to);
            prop_assert_eq!(difference(&to, &to), vec![]);
        }
    }
}
