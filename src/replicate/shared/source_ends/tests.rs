use std::sync::Arc;

use crate::checkpoint::{MemoryStore, Store, Update};
use crate::model::{Monotonic, Reason, Run, SourceOffset, TargetOffset};
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

#[test]
fn a_lag_in_time_counts_from_the_last_moment_at_which_nothing_was_missing() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    assert_eq!(known.lag_ms(1_000), -1);
    known.hear(ends(0, 30, 30), at(10));
    assert_eq!(known.lag_ms(15_000), 0);
    // A paused partition: nobody fetches, so there is no timestamp.
    known.hear_no_news(at(20));
    known.hear(ends(0, 50, 50), at(24));
    known.hear(ends(0, 60, 60), at(28));
    assert_eq!(known.lag_ms(30_000), 10_000);
    // What was there after 24 s is on the target, what was there after 28 s isn't.
    known.advance(SourceOffset(50));
    assert_eq!(known.lag_ms(30_000), 6_000);
    known.advance(SourceOffset(60));
    assert_eq!(known.lag_ms(30_000), 0);
    known.hear(ends(0, 70, 70), at(40));
    assert_eq!(known.lag_ms(41_000), 13_000);
    // The record that was fetched says when it was written.
    known.figures.first_timestamp = Some(39_500);
    assert_eq!(known.lag_ms(41_000), 1_500);
}

/// Records behind an open transaction wait like any others.
#[test]
fn held_records_have_been_waiting_since_before_the_transaction() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    known.hear(ends(0, 30, 30), at(10));
    for seconds in 11..60 {
        known.hear(
            ends(0, 30, 30 + i64::try_from(seconds).unwrap()),
            at(seconds),
        );
        known.judge_state();
    }
    assert_eq!((known.lag(), known.lag_ms(60_000)), (0, 50_000));
}

#[tokio::test]
async fn a_restart_knows_since_when_something_is_missing() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let save = async |tracked: &TrackedPartition| {
        let mut update = Update::new();
        let receipt = tracked.save(&mut update).unwrap();
        store.commit(update).await.unwrap();
        tracked.lock().stored(receipt);
    };
    let first = tracked(Arc::clone(&store));
    first.lock().begun = true;
    first.lock().advance(SourceOffset(30));
    first.lock().hear(ends(0, 30, 30), at(10));
    save(&first).await;
    // While it is complete, nothing is worth storing.
    first.lock().hear_no_news(at(100));
    first.lock().hear(ends(0, 30, 30), at(200));
    assert!(!first.lock().is_unsaved());
    first.lock().hear(ends(0, 40, 40), at(204));
    assert!(first.lock().is_unsaved());
    save(&first).await;
    first.lock().hear(ends(0, 50, 50), at(208));
    assert!(!first.lock().is_unsaved());

    let again = tracked(Arc::clone(&store));
    let mut known = again.lock();
    known.hear(ends(0, 60, 60), at(300));
    assert_eq!(known.lag_ms(310_000), 110_000);
    // After the loss of the DB it is the first missing record that says since when.
    known.record.complete_ms = None;
    assert_eq!(known.lag_ms(310_000), -1);
    known.figures.first_timestamp = Some(203_000);
    assert_eq!(known.lag_ms(310_000), 107_000);
}

/// What a log lost is no longer there, or has to be mirrored again.
#[test]
fn what_a_log_lost_is_missing_again() {
    let lost = |code, source, target| {
        let reason = Reason::new(code, "it happened");
        reason.at(source, target)
    };
    let (source, target) = (Some(SourceOffset(22)), Some(TargetOffset(12)));
    for (reason, high_watermark, missing) in [
        (lost(HaltCode::SourceTruncated, source, None), 22, 0),
        // Others have taken the offsets that it lost, which isn't complete at any time.
        (lost(HaltCode::SourceTruncated, source, None), 25, 3),
        (lost(HaltCode::SourceTruncated, source, None), 30, 8),
        (lost(HaltCode::SourceTruncated, source, None), 40, 18),
        (
            lost(HaltCode::TargetTruncated, Some(SourceOffset(30)), target),
            30,
            8,
        ),
        (
            lost(HaltCode::TargetTruncated, Some(SourceOffset(30)), target),
            40,
            18,
        ),
    ] {
        let tracked = tracked(Arc::new(MemoryStore::default()));
        let run = Run::new(SourceOffset(10), TargetOffset(0), 20);
        tracked.lock().begun = true;
        tracked.lock().landed(&[run], SourceOffset(30)).unwrap();
        tracked.lock().hear(ends(0, 30, 30), at(1));
        // Heard before it halts for that.
        tracked.lock().hear(
            ends(0, high_watermark.min(29), high_watermark.min(29)),
            at(2),
        );
        tracked.show_halted(reason.clone());
        let mut known = tracked.lock();
        known.hear(ends(0, high_watermark, high_watermark), at(3));
        known.hear_no_news(at(8));
        let lag_ms = if missing > 0 { 9_000 } else { 0 };
        assert_eq!(
            (known.missing().records, known.lag_ms(10_000)),
            (missing, lag_ms),
            "{reason:?} {high_watermark}"
        );
    }
}

/// What a follower has, the source has too; more than that only its leader knows.
#[test]
fn the_ends_of_a_follower_neither_set_ends_back_nor_count_as_heard() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    known.hear(ends(10, 50, 60), at(2));
    known.raise(ends(20, 40, 45));
    known.raise(ends(-1, -1, -1));
    let figures = &known.figures;
    assert_eq!(
        (figures.source_end, figures.source_high_watermark),
        (50, 60)
    );
    assert_eq!(figures.source_log_start, 10);
    known.raise(ends(20, 55, 70));
    let figures = &known.figures;
    assert_eq!(
        (figures.source_end, figures.source_high_watermark),
        (55, 70)
    );
    assert_eq!(figures.source_log_start, 10);
    assert!(known.is_silent(at(8), FIVE));
    // The leader was asked for its ends before the follower answered.
    known.hear_leader(ends(12, 50, 65), at(3));
    let figures = &known.figures;
    assert_eq!(
        (figures.source_end, figures.source_high_watermark),
        (55, 70)
    );
    assert_eq!(figures.source_log_start, 12);
    assert!(!known.is_silent(at(8), FIVE));
}

/// The lag in time counts from the last time at which the leader had no more than the target has now.
#[test]
fn the_lag_in_time_counts_from_what_the_leader_said_while_a_follower_is_read() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    known.hear(ends(0, 30, 30), at(1));
    assert_eq!(known.record.complete_ms, Some(1_000));
    known.raise(ends(0, 50, 50));
    assert_eq!(known.record.complete_ms, Some(1_000));
    assert_eq!(known.lag_ms(9_000), 8_000);
    known.advance(SourceOffset(50));
    assert_eq!(
        known.record.complete_ms,
        Some(1_000),
        "the leader may have had more"
    );
    // More was fetched than the leader had when it was asked.
    known.hear_leader(ends(0, 45, 45), at(5));
    assert_eq!(known.record.complete_ms, Some(5_000));
    known.hear_leader(ends(0, 80, 80), at(9));
    assert_eq!(known.lag_ms(11_000), 6_000);
    known.advance(SourceOffset(80));
    assert_eq!(known.record.complete_ms, Some(9_000));
    assert_eq!(known.lag_ms(11_000), 0);
}
