use bytes::Bytes;
use proptest::prelude::*;

use crate::kafka::batch::{HEADER_LEN, Stamped};
use crate::model::{Monotonic, Run};

use super::*;

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_000 * HOUR;
const IDLE_MS: i64 = 1_000;
const LATE_MS: i64 = 30_000;

/// A moment while both clocks run alike.
fn at(ms: i64) -> Moment {
    set(ms, 0)
}

/// The moment `ms`, with the wall clock set forwards by `by_ms`.
fn set(ms: i64, by_ms: i64) -> Moment {
    Moment {
        wall_ms: ms + by_ms,
        monotonic: Monotonic(Duration::from_millis(ms.unsigned_abs())),
    }
}

fn produce_batch(target: i64, records: i32, max_timestamp: i64, size: usize) -> ProduceBatch {
    let run = Run::new(
        SourceOffset(target),
        TargetOffset(target),
        i64::from(records),
    );
    ProduceBatch {
        stamped: Stamped {
            header: [0; HEADER_LEN],
            body: Bytes::from(vec![0; size]),
            crc: 7,
            record_count: records,
            max_timestamp,
        },
        target: TargetOffset(target),
        runs: vec![run],
        joins: true,
        frontier: run.source_end(),
        bytes: size,
    }
}

fn large(target: i64) -> ProduceBatch {
    produce_batch(target, 10, NOW, PIPELINE_MINIMUM)
}

fn send(window: &mut Window, produce_batch: &ProduceBatch) {
    window.sent(SentBatch {
        target: produce_batch.target,
        records: produce_batch.records(),
        frontier: produce_batch.frontier,
        max_timestamp: produce_batch.stamped.max_timestamp,
        bytes: produce_batch.bytes,
        runs: produce_batch.runs.clone(),
        opens: !produce_batch.joins,
    });
}

fn armed() -> Window {
    let mut window = Window::new(12 * HOUR);
    window.arm(NOW, at(NOW));
    window
}

/// Hazard H1: a second request on an unknown producer id lands in front of a first one that failed.
#[test]
fn an_unarmed_partition_has_one_shipment_in_flight() {
    let mut window = Window::new(12 * HOUR);
    assert!(window.admits(&large(0), at(NOW)));
    send(&mut window, &large(0));
    assert!(!window.admits(&large(10), at(NOW)));
    assert!(matches!(
        window.landed(TargetOffset(0), None, at(NOW)),
        Landing::AsPredicted(_)
    ));
    send(&mut window, &large(10));
    assert!(
        window.admits(&large(20), at(NOW)),
        "one acknowledgement where predicted arms"
    );
}

#[test]
fn an_armed_partition_has_up_to_the_limit_in_flight() {
    let mut window = armed();
    for number in 0..5 {
        assert!(window.admits(&large(number * 10), at(NOW)));
        send(&mut window, &large(number * 10));
    }
    assert!(!window.admits(&large(50), at(NOW)) && !window.has_room());
}

/// Hazard H2: the broker forgets a producer by the newest timestamp of its last batch.
#[test]
fn old_records_go_one_at_a_time() {
    let old = NOW - 13 * HOUR;
    let mut window = armed();
    send(&mut window, &large(0));
    assert!(!window.admits(&produce_batch(10, 10, old, PIPELINE_MINIMUM), at(NOW)));

    let mut window = Window::new(12 * HOUR);
    send(&mut window, &produce_batch(0, 10, old, PIPELINE_MINIMUM));
    assert!(matches!(
        window.landed(TargetOffset(0), None, at(NOW)),
        Landing::AsPredicted(_)
    ));
    send(&mut window, &large(10));
    assert!(
        !window.admits(&large(20), at(NOW)),
        "an old batch doesn't arm"
    );
}

#[test]
fn arming_wears_off() {
    let mut window = Window::new(12 * HOUR);
    window.arm(NOW - 12 * HOUR + 10, at(NOW));
    send(&mut window, &large(0));
    assert!(window.admits(&large(10), at(NOW + 9)));
    assert!(!window.admits(&large(10), at(NOW + 10)));
}

