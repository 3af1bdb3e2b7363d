//! The checkpoint DB together with the journals of its links.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::checkpoint::store::{Entry, PendingCommit, Space, Store, Update};
use crate::checkpoint::{keys, layout};
use crate::error::{Error, Kind, Result};
use crate::model::LinkName;
use crate::task::Ownership;

use super::{JournalQueue, JournalSettings, Renew, Restored, Tell, Tenure, acquire};

/// A store that copies the entries of some links into their journals.
///
/// Reads come from the DB. Updates of a link with a journal are refused while this process doesn't own the link.
#[derive(Debug)]
pub struct JournaledStore {
    disk: Arc<dyn Store>,
    lines: RwLock<BTreeMap<LinkName, Arc<JournalQueue>>>,
    renew: Renew,
}

impl JournaledStore {
    /// A store over a DB, without journals yet; `renew` converts values in the DB that are too large for a journal.
    pub fn new(disk: Arc<dyn Store>, renew: Renew) -> Self {
        Self {
            disk,
            lines: RwLock::default(),
            renew,
        }
    }

    /// Sets whether a link keeps a journal; must be called before any work for the link. It stays set after the link is
    /// removed: later updates of the link are refused, because its journal would lack them.
    pub fn set_journal(&self, link: &LinkName, is_kept: bool) {
        let mut lines = self.lines.write();
        if is_kept {
            let new = || Arc::new(JournalQueue::new(link.clone()));
            lines.entry(link.clone()).or_insert_with(new);
        } else {
            lines.remove(link);
        }
    }

    /// Waits until this process owns a link and the DB is complete; from then on `ownership` shows whether the lease is
    /// held. `restored` is called before that if the DB was restored from the journal.
    ///
    /// Errors: the DB failed, or the link has no journal; errors of the target are reported and retried.
    /// Cancellation: safe; a claim already made has to expire.
    pub async fn own(
        &self,
        link: &LinkName,
        settings: &JournalSettings,
        ownership: &Ownership,
        (tell, restored): (Tell<'_>, Restored<'_>),
    ) -> Result<Tenure> {
        let of_link = self.lines.read().get(link).cloned();
        let of_link = of_link
            .ok_or_else(|| Error::new(Kind::Invalid, format!("link {link} keeps no journal")))?;
        let candidate = acquire::Candidate {
            settings,
            disk: &*self.disk,
            line: &of_link,
            ownership,
            renew: self.renew,
            restored,
        };
        candidate.own(tell).await
    }

    /// The queue of the link that an update concerns, if it has a journal.
    fn line(&self, update: &Update) -> Option<Arc<JournalQueue>> {
        let links = update.changes().iter();
        let mut links = links.filter_map(|(key, value)| keys::link_of(key, value.as_deref()));
        self.lines.read().get(&links.next()?).cloned()
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

    fn commit(&self, mut update: Update) -> PendingCommit {
        layout::complete(&mut update);
        match self.line(&update) {
            Some(line) => line.commit(&*self.disk, update),
            None => self.disk.commit(update),
        }
    }
}

#[cfg(test)]
mod tests;
