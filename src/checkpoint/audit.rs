//! The audit log: entries in the order in which they were made, each written in the update it tells of.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::json;
use super::store::{Space, Store, Update};
use crate::error::Result;

/// Numbers the entries. There is one for a store.
#[derive(Debug)]
pub struct AuditLog {
    store: Arc<dyn Store>,
    next: AtomicU64,
}

impl AuditLog {
    /// Goes on behind the last entry stored. Errors are those of the store.
    pub fn open(store: Arc<dyn Store>) -> Result<Self> {
        let last = store.floor(Space::Audit, &[], &key(u64::MAX))?;
        let next = last
            .and_then(|(key, _)| number(&key))
            .map_or(0, |last| last + 1);
        Ok(Self {
            store,
            next: AtomicU64::new(next),
        })
    }

    /// Adds an entry to an update and gives its number. The numbers of updates never committed are missing from the log.
    pub fn append(&self, update: &mut Update, entry: &Value) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        json::put(update, Space::Audit, &key(number), entry);
        number
    }

    /// The latest entries with their numbers, newest first. Errors are those of the store.
    pub fn latest(&self, limit: usize) -> Result<Vec<(u64, Value)>> {
        let mut entries = Vec::new();
        let mut before = self.next.load(Ordering::Relaxed);
        while let Some(newest) = before.checked_sub(1).filter(|_| entries.len() < limit) {
            let Some((found, value)) = self.store.floor(Space::Audit, &[], &key(newest))? else {
                break;
            };
            let Some(number) = number(&found) else { break };
            entries.push((number, json::read(Space::Audit, &found, &value)?));
            before = number;
        }
        Ok(entries)
    }
}

fn key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

fn number(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}
