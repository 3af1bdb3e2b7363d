use super::*;
use crate::model::SourceOffset;
use crate::replicate::testing::run;

fn segment(predicted: i64, actual: i64, length: i64) -> Segment {
    Segment {
        predicted: TargetOffset(predicted),
        actual: TargetOffset(actual),
        length,
    }
}

#[test]
fn records_keep_their_source_offsets_where_they_landed() {
    // 0..10 is known; 10..25 was sent: five more of the last run, then a run planned after a gap.
    let explanation = Explanation {
        runs: vec![run(30, 15, 10)],
        position: SourceOffset(40),
    };
    let (from, end) = (TargetOffset(10), TargetOffset(25));
    let covering = cover(run(0, 0, 10), &explanation, from, end);
    assert_eq!(covering, [run(10, 10, 5), run(30, 15, 10)]);
    // Three foreign records come before, two in between.
    let landed = shifted(&covering, &[segment(10, 13, 8), segment(18, 23, 7)]);
    assert_eq!(landed, [run(10, 13, 5), run(30, 18, 3), run(33, 23, 7)]);
}

#[test]
fn what_goes_on_without_a_gap_is_one_run() {
    let explanation = Explanation {
        runs: Vec::new(),
        position: SourceOffset(20),
    };
    let covering = cover(
        run(5, 5, 5),
        &explanation,
        TargetOffset(10),
        TargetOffset(20),
    );
    let landed = shifted(&covering, &[segment(10, 12, 5), segment(15, 17, 5)]);
    assert_eq!(landed, [run(10, 12, 10)]);
    assert_eq!(shifted(&covering, &[]), []);
}

#[test]
fn a_run_about_to_begin_is_not_counted_twice() {
    // The map continues with source offset 7 at 40; the first batch landed after a foreign one.
    let explanation = Explanation {
        runs: vec![run(7, 40, 4)],
        position: SourceOffset(11),
    };
    let covering = cover(
        run(7, 40, 0),
        &explanation,
        TargetOffset(40),
        TargetOffset(44),
    );
    assert_eq!(shifted(&covering, &[segment(40, 42, 4)]), [run(7, 42, 4)]);
}
