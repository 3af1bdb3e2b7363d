//! The checkpoint DB together with the journals of its links.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::checkpoint::keys;
use crate::checkpoint::store::{Committed, Entry, Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::LinkName;
use crate::task::Ownership;

use super::{JournalSettings, Line, Tell, Tenure, acquire};

/// A store that copies the entries of some links into their journals.
///
/// Reads are the DB's. Updates of a link with a journal are refused while this process doesn't own the link.
#[derive(Debug)]
pub struct JournaledStore {
    disk: Arc<dyn Store>,
    lines: BTreeMap<LinkName, Arc<Line>>,
}

impl JournaledStore {
    /// Over a DB, with journals for these links.
    pub fn new(disk: Arc<dyn Store>, links: impl IntoIterator<Item = LinkName>) -> Self {
        let line = |link: LinkName| (link.clone(), Arc::new(Line::new(link)));
        Self {
            disk,
            lines: links.into_iter().map(line).collect(),
        }
    }

    /// Waits until this process owns a link and the DB is whole; `ownership` says from then on whether the lease is held.
    ///
    /// Errors: the DB failed, or the link has no journal; whatever the target says is told and tried again.
    /// Cancellation: safe; a claim already made has to run out.
    pub async fn own(
        &self,
        link: &LinkName,
        settings: &JournalSettings,
        ownership: &Ownership,
        tell: Tell<'_>,
    ) -> Result<Tenure> {
        let of_link = self
            .lines
            .get(link)
            .ok_or_else(|| Error::new(Kind::Invalid, format!("link {link} keeps no journal")))?;
        let candidate = acquire::Candidate {
            settings,
            disk: &*self.disk,
            line: of_link,
            ownership,
        };
        candidate.own(tell).await
    }

    /// The line of the link that an update concerns, if that has a journal.
    fn line(&self, update: &Update) -> Option<&Arc<Line>> {
        let links = update.changes().iter();
        let mut links = links.filter_map(|(key, value)| keys::link_of(key, value.as_deref()));
        self.lines.get(&links.next()?)
    }
}

impl Store for JournaledStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.disk.get(space, key)
    }

    fn floor(&self, space: Space, prefix: &[u8], key: &[u8]) -> Result<Option<Entry>> {
        self.disk.floor(space, prefix, key)
    }

    fn scan_from(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>> {
        self.disk.scan_from(space, prefix, from, limit)
    }

    fn commit(&self, update: Update) -> Committed {
        match self.line(&update) {
            Some(line) => line.commit(&*self.disk, update),
            None => self.disk.commit(update),
        }
    }
}
