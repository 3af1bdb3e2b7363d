//! The contents of the sources of golden data, shared by its maker and its reader.

/// Rounds of two interleaved transactions and a record without one.
pub(crate) const ROUNDS: i64 = 16;
/// Records of the first transaction of a round.
pub(crate) const ONE: i64 = 3;
/// Records of the second transaction of a round.
pub(crate) const TWO: i64 = 2;
/// Records after those of the second transaction, before both end.
pub(crate) const PLAIN: i64 = 1;
/// Markers at the end of a round.
const MARKERS: i64 = 2;
/// Groups of each move.
pub(crate) const GROUPS: usize = 30;
/// Mirrored records of the paused link's topic.
pub(crate) const STILL: i64 = 20;

/// Whether the first transaction of a round was committed.
pub(crate) fn one_commits(round: i64) -> bool {
    round % 2 == 0
}

/// Whether the second transaction of a round was committed.
pub(crate) fn two_commits(round: i64) -> bool {
    round % 3 != 0
}

/// The log end offset of the source.
pub(crate) fn end() -> i64 {
    ROUNDS * (ONE + TWO + PLAIN + MARKERS)
}

/// The source offsets that a consumer sees, in order. Their indexes are the target offsets.
pub(crate) fn visible() -> Vec<i64> {
    let of_round = |round: i64| {
        let first = round * (ONE + TWO + PLAIN + MARKERS);
        let (one, two) = (first..first + ONE, first + ONE..first + ONE + TWO);
        let plain = two.end..two.end + PLAIN;
        let one = one.filter(move |_| one_commits(round));
        let two = two.filter(move |_| two_commits(round));
        one.chain(two).chain(plain)
    };
    (0..ROUNDS).flat_map(of_round).collect()
}

/// The source offset committed by a group of a move.
pub(crate) fn committed_at(group: usize) -> i64 {
    visible()[group]
}
