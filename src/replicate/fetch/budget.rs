//! How far a partition is behind, as far as the order of work depends on it.
//!
//! Pure. A partition is *live* if what the source still has of it fits into its share of one fetch, and remains live until
//! that grows to a few shares: one that falls behind for a moment doesn't go to the end of the queue. This is about bytes to
//! fetch; the state shown is about records missing on the target.

use std::time::Duration;

use crate::replicate::fetch::request_size::RequestSizer;

/// A live partition is behind once it misses more than this many shares.
const SLACK: u64 = 4;
/// The assumed size of an offset before anything was fetched, in bytes.
const FIRST_GUESS: u64 = 1024;

/// The priority of a partition. Live ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// One fetch brings it to the end of the source's log.
    Live,
    Behind,
}

/// The demand of a partition. Until it is judged for the first time, it is fetched as if it were live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    rank: Rank,
    /// Whether it was judged yet.
    known: bool,
    /// How far it was served, on the clock of its rank.
    served: u64,
    /// Bytes per offset, as of the last fetch.
    offset_bytes: u64,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            rank: Rank::Live,
            known: false,
            served: 0,
            offset_bytes: FIRST_GUESS,
        }
    }
}

impl Demand {
    /// Returns its rank.
    pub(crate) fn rank(&self) -> Rank {
        self.rank
    }

    /// Returns how far it was served, on the clock of its rank: the one served least is next.
    pub(crate) fn served(&self) -> u64 {
        self.served
    }

    /// Records that `bytes` of `offsets` were fetched at the time `clock` of its rank; returns where they begin on that
    /// clock.
    ///
    /// This is start-time fair queueing: the clock then advances to the earliest begin. A partition that was idle for long
    /// doesn't make up for it.
    pub(crate) fn serve(&mut self, clock: u64, bytes: usize, offsets: i64) -> u64 {
        let begin = self.served.max(clock);
        self.served = begin.saturating_add(bytes as u64);
        self.offset_bytes = (bytes as u64).div_ceil(offsets.max(1).unsigned_abs());
        begin
    }

    /// Joins other partitions, whose clock is a different one.
    pub(crate) fn move_over(&mut self) {
        self.served = 0;
    }

    /// Judges it by the number of offsets the source still has; `share` is the bytes of it that one fetch brings.
    pub(crate) fn judge(&mut self, offsets: i64, share: usize) {
        let missing = offsets
            .max(0)
            .unsigned_abs()
            .saturating_mul(self.offset_bytes);
        let limit = match self.rank {
            Rank::Live if self.known => (share as u64).saturating_mul(SLACK),
            Rank::Live | Rank::Behind => share as u64,
        };
        self.known = true;
        let rank = if missing <= limit {
            Rank::Live
        } else {
            Rank::Behind
        };
        if rank != self.rank {
            self.rank = rank;
            self.move_over();
        }
    }
}

/// What a fetch brought, by rank.
#[derive(Debug, Default)]
pub(crate) struct Brought {
    live: Part,
    behind: Part,
}

#[derive(Debug, Default)]
struct Part {
    bytes: usize,
    /// The earliest begin on the clock.
    begin: Option<u64>,
}

impl Brought {
    /// Returns the bytes of partitions of a rank.
    pub(crate) fn bytes(&self, rank: Rank) -> usize {
        match rank {
            Rank::Live => self.live.bytes,
            Rank::Behind => self.behind.bytes,
        }
    }

    /// Returns the bytes of all partitions.
    pub(crate) fn total(&self) -> usize {
        self.live.bytes + self.behind.bytes
    }
}

/// The clocks of a connection's partitions, one for each rank, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    live: u64,
    behind: u64,
}

impl Clocks {
    /// Records that a fetch brought `bytes` of `offsets` of a partition.
    pub(crate) fn serve(
        &self,
        demand: &mut Demand,
        brought: &mut Brought,
        (bytes, offsets): (usize, i64),
    ) {
        let (clock, part) = match demand.rank() {
            Rank::Live => (self.live, &mut brought.live),
            Rank::Behind => (self.behind, &mut brought.behind),
        };
        part.bytes += bytes;
        // A batch that was cut off is sent again.
        if offsets > 0 && bytes > 0 {
            let begin = demand.serve(clock, bytes, offsets);
            part.begin = Some(part.begin.map_or(begin, |earliest| earliest.min(begin)));
        }
    }

