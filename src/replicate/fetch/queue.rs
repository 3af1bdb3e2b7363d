//! The partitions of a source connection, sorted for its next fetch.
//!
//! Pure. Promises: finding the partitions to request costs time in proportion to what changed and what is requested, however
//! many partitions there are. Doesn't: decide how many of those behind are requested, or notify the source.

use std::collections::{BTreeMap, BTreeSet};

/// A partition's place in the fetch queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueuePlace {
    /// It doesn't flow on this connection.
    Away,
    /// It holds enough.
    Full,
    /// It is live, and part of every fetch.
    Live,
    Behind {
        /// How far it was served, on the clock of its rank.
        served: u64,
    },
}

/// The partitions of a connection, by their index in the worker.
#[derive(Debug, Default)]
pub(crate) struct FetchQueue {
    stands: BTreeMap<usize, QueuePlace>,
    live: usize,
    full: BTreeSet<usize>,
    /// Those behind, the one served least first.
    behind: BTreeSet<(u64, usize)>,
    /// Those behind that may be part of the source's fetch session.
    told: BTreeSet<usize>,
}

impl FetchQueue {
    /// Updates a partition's place. The caller adds a live one to the fetch session, and removes one that is away or full.
    pub(crate) fn put(&mut self, index: usize, stand: QueuePlace) {
        let was = self.stands.insert(index, stand).unwrap_or(QueuePlace::Away);
        match was {
            QueuePlace::Away => {}
            QueuePlace::Full => drop(self.full.remove(&index)),
            QueuePlace::Live => {
                self.live -= 1;
                self.told.insert(index);
            }
            QueuePlace::Behind { served } => drop(self.behind.remove(&(served, index))),
        }
        match stand {
            QueuePlace::Away => drop(self.stands.remove(&index)),
            QueuePlace::Full => drop(self.full.insert(index)),
            QueuePlace::Live => self.live += 1,
            QueuePlace::Behind { served } => {
                self.behind.insert((served, index));
                return;
            }
        }
        self.told.remove(&index);
        debug_assert!(self.live <= self.stands.len(), "live ones stand here");
    }

    /// Whether a partition is part of every fetch.
    pub(crate) fn is_live(&self, index: usize) -> bool {
        self.stands.get(&index) == Some(&QueuePlace::Live)
    }

    /// Whether a partition is part of the next fetch.
    pub(crate) fn is_asked(&self, index: usize) -> bool {
        self.is_live(index) || self.told.contains(&index)
    }

    /// Whether any partition is live.
    pub(crate) fn has_live(&self) -> bool {
        self.live > 0
    }

    /// Returns how many are behind.
    pub(crate) fn behind(&self) -> usize {
        self.behind.len()
    }

    /// Returns those that are full.
    pub(crate) fn full(&self) -> &BTreeSet<usize> {
        &self.full
    }

    /// Chooses `count` of those behind to request, and those no longer to request.
    pub(crate) fn choose(&mut self, count: usize) -> Choice {
        let asked: Vec<usize> = self.behind.iter().take(count).map(|it| it.1).collect();
        let told = asked.iter().copied().collect();
        let before = std::mem::replace(&mut self.told, told);
        Choice {
            left: before.difference(&self.told).copied().collect(),
            asked,
        }
    }
}

/// The changes of a fetch session for partitions behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Partitions to request.
    pub(crate) asked: Vec<usize>,
    /// Partitions no longer to request.
    pub(crate) left: Vec<usize>,
}

#[cfg(test)]
mod tests;
