//! What the next fetch of a connection asks for of partitions that are behind, and how many bytes it may bring.
//!
//! Pure. Live partitions are asked for in every fetch, and room is kept for them in its answer: twice what they took of the last one,
//! between an eighth and a half. The rest is for those behind, as many of them as it holds shares, who got least first. Where there is not enough
//! for all, only live ones are asked for; so that the others don't starve, one of them has a share once live ones got seven times that.

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

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
