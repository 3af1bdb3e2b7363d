use proptest::prelude::*;

use crate::kafka::batch::testing::{joined, only_batch};
use crate::replicate::testing::{self, PID, served};

use super::*;

fn course(target: i64) -> Course {
    Course {
        epoch: 2,
        unnumbered: 3,
        ..testing::course(target, None)
    }
}

#[test]
fn a_prefix_is_filled_to_its_end_and_costs_less_than_a_byte_a_record() {
    let mut filler = Filler::new(5_000);
    let mut at = course(10);
    let until = TargetOffset(10 + 2 * RECORDS + 7);
    let mut sizes = Vec::new();
    while at.target < until {
        let produce_batch = filler.next(&at, until).unwrap();
        let batch = served(&produce_batch);
        assert!(is_filler(&batch).unwrap());
        let header = batch.header();
        let base = at.target.get() - 3;
        assert_eq!((header.producer_id, header.producer_epoch), (PID, 2));
        assert_eq!(i64::from(header.base_sequence), base);
        assert_eq!(header.max_timestamp, 5_000);
        assert_eq!(
            produce_batch.frontier.get(),
            at.target.get() + produce_batch.records()
        );
        assert!(i64::try_from(produce_batch.stamped.size()).unwrap() < RECORDS);
        sizes.push(produce_batch.records());
        at = at.behind(&produce_batch);
    }
    assert_eq!((at.target, sizes), (until, vec![RECORDS, RECORDS, 7]));
}

#[test]
fn a_filler_that_was_refused_is_cut_down() {
    let mut filler = Filler::new(1);
    let limited = Course {
        records_limit: 40,
        ..course(0)
    };
    let produce_batch = filler.next(&limited, TargetOffset(1_000)).unwrap();
    assert_eq!(produce_batch.records(), 40);
    assert!(is_filler(&served(&produce_batch)).unwrap());
}

#[test]
fn a_record_with_anything_in_it_is_no_filler() {
    let mut builder = Builder::new(Codec::None);
    builder.push(1, &EMPTY);
    builder.push(1, &[1, 2, b'v', 0]);
    let stamped = builder.finish(course(0).stamp()).unwrap();
    let batch = only_batch(joined(&stamped));
    assert!(!is_filler(&batch).unwrap());
}

proptest! {
    /// Whatever happens to the markers of one request, one more of a higher epoch doesn't pass the end of the gap, unless
    /// just one was missing.
    #[test]
    fn a_fence_never_passes_the_end(gap in 1_i64..5_000, fences in any::<bool>()) {
        let due = markers_due(gap, fences);
        prop_assert!((1..=MARKERS).contains(&due));
        prop_assert!(gap == 1 || due < gap);
    }

    #[test]
    fn a_gap_is_filled_exactly(gap in 0_i64..5_000) {
        let mut left = gap;
        let mut fences = gap % 2 == 0;
        while left > 0 {
            left -= markers_due(left, fences);
            fences = false;
            prop_assert!(left >= 0);
        }
    }
}
