//! The checkpoint DB without a disk: the same behaviour, gone with the process. For tests and trials.

use std::collections::BTreeMap;
use std::ops::Bound;

use parking_lot::RwLock;

use super::store::{Entry, PendingCommit, Space, Store, Update};
use crate::error::Result;

/// A store whose updates are durable, as far as memory goes, when `commit` returns.
#[derive(Debug, Default)]
pub struct MemoryStore {
    entries: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.entries.read().get(&space.full_key(key)).cloned())
    }

    fn floor(&self, space: Space, prefix: &[u8], key: &[u8]) -> Result<Option<Entry>> {
        if !key.starts_with(prefix) {
            return Ok(None);
        }
        let entries = self.entries.read();
        let mut up_to = entries.range(space.full_key(prefix)..=space.full_key(key));
        Ok(up_to.next_back().map(entry))
    }

    fn scan_from(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let prefix_key = space.full_key(prefix);
        let start = space.full_key(from.max(prefix));
        let entries = self.entries.read();
        let found = entries
            .range((Bound::Included(start), Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&prefix_key));
        Ok(found.take(limit).map(entry).collect())
    }

    fn commit(&self, update: Update) -> PendingCommit {
        let mut entries = self.entries.write();
        for (key, value) in update.into_changes() {
            match value {
                Some(value) => entries.insert(key, value),
                None => entries.remove(&key),
            };
        }
        PendingCommit::decided(Ok(()))
    }
}

fn entry((key, value): (&Vec<u8>, &Vec<u8>)) -> Entry {
    (key[1..].to_vec(), value.clone())
}
