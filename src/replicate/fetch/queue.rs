//! The partitions of a source connection, sorted for its next fetch.
//!
//! Pure. Promises: finding the partitions to request costs time in proportion to what changed and what is requested, however
//! many partitions there are. Doesn't: decide how many of those behind are requested, or notify the source.

use std::collections::{BTreeMap, BTreeSet};

/// A partition's place in the fetch queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
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
pub(crate) struct Crowd {
    stands: BTreeMap<usize, Stand>,
    live: usize,
    full: BTreeSet<usize>,
    /// Those behind, the one served least first.
    behind: BTreeSet<(u64, usize)>,
    /// Those behind that may be part of the source's fetch session.
    told: BTreeSet<usize>,
}

impl Crowd {
    /// Updates a partition's place. The caller adds a live one to the fetch session, and removes one that is away or full.
    pub(crate) fn put(&mut self, index: usize, stand: Stand) {
        let was = self.stands.insert(index, stand).unwrap_or(Stand::Away);
        match was {
            Stand::Away => {}
            Stand::Full => drop(self.full.remove(&index)),
            Stand::Live => {
                self.live -= 1;
                self.told.insert(index);
            }
            Stand::Behind { served } => drop(self.behind.remove(&(served, index))),
        }
        match stand {
            Stand::Away => drop(self.stands.remove(&index)),
            Stand::Full => drop(self.full.insert(index)),
            Stand::Live => self.live += 1,
            Stand::Behind { served } => {
                self.behind.insert((served, index));
                return;
            }
        }
        self.told.remove(&index);
        debug_assert!(self.live <= self.stands.len(), "live ones stand here");
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
mod tests {
    use super::*;

    fn behind(served: u64) -> Stand {
        Stand::Behind { served }
    }

    fn choice(crowd: &mut Crowd, count: usize) -> (Vec<usize>, Vec<usize>) {
        let Choice { asked, left } = crowd.choose(count);
        (asked, left)
    }

    #[test]
    fn who_got_least_is_asked_for_and_who_was_before_is_left() {
        let mut crowd = Crowd::default();
        for (index, served) in [(0, 9), (1, 3), (2, 5)] {
            crowd.put(index, behind(served));
        }
        assert_eq!(choice(&mut crowd, 2), (vec![1, 2], vec![]));
        crowd.put(1, behind(10));
        assert_eq!(choice(&mut crowd, 2), (vec![2, 0], vec![1]));
        assert_eq!(choice(&mut crowd, 0), (vec![], vec![0, 2]));
        assert_eq!(choice(&mut crowd, 9), (vec![2, 0, 1], vec![]));
    }

    #[test]
    fn a_live_one_that_fell_behind_is_left_unless_it_is_chosen() {
        let mut crowd = Crowd::default();
        crowd.put(0, Stand::Live);
        crowd.put(1, Stand::Live);
        assert!(crowd.has_live());
        crowd.put(0, behind(0));
        crowd.put(1, behind(1));
        assert!(!crowd.has_live());
        assert_eq!(choice(&mut crowd, 1), (vec![0], vec![1]));
    }

    #[test]
    fn the_full_and_those_that_went_are_not_chosen() {
        let mut crowd = Crowd::default();
        for index in 0..3 {
            crowd.put(index, behind(0));
        }
        assert_eq!(crowd.choose(3).asked, [0, 1, 2]);
        crowd.put(0, Stand::Full);
        crowd.put(1, Stand::Away);
        crowd.put(2, Stand::Live);
        assert_eq!((crowd.behind(), crowd.full().len()), (0, 1));
        // The caller has updated the fetch session already.
        assert_eq!(choice(&mut crowd, 3), (vec![], vec![]));
        crowd.put(0, behind(0));
        assert_eq!(crowd.choose(3).asked, [0]);
        crowd.put(0, Stand::Away);
        crowd.put(2, Stand::Away);
        assert!(crowd.stands.is_empty() && !crowd.has_live());
    }
}
