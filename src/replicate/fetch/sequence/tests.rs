use super::*;
use crate::replicate::testing::{source_batch, three};

/// Checks an answer to a fetch of `asked` with batches of three records at `bases`; returns how many are taken over.
fn taken(
    doubts: &mut Doubts,
    (asked, high_watermark, compacted): (i64, i64, bool),
    bases: &[i64],
) -> (usize, Option<Misplaced>) {
    let batches: Vec<Batch> = bases.iter().map(|base| source_batch(*base)).collect();
    let mut sequence = Sequence::new(asked, high_watermark, compacted);
    for (at, batch) in batches.iter().enumerate() {
        if let Err(misplaced) = sequence.check(batch, doubts) {
            doubts.doubt(misplaced, batches[at..].iter(), at > 0);
            return (at, Some(misplaced));
        }
    }
    doubts.settle();
    (batches.len(), None)
}

#[test]
fn batches_that_follow_each_other_are_taken_at_once() {
    let mut doubts = Doubts::default();
    assert_eq!(taken(&mut doubts, (0, 9, false), &[0, 3, 6]), (3, None));
    assert_eq!(taken(&mut doubts, (9, -1, false), &[9]), (1, None));
}

#[test]
fn holes_are_believed_when_a_second_answer_shows_them() {
    let mut doubts = Doubts::default();
    let answer = [0, 3, 10, 13, 20];
    let odd = Misplaced::Unproven((6, 10));
    assert_eq!(taken(&mut doubts, (0, 99, false), &answer), (2, Some(odd)));
    // The second answer shows the first hole and the next one, too.
    assert_eq!(taken(&mut doubts, (6, 99, false), &answer[2..]), (3, None));
    // What was shown once is forgotten.
    assert_eq!(taken(&mut doubts, (6, 99, false), &[10]), (0, Some(odd)));
    // Another hole isn't that one.
    let other = Misplaced::Unproven((6, 11));
    assert_eq!(taken(&mut doubts, (6, 99, false), &[11]), (0, Some(other)));
    assert_eq!(taken(&mut doubts, (6, 99, false), &[6, 9]), (2, None));
    assert_eq!(taken(&mut doubts, (0, 99, true), &answer), (5, None));
}

#[test]
fn a_first_batch_that_begins_before_the_offset_asked_for_is_shown_twice() {
    let mut doubts = Doubts::default();
    for compacted in [false, true] {
        let odd = Misplaced::Unproven((5, 3));
        let asked = (5, 99, compacted);
        assert_eq!(taken(&mut doubts, asked, &[3, 6]), (0, Some(odd)));
        assert_eq!(taken(&mut doubts, asked, &[3, 6]), (2, None));
    }
}

#[test]
fn impossible_offsets_are_never_believed() {
    let mut doubts = Doubts::default();
    for _ in 0..3 {
        let behind = Misplaced::Behind { asked: 6, end: 6 };
        let one = taken(&mut doubts, (6, 99, true), &[3, 6]);
        assert_eq!(one, (0, Some(behind)));
        let overlaps = Misplaced::Overlaps { end: 3, base: 2 };
        let one = taken(&mut doubts, (0, 99, true), &[0, 2]);
        assert_eq!(one, (1, Some(overlaps)));
        let beyond = Misplaced::Beyond {
            end: 6,
            high_watermark: 5,
        };
        let one = taken(&mut doubts, (0, 5, true), &[0, 3]);
        assert_eq!(one, (1, Some(beyond)));
    }
}

#[test]
fn asking_again_is_not_worth_it_for_ever() {
    let mut doubts = Doubts::default();
    let (batch, odd) = (source_batch(9), Misplaced::Unproven((6, 9)));
    let mut again = |brought| doubts.doubt(odd, [&batch].into_iter(), brought);
    assert_eq!(
        [again(false), again(false), again(false)],
        [true, true, false]
    );
    assert_eq!([again(true), again(false)], [true, true]);
}

/// A message of an old format that holds others is returned as a whole, and becomes a batch for each stretch of it.
#[test]
fn stretches_of_an_old_message_may_end_before_the_offset_asked_for() {
    let mut sequence = Sequence::new(7, 99, true);
    for first in [0, 4, 7] {
        let batch = three(first).finish_at(first, LeaderEpoch::UNKNOWN).unwrap();
        assert_eq!(sequence.check(&batch, &Doubts::default()), Ok(()));
    }
    assert_eq!(sequence.next, 10);
}
