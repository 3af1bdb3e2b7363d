//! Records of a compacted topic that one side lacks, until a later record with the same key explains why.

use std::collections::HashMap;

use super::tally::DifferenceKind;
use crate::model::SourceOffset;

/// The maximum number of records waiting: a few megabytes.
pub(crate) const LIMIT: usize = 1 << 16;

/// A record that one side lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting {
    /// The source offset it corresponds to.
    pub(crate) at: SourceOffset,
    pub(crate) kind: DifferenceKind,
    /// The offset on the side that holds it.
    pub(crate) offset: i64,
}

/// The waiting records, by the hashes of their keys.
#[derive(Debug, Default)]
pub(crate) struct PendingRecords(HashMap<u128, Waiting>);

impl PendingRecords {
    /// Notes that a record with this key follows; returns whether that explains a waiting one.
    pub(crate) fn explain(&mut self, key: u128) -> bool {
        self.0.remove(&key).is_some()
    }

    /// Makes a record wait whose key no other one waits for; returns `false` if there is no room.
    pub(crate) fn wait(&mut self, key: u128, waiting: Waiting) -> bool {
        if self.0.len() >= LIMIT {
            return false;
        }
        self.0.insert(key, waiting);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes and returns all waiting records, in order.
    pub(crate) fn take(&mut self) -> Vec<Waiting> {
        let mut waiting: Vec<Waiting> = self.0.drain().map(|(_, waiting)| waiting).collect();
        waiting.sort_unstable();
        waiting
    }
}
