//! Batches too large to be decompressed: compared as a whole, and no difference where that isn't possible.

use super::*;

fn digest(offset: i64, content: u128) -> Digest {
    Digest {
        offset,
        timestamp: 1,
        content,
        key: Key::Irrelevant,
    }
}

fn record(at: i64) -> Item {
    Item {
        place: RecordOrigin::At(SourceOffset(at)),
        digest: digest(at, 7),
    }
}

fn whole(at: i64, until: i64, content: u128) -> Item {
    let (at, until) = (SourceOffset(at), SourceOffset(until));
    Item {
        place: RecordOrigin::Whole { at, until },
        digest: digest(at.get(), content),
    }
}

fn compared(source: &[Item], target: &[Item]) -> Tally {
    let mut comparison = Comparison::default();
    let all = |items: &[Item]| Feed {
        items: items.iter().copied().collect(),
        over: true,
    };
    comparison.advance(&mut all(source), &mut all(target));
    comparison.tally
}

#[test]
fn equal_batches_are_equal_and_count_their_records() {
    let side = [record(4), whole(5, 9, 1), record(9)];
    let tally = compared(&side, &side);
    assert_eq!((tally.records, tally.outcome()), (6, Outcome::Equal));
    assert_eq!(tally.source_hash, tally.target_hash);
}

#[test]
fn batches_that_cannot_be_compared_are_no_difference_and_no_proof() {
    let source = [record(4), whole(5, 9, 1), record(9)];
    for target in [
        vec![record(4), whole(5, 9, 2), record(9)],
        vec![record(4), whole(5, 7, 1), record(7), record(8), record(9)],
        vec![
            record(4),
            record(5),
            record(6),
            record(7),
            record(8),
            record(9),
        ],
        vec![record(4), record(5), whole(6, 9, 1), record(9)],
    ] {
        for (source, target) in [(&source[..], &target[..]), (&target[..], &source[..])] {
            let tally = compared(source, target);
            assert_eq!(tally.outcome(), Outcome::Unproven, "{source:?} {target:?}");
            assert_eq!(tally.records, 2, "those on both sides of it are compared");
        }
    }
}

#[test]
fn a_difference_beside_such_a_batch_is_still_found() {
    let source = [whole(5, 9, 1), record(9), record(10)];
    let tally = compared(&source, &[whole(5, 9, 1), record(9)]);
    assert_eq!(tally.outcome(), Outcome::Different);
    let tally = compared(&source, &[whole(5, 9, 2), record(10)]);
    assert_eq!(tally.outcome(), Outcome::Different);
    let first = tally.first_difference.unwrap();
    assert_eq!(first.source_offset, SourceOffset(9));
}

#[test]
fn a_record_that_such_a_batch_may_explain_is_not_condemned() {
    let keyed = Item {
        digest: Digest {
            key: Key::Of {
                hash: 3,
                tombstone: false,
            },
            ..digest(4, 7)
        },
        ..record(4)
    };
    let mut comparison = Comparison::default();
    let all = |items: &[Item]| Feed {
        items: items.iter().copied().collect(),
        over: true,
    };
    let (mut source, mut target) = (all(&[keyed, whole(5, 9, 1)]), all(&[whole(5, 9, 1)]));
    comparison.advance(&mut source, &mut target);
    assert_eq!(comparison.unexplained(), []);
    assert_eq!(comparison.tally.unproven, 1);
}