/// Hazard H2: a leader that lost the partition and got it back while nothing was sent may have forgotten the producer.
#[test]
fn after_a_pause_the_first_shipment_goes_alone() {
    let mut window = armed();
    send(&mut window, &large(0));
    assert!(window.admits(&large(10), at(NOW + IDLE_MS - 1)));
    assert!(!window.admits(&large(10), at(NOW + IDLE_MS)));
    window.landed(TargetOffset(0), None, at(NOW + IDLE_MS));
    send(&mut window, &large(10));
    assert!(window.admits(&large(20), at(NOW + IDLE_MS)));
}

/// A wall clock that jumps by an hour doesn't change how long ago the leader answered.
#[test]
fn a_clock_that_is_set_neither_arms_nor_disarms() {
    for by_ms in [-HOUR, HOUR] {
        let mut window = armed();
        send(&mut window, &large(0));
        assert!(window.admits(&large(10), set(NOW + IDLE_MS - 1, by_ms)));
        assert!(!window.admits(&large(10), set(NOW + IDLE_MS, by_ms)));
        window.landed(TargetOffset(0), None, set(NOW + IDLE_MS, by_ms));
        send(&mut window, &large(10));
        assert!(window.admits(&large(20), set(NOW + IDLE_MS, by_ms)));
    }
}

/// Hazard H5: how late a request may land doesn't depend on the wall clock.
#[test]
fn a_clock_that_is_set_neither_ends_caution_nor_prolongs_it() {
    for by_ms in [-HOUR, HOUR] {
        let mut window = armed().renewed(12 * HOUR, true, at(NOW));
        let ends = NOW + LATE_MS;
        for (target, now, is_sure) in [(0, ends - 1, false), (10, ends, true)] {
            send(&mut window, &large(target));
            window.landed(TargetOffset(target), None, set(now, by_ms));
            assert_eq!(window.is_sure(), is_sure);
        }
    }
}

/// Hazard H2: a record's age follows from its timestamp, and brokers forget by it.
#[test]
fn a_clock_that_is_set_forwards_makes_records_old() {
    let mut window = armed();
    send(&mut window, &large(0));
    assert!(!window.admits(&large(10), set(NOW, 12 * HOUR)));
}

#[test]
fn an_error_disarms() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    window.lost_oldest();
    assert!(!window.admits(&large(20), at(NOW)));
}

#[test]
fn small_shipments_wait_for_company() {
    let mut window = armed();
    let small = produce_batch(10, 1, NOW, 100);
    send(&mut window, &large(0));
    assert!(!window.admits(&small, at(NOW)));
    window.landed(TargetOffset(0), None, at(NOW));
    assert!(window.admits(&small, at(NOW)));
}

/// Hazard H5: a batch that is acknowledged without having been appended may be an earlier request's.
#[test]
fn a_batch_that_repeats_an_earlier_one_is_told_and_disarms() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    let landing = window.landed(TargetOffset(0), Some(NOW), at(NOW));
    assert!(matches!(landing, Landing::Repeated(it) if it.target == TargetOffset(0)));
    assert!(!window.admits(&large(20), at(NOW)));
}

/// Hazard H5: from the first step in the source offsets on, a late request may carry other records at the same place.
#[test]
fn while_requests_may_be_late_what_opens_a_run_and_all_behind_it_goes_alone() {
    let opening = |target| ProduceBatch {
        joins: false,
        ..large(target)
    };
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    window.lost_oldest();
    window.lost_oldest();
    let mut window = window.renewed(12 * HOUR, true, at(NOW));
    window.arm(NOW, at(NOW));
    send(&mut window, &large(0));
    assert!(window.admits(&large(10), at(NOW)) && !window.admits(&opening(10), at(NOW)));
    window.landed(TargetOffset(0), None, at(NOW));
    send(&mut window, &opening(10));
    assert!(!window.admits(&large(20), at(NOW)));
    let later = NOW + LATE_MS;
    window.landed(TargetOffset(10), None, at(later - 1));
    send(&mut window, &large(20));
    assert!(!window.admits(&large(30), at(later - 1)));
    window.landed(TargetOffset(20), None, at(later));
    send(&mut window, &large(30));
    assert!(window.admits(&opening(40), at(later)));
}

