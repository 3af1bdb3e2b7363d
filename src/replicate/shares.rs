//! Which partitions the next fetch of a connection asks for, in which order, and for how many bytes.
//!
//! Pure. A broker fills an answer in the order of what was asked until it is full, so the order decides. Live partitions come
//! before those that are behind, and among their like those come first that got least. Where there is not enough for
//! all, only live ones are asked for. So that others don't starve, one of them goes before everybody once live ones got seven times what it asks for.

use super::demand::{Demand, Rank};

/// Live partitions get so many times as much as those behind, where both want all there is.
const LIVE_SHARES: usize = 7;

/// A partition that could be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its place in the worker.
    pub(crate) index: usize,
    /// Whether it is live.
    pub(crate) rank: Rank,
    /// Up to where it was served.
    pub(crate) served: u64,
}

impl Candidate {
    /// A partition with its demand.
    pub(crate) fn new(index: usize, demand: &Demand) -> Self {
        Self {
            index,
            rank: demand.rank(),
            served: demand.served(),
        }
    }
}

/// How many bytes an answer may bring now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Means {
    /// If only live partitions are asked for; 0: not even those.
    pub(crate) live: usize,
    /// If others are asked for, too; 0: not those.
    pub(crate) behind: usize,
    /// One partition's share.
    pub(crate) partition: usize,
}

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shares {
    /// Partitions, the first one first, each with its bytes at most.
    pub(crate) wanted: Vec<(usize, usize)>,
    /// Bytes of the whole answer.
    pub(crate) bytes: usize,
    /// Whether partitions that are behind are among them.
    pub(crate) behind: bool,
}

/// What partitions that are behind are owed by live ones.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// What live ones got since, in bytes.
    passed: usize,
}

impl Patience {
    /// Notes that live partitions got so many bytes while others were waiting.
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.passed = self.passed.saturating_add(bytes);
    }

    /// Notes that those behind got so many bytes.
    pub(crate) fn serve(&mut self, bytes: usize) {
        let worth = bytes.saturating_mul(LIVE_SHARES);
        self.passed = self.passed.saturating_sub(worth);
    }

    /// Whether it is the turn of one of those behind, with this share.
    pub(crate) fn is_out(&self, share: usize) -> bool {
        self.passed >= share.saturating_mul(LIVE_SHARES)
    }
}

/// Divides an answer; `favour` says that it is the turn of one of those behind, which then has the means of live ones.
///
/// None if nobody may be asked for now.
pub(crate) fn divide(mut candidates: Vec<Candidate>, means: Means, favour: bool) -> Option<Shares> {
    candidates.sort_by_key(|it| (it.rank, it.served));
    let first_behind = candidates.partition_point(|it| it.rank == Rank::Live);
    let favoured = candidates
        .get(first_behind)
        .filter(|_| favour && means.live > 0)
        .copied();
    let may = |rank| match rank {
        Rank::Live => means.live > 0,
        Rank::Behind => means.behind > 0,
    };
    let asked: Vec<Candidate> = candidates
        .into_iter()
        .filter(|it| may(it.rank) && favoured.is_none_or(|favoured| favoured.index != it.index))
        .collect();
    let behind = favoured.is_some() || asked.iter().any(|it| it.rank == Rank::Behind);
    let bytes = if behind && means.behind > 0 {
        means.behind
    } else {
        means.live
    };
    let share = means.partition.min(bytes);
    // Nobody before live partitions takes the whole answer, unless they want none of it.
    let leading = if first_behind > 0 {
        share.min(bytes / 2)
    } else {
        share
    };
    let wanted: Vec<(usize, usize)> = favoured
        .map(|it| (it.index, leading.max(1)))
        .into_iter()
        .chain(asked.iter().map(|it| (it.index, share)))
        .collect();
    (!wanted.is_empty()).then_some(Shares {
        wanted,
        bytes,
        behind,
    })
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
