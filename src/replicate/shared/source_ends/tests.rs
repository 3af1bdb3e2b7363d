use std::sync::Arc;

use crate::checkpoint::MemoryStore;
use crate::model::{Monotonic, Reason, SourceOffset};
use crate::replicate::shared::partition::TrackedPartition;
use crate::replicate::testing::tracked;

use super::*;

const FIVE: Duration = Duration::from_secs(5);

fn at(seconds: u64) -> Moment {
    Moment {
        wall_ms: i64::try_from(seconds).unwrap() * 1000,
        monotonic: Monotonic(Duration::from_secs(seconds)),
    }
}

fn ends(log_start: i64, stable: i64, high_watermark: i64) -> SourceEnds {
    SourceEnds {
        log_start,
        stable,
        high_watermark,
    }
}

/// A partition that is mirrored up to 30.
fn mirrored() -> TrackedPartition {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut known = tracked.lock();
    known.begun = true;
    known.advance(SourceOffset(30));
    drop(known);
    tracked
}

#[test]
fn a_list_that_was_asked_for_before_a_fetch_was_answered_is_not_believed() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    known.hear(ends(0, 50, 50), at(2));
    known.hear(ends(0, 30, 30), at(1));
    // Else everything would seem to be on the target, and deletions would count as seen.
    assert_eq!((known.lag(), known.missing().records), (20, 20));
    known.hear(ends(0, 60, 60), at(3));
    assert_eq!(known.missing().records, 30);
}

#[test]
fn ends_are_silent_from_the_last_time_they_were_heard() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    assert!(known.is_silent(at(0), FIVE), "never heard");
    known.hear(ends(0, 30, 30), at(10));
    assert!(!known.is_silent(at(15), FIVE));
    assert!(known.is_silent(at(16), FIVE));
    known.hear_no_news(at(12));
    assert!(!known.is_silent(at(16), FIVE));
    // An answer that is older than what is known doesn't take it back.
    known.hear_no_news(at(11));
    assert!(!known.is_silent(at(17), FIVE));
}

#[test]
fn nothing_is_known_to_be_missing_before_the_start_is_known() {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut known = tracked.lock();
    assert_eq!(known.missing(), Missing::UNKNOWN);
    known.hear(ends(10, 50, 50), at(1));
    assert_eq!(known.missing(), Missing::UNKNOWN);
    known.figures.start = Some(StartPosition::Earliest);
    assert_eq!(known.missing().records, 40);
}

#[test]
fn everything_is_missing_where_one_of_the_logs_is_another() {
    let tracked = mirrored();
    tracked.lock().hear(ends(10, 40, 40), at(1));
    for (code, missing) in [
        (HaltCode::SourceRecreated, 30),
        (HaltCode::TargetRecreated, 30),
        (HaltCode::TargetTopicMissing, 30),
        (HaltCode::ForeignWrite, 10),
    ] {
        tracked.show_halted(Reason::new(code, "it happened"));
        assert_eq!(tracked.lock().missing().records, missing, "{code}");
        assert_eq!(tracked.lock().lag(), 10, "decisions go by the frontier");
    }
}

#[test]
fn records_behind_an_open_transaction_are_missing_too() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    let cases = [
        ((30, 530), (500, 500)),
        ((40, 530), (500, 490)),
        // Nothing that is on the target is held.
        ((20, 530), (500, 500)),
        ((30, 30), (0, 0)),
        ((20, 20), (0, 0)),
    ];
    for (second, ((stable, high), (records, held))) in (1..).zip(cases) {
        known.hear(ends(0, stable, high), at(second));
        assert_eq!(known.missing(), Missing { records, held });
        // Live, deletions and groups go by what a reader could have read.
        assert_eq!(known.lag(), (stable - 30).max(0));
    }
    known.judge_state();
    assert_eq!(known.figures.state, crate::model::PartitionState::Live);
}
