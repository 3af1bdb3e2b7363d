//! A checkpoint DB that fails or is slow on demand, and entries for it, for tests.

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::memory::MemoryStore;
use super::store::{Entry, PendingCommit, Space, Store, Update};
use crate::checkpoint::LinkRecord;
use crate::error::{Error, Kind, Result};
use crate::model::LinkIdentity;

/// A [`MemoryStore`] in which one update fails and stores nothing, or updates take their time.
#[derive(Debug, Default)]
pub(crate) struct FailingStore {
    entries: MemoryStore,
    fails_after: Mutex<Option<usize>>,
    /// The updates whose end isn't told yet; `None` if each is told at once.
    slow: Mutex<Option<Vec<oneshot::Sender<Result<()>>>>>,
}

impl FailingStore {
    /// Lets one update fail after `updates` successful ones.
    pub(crate) fn fail_after(&self, updates: usize) {
        *self.fails_after.lock() = Some(updates);
    }

    /// Lets no update become durable before [`Self::finish`].
    pub(crate) fn be_slow(&self) {
        *self.slow.lock() = Some(Vec::new());
    }

    /// Makes all updates durable, and later ones at once.
    pub(crate) fn finish(&self) {
        for done in self.slow.lock().take().into_iter().flatten() {
            let _ = done.send(Ok(()));
        }
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
        let committed = self.entries.commit(update);
        let mut slow = self.slow.lock();
        let Some(waiting) = slow.as_mut() else {
            return committed;
        };
        let (done, later) = PendingCommit::open();
        waiting.push(done);
        later
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
