//! How far a partition is behind, as far as the order of work depends on it.
//!
//! Pure. A partition is *live* if what the source has more of it fits into its share of one fetch, and stays so until that
//! grew to a few shares: who falls behind for a moment doesn't go to the end of the queue. This is about bytes that still have to
//! be fetched; the state that is shown is about records that are missing on the target.

use std::time::Duration;

use crate::replicate::fetch::request_size::Stride;

/// A live partition is behind once it misses more than so many shares.
const SLACK: u64 = 4;
/// What an offset is taken for before anything was fetched, in bytes.
const FIRST_GUESS: u64 = 1024;

/// Which partitions go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// One fetch brings it to the end of the source's log.
    Live,
    /// It catches up.
    Behind,
}

/// What a partition wants. Until something is known of it, it is asked for as if it were live.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    rank: Rank,
    /// Whether it was judged yet.
    known: bool,
    /// Up to where it was served, by the clock of those it is served with.
    served: u64,
    /// Bytes of an offset, by what was fetched last.
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
    /// Who it is among others.
    pub(crate) fn rank(&self) -> Rank {
        self.rank
    }

    /// Up to where it was served: whoever has the least is next among its like.
    pub(crate) fn served(&self) -> u64 {
        self.served
    }

    /// Notes that so many bytes of so many offsets were fetched, at this time by the clock of its like; gives where they begin by it.
    ///
    /// This is start-time fair queueing: the clock then goes on to the earliest begin. Who wanted nothing for long doesn't get it afterwards.
    pub(crate) fn serve(&mut self, clock: u64, bytes: usize, offsets: i64) -> u64 {
        let begin = self.served.max(clock);
        self.served = begin.saturating_add(bytes as u64);
        self.offset_bytes = (bytes as u64).div_ceil(offsets.max(1).unsigned_abs());
        begin
    }

    /// Stands among others from now on, whose clock is another one.
    pub(crate) fn move_over(&mut self) {
        self.served = 0;
    }

    /// Judges it by how many offsets the source has more, `share` being the bytes of it that one fetch brings.
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
    /// The earliest begin by the clock.
    begin: Option<u64>,
}

impl Brought {
    /// Bytes of partitions of a rank.
    pub(crate) fn bytes(&self, rank: Rank) -> usize {
        match rank {
            Rank::Live => self.live.bytes,
            Rank::Behind => self.behind.bytes,
        }
    }

    /// Bytes in all.
    pub(crate) fn total(&self) -> usize {
        self.live.bytes + self.behind.bytes
    }
}

/// The clocks of the partitions of a connection, one for each rank, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    live: u64,
    behind: u64,
}

impl Clocks {
    /// Notes that a fetch brought so many bytes of so many offsets of a partition.
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

    /// Goes on behind an answer.
    pub(crate) fn go_on(&mut self, brought: &Brought) {
        self.live = brought.live.begin.unwrap_or(self.live);
        self.behind = brought.behind.begin.unwrap_or(self.behind);
    }
}

/// Live partitions get so many times as much as those behind, where both want all there is.
const LIVE_SHARES: usize = 7;

/// How many bytes an answer may bring now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Means {
    /// If only live partitions are asked for; 0: not even those.
    pub(crate) live: usize,
    /// If others are asked for, too; 0: not those.
    pub(crate) behind: usize,
    /// One partition's share.
    pub(crate) partition: usize,
    /// What live partitions took of the last answer.
    pub(crate) taken: usize,
    /// Whether those behind are asked for all at once.
    pub(crate) together: bool,
}

/// What to ask for beside all live partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// How many of those behind.
    pub(crate) behind: usize,
    /// Bytes of one of them at most.
    pub(crate) share: usize,
    /// Bytes of the whole answer.
    pub(crate) bytes: usize,
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

/// Divides an answer among live partitions, if there are any, and so many that are behind; `favour` says that it is the turn of one of
/// those, which then has the means of live ones.
///
/// None if nobody may be asked for now.
pub(crate) fn divide(live: bool, behind: usize, means: Means, favour: bool) -> Option<Shares> {
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
    let turn = favour && behind > 0;
    let share = if live { bytes / 2 } else { bytes };
    (bytes > 0 && (live || turn)).then_some(Shares {
        behind: usize::from(turn),
        share: means.partition.min(share).max(1),
        bytes,
    })
}

/// What the fetches of one connection learn.
#[derive(Debug, Default)]
pub(crate) struct Habits {
    pub(crate) clocks: Clocks,
    pub(crate) stride: Stride,
    pub(crate) patience: Patience,
    /// When such ones may be asked for again, so that those of other connections have their part of the rate.
    pub(crate) next: Duration,
    /// The turn in which such ones were last asked for.
    pub(crate) turn: u64,
    /// What live partitions took of the last answer, in bytes.
    pub(crate) taken: usize,
}

/// What a fetch was sent with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// Bytes it may bring.
    pub(crate) bytes: usize,
    /// Of these, what was paid for in advance.
    pub(crate) paid: usize,
    /// Whether partitions that are behind are among those asked for.
    pub(crate) behind: bool,
    pub(crate) at: Duration,
}

#[cfg(test)]
mod shares_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_live_while_little_is_missing_and_stays_so_a_while() {
        let mut demand = Demand::default();
        assert_eq!(demand.rank(), Rank::Live);
        demand.serve(0, 1000, 100);
        let mut late = demand;
        late.judge(101, 1000);
        assert_eq!(late.rank(), Rank::Behind, "it never was live");
        for (offsets, rank) in [
            (100, Rank::Live),
            (400, Rank::Live),
            (401, Rank::Behind),
            (101, Rank::Behind),
            (100, Rank::Live),
        ] {
            demand.judge(offsets, 1000);
            assert_eq!(demand.rank(), rank, "{offsets}");
        }
    }

    #[test]
    fn what_an_offset_weighs_is_learned() {
        let mut demand = Demand::default();
        demand.serve(0, 100_000, 10);
        for (offsets, rank) in [(2, Rank::Behind), (1, Rank::Live)] {
            demand.judge(offsets, 10_000);
            assert_eq!(demand.rank(), rank, "{offsets}");
        }
    }

    #[test]
    fn who_was_served_most_is_last_and_nothing_is_saved_up() {
        let mut demand = Demand::default();
        assert_eq!(demand.serve(0, 100, 1), 0);
        assert_eq!(demand.serve(50, 100, 1), 100);
        assert_eq!(demand.served(), 200);
        assert_eq!(demand.serve(5_000, 100, 1), 5_000);
        demand.judge(100, 100);
        assert_eq!((demand.rank(), demand.served()), (Rank::Behind, 0));
    }
}
