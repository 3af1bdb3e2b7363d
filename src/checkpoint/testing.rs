//! A checkpoint DB that fails on demand, and entries for it, for tests.

use parking_lot::Mutex;

use super::memory::MemoryStore;
use super::store::{Entry, PendingCommit, Space, Store, Update};
use crate::checkpoint::LinkRecord;
use crate::error::{Error, Kind, Result};
use crate::model::LinkIdentity;

/// A [`MemoryStore`] in which one update fails and stores nothing.
#[derive(Debug, Default)]
pub(crate) struct FailingStore {
    entries: MemoryStore,
    fails_after: Mutex<Option<usize>>,
}

impl FailingStore {
    /// Lets one update fail after `updates` successful ones.
    pub(crate) fn fail_after(&self, updates: usize) {
        *self.fails_after.lock() = Some(updates);
    }
}

impl Store for FailingStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.entries.get(space, key)
    }

    fn floor(&self, space: Space, prefix: &[u8], key: &[u8]) -> Result<Option<Entry>> {
        self.entries.floor(space, prefix, key)
    }

    fn scan_from(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>> {
        self.entries.scan_from(space, prefix, from, limit)
    }

    fn commit(&self, update: Update) -> PendingCommit {
        let mut fails_after = self.fails_after.lock();
        if *fails_after == Some(0) {
            *fails_after = None;
            return PendingCommit::decided(Err(Error::new(Kind::Store, "disk full")));
        }
        *fails_after = fails_after.map(|updates| updates - 1);
        self.entries.commit(update)
    }
}

/// The record of link `l`.
pub(super) fn link_record(paused: bool) -> LinkRecord {
    LinkRecord {
        identity: LinkIdentity {
            link: "l".into(),
            source_cluster_id: "a".into(),
            target_cluster_id: "b".into(),
        },
        initialized: true,
        paused,
    }
}
