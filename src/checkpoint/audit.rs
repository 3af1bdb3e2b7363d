//! The audit log: entries in the order they were made, each written in the update it describes.
//!
//! Entries of a link are stored by link and number, so that its journal holds them, the latest 10,000 of them. Entries that
//! belong to no link are in the DB only; so are entries that the first layout stored by number alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;

use super::json;
use super::keys::{self, Parts};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::LinkName;

/// The number of entries kept per link.
const KEPT: usize = 10_000;

/// Numbers the entries. There must be only one per store.
#[derive(Debug)]
pub struct AuditLog {
    store: Arc<dyn Store>,
    numbers: Mutex<Numbers>,
}

#[derive(Debug, Default)]
struct Numbers {
    next: u64,
    /// The approximate number of entries per link; exact once it reaches the maximum kept.
    counts: BTreeMap<LinkName, usize>,
}

impl AuditLog {
    /// Continues after the last entry stored. Errors: those of the store.
    pub fn open(store: Arc<dyn Store>) -> Result<Self> {
        let mut next = 0;
        for source in sources(&*store)? {
            let last = source.newest(&*store, u64::MAX)?;
            next = next.max(last.map_or(0, |last| last.number + 1));
        }
        let numbers = Numbers {
            next,
            ..Numbers::default()
        };
        Ok(Self {
            store,
            numbers: Mutex::new(numbers),
        })
    }

    /// Adds an entry to an update of `link`, or of none, and returns its number; removes the link's oldest entries beyond
    /// the maximum. Numbers given to updates that are never committed are missing from the log.
    pub fn append(&self, update: &mut Update, link: Option<&LinkName>, entry: &Value) -> u64 {
        let source = Source(link.cloned());
        let mut numbers = self.numbers.lock();
        // Another process may have written the link's last entries, which arrived with the journal. If the DB can't be read,
        // it can't be written either.
        let last = source.last_number(&*self.store).ok().flatten();
        let behind_last = last.map_or(0, |last| last + 1);
        if let (true, Some(link)) = (behind_last > numbers.next, link) {
            numbers.counts.remove(link);
        }
        let number = numbers.next.max(behind_last);
        numbers.next = number + 1;
        json::put(update, Space::Audit, &source.key(number), entry);
        if link.is_some() {
            self.remove_surplus(update, &source, number, &mut numbers);
        }
        number
    }

    /// Removes the link's oldest entries to make room for entry `number`.
    fn remove_surplus(
        &self,
        update: &mut Update,
        source: &Source,
        number: u64,
        numbers: &mut Numbers,
    ) {
        let Some(link) = &source.0 else { return };
        if usize::try_from(number).is_ok_and(|number| number < KEPT) {
            return;
        }
        let prefix = source.prefix();
        let oldest = |limit| {
            self.store
                .scan(Space::Audit, &prefix, limit)
                .unwrap_or_default()
        };
        let stored = match numbers.counts.get(link) {
            Some(&KEPT) => KEPT,
            Some(&count) if count + 1 < KEPT => count,
            // The count includes updates that were never committed.
            Some(_) | None => oldest(usize::MAX).len(),
        };
        for (key, _) in oldest((stored + 1).saturating_sub(KEPT)) {
            update.delete(Space::Audit, key);
        }
        let count = if stored < KEPT {
            // This update may never be committed.
            (stored + 1).min(KEPT - 1)
        } else {
            KEPT
        };
        numbers.counts.insert(link.clone(), count);
    }

    /// The latest entries with their numbers, newest first. Errors: those of the store.
    pub fn latest(&self, limit: usize) -> Result<Vec<(u64, Value)>> {
        let mut candidates = Vec::new();
        for source in sources(&*self.store)? {
            let newest = source.newest(&*self.store, u64::MAX)?;
            candidates.extend(newest.map(|entry| (source, entry)));
        }
        let mut entries = Vec::new();
        while entries.len() < limit {
            let newest = (0..candidates.len()).reduce(|one, other| {
                let is_older = candidates[one].1.is_older_than(&candidates[other].1);
                if is_older { other } else { one }
            });
            let Some(at) = newest else { break };
            let (source, entry) = candidates.swap_remove(at);
            if let Some(below) = entry.number.checked_sub(1)
                && let Some(next) = source.newest(&*self.store, below)?
            {
                candidates.push((source, next));
            }
            entries.push((entry.number, entry.value));
        }
        Ok(entries)
    }
}

/// The entries of one link, or of none, by ascending number.
#[derive(Debug)]
struct Source(Option<LinkName>);

#[derive(Debug)]
struct Entry {
    number: u64,
    at: Option<Timestamp>,
    value: Value,
}

impl Entry {
    /// Numbers given by different processes aren't comparable.
    fn is_older_than(&self, other: &Self) -> bool {
        match (self.at, other.at) {
            (Some(one), Some(other_at)) => (one, self.number) < (other_at, other.number),
            (None, _) | (_, None) => self.number < other.number,
        }
    }
}

impl Source {
    fn prefix(&self) -> Vec<u8> {
        self.0.as_ref().map_or(vec![0], keys::audit_of)
    }

    fn key(&self, number: u64) -> Vec<u8> {
        let of_link = self.0.as_ref().map(keys::audit_of);
        [of_link.unwrap_or_default(), number.to_be_bytes().to_vec()].concat()
    }

    /// The last entry with a number up to `up_to`.
    fn floor(&self, store: &dyn Store, up_to: u64) -> Result<Option<super::Entry>> {
        let up_to = match self.0 {
            Some(_) => up_to,
            // Keys that start with a zero byte belong to no link.
            None => up_to.min(u64::MAX >> 8),
        };
        store.floor(Space::Audit, &self.prefix(), &self.key(up_to))
    }

    fn last_number(&self, store: &dyn Store) -> Result<Option<u64>> {
        Ok(self
            .floor(store, u64::MAX)?
            .and_then(|(key, _)| number(&key)))
    }

    fn newest(&self, store: &dyn Store, up_to: u64) -> Result<Option<Entry>> {
        let Some((key, value)) = self.floor(store, up_to)? else {
            return Ok(None);
        };
        let number = number(&key).ok_or_else(|| json::unreadable(Space::Audit, &key))?;
        let value: Value = json::read(Space::Audit, &key, &value)?;
        let at = value["at"].as_str().and_then(|at| at.parse().ok());
        Ok(Some(Entry { number, at, value }))
    }
}

/// Every source that has entries, after the one without a link.
fn sources(store: &dyn Store) -> Result<Vec<Source>> {
    let mut sources = vec![Source(None)];
    let mut from = Vec::new();
    let all = keys::AUDIT_OF_LINKS;
    while let Some((key, _)) = store.scan_from(Space::Audit, all, &from, 1)?.pop() {
        let link = Parts::behind(all, &key).and_then(|mut parts| parts.name().map(LinkName::from));
        let link = link.ok_or_else(|| json::unreadable(Space::Audit, &key))?;
        let source = Source(Some(link));
        from = [source.key(u64::MAX), vec![0]].concat();
        sources.push(source);
    }
    Ok(sources)
}

fn number(key: &[u8]) -> Option<u64> {
    key.last_chunk().copied().map(u64::from_be_bytes)
}
