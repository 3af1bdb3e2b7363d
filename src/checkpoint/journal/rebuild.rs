//! Makes a DB's entries of a link those of its journal, by an operator's wish.

use super::difference::{difference, entries_of};
use super::line::put_revision;
use super::{Contents, Topic};
use crate::checkpoint::dump::FullEntry;
use crate::checkpoint::store::{Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::kafka::wire::Cluster;
use crate::model::LinkName;

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
        None => update.delete(Space::Meta, crate::checkpoint::keys::revision(link)),
    }
    disk.commit(update).await?;
    Ok(journal.len())
}