#[test]
fn caution_lasts_until_the_target_holds_what_was_sent_before() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    let mut window = window.renewed(12 * HOUR, true, at(NOW));
    let later = NOW + LATE_MS;
    send(&mut window, &produce_batch(0, 10, later, PIPELINE_MINIMUM));
    window.landed(TargetOffset(0), None, at(later));
    let opening = ProduceBatch {
        joins: false,
        ..produce_batch(20, 10, later, PIPELINE_MINIMUM)
    };
    send(&mut window, &produce_batch(10, 10, later, PIPELINE_MINIMUM));
    assert!(!window.admits(&opening, at(later)));
    window.landed(TargetOffset(10), None, at(later));
    send(&mut window, &opening);
    assert!(window.admits(&large(30), at(later)));
}

#[test]
fn another_settling_ends_no_caution() {
    let window = armed().renewed(12 * HOUR, true, at(NOW));
    assert!(!window.is_sure());
    assert!(!window.renewed(12 * HOUR, false, at(NOW + 1)).is_sure());
    assert!(armed().renewed(12 * HOUR, false, at(NOW)).is_sure());
}

/// Hazard H5: requests of any earlier round may be late, not only those of the last one.
#[test]
fn caution_reaches_to_the_end_of_what_was_sent_in_any_round() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    let mut window = window
        .renewed(12 * HOUR, true, at(NOW))
        .renewed(12 * HOUR, true, at(NOW));
    let later = NOW + LATE_MS;
    for (target, is_sure) in [(0, false), (10, true)] {
        send(&mut window, &large(target));
        window.landed(TargetOffset(target), None, at(later));
        assert_eq!(window.is_sure(), is_sure, "{target}");
    }
}

#[test]
fn an_append_elsewhere_is_told() {
    let mut window = armed();
    send(&mut window, &large(0));
    match window.landed(TargetOffset(3), None, at(NOW)) {
        Landing::Elsewhere { predicted, actual } => {
            assert_eq!((predicted, actual), (TargetOffset(0), TargetOffset(3)));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        armed().landed(TargetOffset(0), None, at(NOW)),
        Landing::Unexpected
    ));
}

proptest! {
    /// Whatever happens, an unarmed window never has two in flight, and no window has more than the limit.
    #[test]
    fn limits_hold(steps in prop::collection::vec((0_u8..4, 0_i64..30), 1..200)) {
        let mut window = Window::new(12 * HOUR);
        let (mut next, mut oldest, mut armed, mut count) = (0, 0, false, 0_usize);
        for (step, hours) in steps {
            match step {
                0 | 1 => {
                    let produce_batch = produce_batch(next, 10, NOW - hours * HOUR, PIPELINE_MINIMUM);
                    if window.admits(&produce_batch, at(NOW)) {
                        prop_assert!(count == 0 || armed);
                        send(&mut window, &produce_batch);
                        next += 10;
                        count += 1;
                    }
                }
                2 if count > 0 => {
                    let timestamp = window.oldest().unwrap().max_timestamp;
                    let landing = window.landed(TargetOffset(oldest), None, at(NOW));
                    prop_assert!(matches!(landing, Landing::AsPredicted(_)));
                    armed = timestamp > NOW - 12 * HOUR;
                    oldest += 10;
                    count -= 1;
                }
                3 if count > 0 => {
                    window.lost_oldest();
                    armed = false;
                    oldest += 10;
                    count -= 1;
                }
                _ => {}
            }
            prop_assert!(count <= IN_FLIGHT_LIMIT);
            prop_assert_eq!(window.is_empty(), count == 0);
        }
    }
}