    /// Advances the clocks after an answer.
    pub(crate) fn go_on(&mut self, brought: &Brought) {
        self.live = brought.live.begin.unwrap_or(self.live);
        self.behind = brought.behind.begin.unwrap_or(self.behind);
    }
}

/// Live partitions get this many times as much as those behind, if both could use everything.
const LIVE_SHARES: usize = 7;

/// How many bytes an answer may bring now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteBudget {
    /// If only live partitions are requested; 0 if not even those may be.
    pub(crate) live: usize,
    /// If partitions behind are requested too; 0 if they may not be.
    pub(crate) behind: usize,
    /// One partition's share.
    pub(crate) partition: usize,
    /// What live partitions took of the last answer.
    pub(crate) taken: usize,
    /// Whether those behind are all requested at once.
    pub(crate) together: bool,
}

/// What to request in addition to all live partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// The number of partitions behind.
    pub(crate) behind: usize,
    /// The most bytes of each of them.
    pub(crate) share: usize,
    /// The most bytes of the whole answer.
    pub(crate) bytes: usize,
}

/// What live partitions owe to those behind.
#[derive(Debug, Default)]
pub(crate) struct FairnessCredit {
    /// What live partitions got since, in bytes.
    passed: usize,
}

impl FairnessCredit {
    /// Records that live partitions got `bytes` while others were waiting.
    pub(crate) fn pass(&mut self, bytes: usize) {
        self.passed = self.passed.saturating_add(bytes);
    }

    /// Records that those behind got `bytes`.
    pub(crate) fn serve(&mut self, bytes: usize) {
        let worth = bytes.saturating_mul(LIVE_SHARES);
        self.passed = self.passed.saturating_sub(worth);
    }

    /// Whether it is the turn of one of those behind, with this share.
    pub(crate) fn is_out(&self, share: usize) -> bool {
        self.passed >= share.saturating_mul(LIVE_SHARES)
    }
}

/// Divides an answer among live partitions, if there are any, and `behind` others. With `favour` it is the turn of one of
/// the others, which may then use the means of live ones.
///
/// Returns `None` if nothing may be requested now.
pub(crate) fn divide(live: bool, behind: usize, means: ByteBudget, favour: bool) -> Option<Shares> {
    if behind > 0 && means.behind > 0 {
        let bytes = means.behind;
        let least = bytes / (LIVE_SHARES + 1);
        let kept = (2 * means.taken).clamp(least, bytes / 2);
        let room = if live { bytes - kept } else { bytes };
        let share = means.partition.min(room).max(1);
        let fitting = (room / share).clamp(1, behind);
        return Some(Shares {
            behind: if means.together { behind } else { fitting },
            share,
            bytes,
        });
    }
    let bytes = means.live;
    let is_their_turn = favour && behind > 0;
    let share = if live { bytes / 2 } else { bytes };
    (bytes > 0 && (live || is_their_turn)).then_some(Shares {
        behind: usize::from(is_their_turn),
        share: means.partition.min(share).max(1),
        bytes,
    })
}

/// What was measured about the fetches of one connection.
#[derive(Debug, Default)]
pub(crate) struct FetchHistory {
    pub(crate) clocks: Clocks,
    pub(crate) request_sizer: RequestSizer,
    pub(crate) credit: FairnessCredit,
    /// The time from which partitions behind may be requested again, so that other connections get their part of the rate.
    pub(crate) next: Duration,
    /// The turn in which partitions behind were last requested.
    pub(crate) rotation: u64,
    /// What live partitions took of the last answer, in bytes.
    pub(crate) taken: usize,
}

/// What a fetch was sent with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SentFetch {
    /// Bytes it may bring.
    pub(crate) bytes: usize,
    /// The part of `bytes` paid for in advance.
    pub(crate) paid: usize,
    /// Whether partitions behind are among those requested.
    pub(crate) behind: bool,
    pub(crate) at: Duration,
}

#[cfg(test)]
mod tests;
