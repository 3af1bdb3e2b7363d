use bytes::Bytes;
use proptest::prelude::*;

use crate::kafka::batch::{HEADER_LEN, Stamped};
use crate::model::Run;

use super::*;

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_000 * HOUR;

fn shipment(target: i64, records: i32, max_timestamp: i64, size: usize) -> Shipment {
    let run = Run::new(
        SourceOffset(target),
        TargetOffset(target),
        i64::from(records),
    );
    Shipment {
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

fn large(target: i64) -> Shipment {
    shipment(target, 10, NOW, PIPELINE_MINIMUM)
}

fn send(window: &mut Window, shipment: &Shipment) {
    window.sent(InFlight {
        target: shipment.target,
        records: shipment.records(),
        frontier: shipment.frontier,
        max_timestamp: shipment.stamped.max_timestamp,
        bytes: shipment.bytes,
        runs: shipment.runs.clone(),
        opens: !shipment.joins,
    });
}

fn armed() -> Window {
    let mut window = Window::new(12 * HOUR);
    window.arm(NOW, NOW);
    window
}

/// Hazard H1: a second request on an unknown producer id lands in front of a first one that failed.
#[test]
fn an_unarmed_partition_has_one_shipment_in_flight() {
    let mut window = Window::new(12 * HOUR);
    assert!(window.admits(&large(0), NOW));
    send(&mut window, &large(0));
    assert!(!window.admits(&large(10), NOW));
    assert!(matches!(
        window.landed(TargetOffset(0), None, NOW),
        Landing::AsPredicted(_)
    ));
    send(&mut window, &large(10));
    assert!(
        window.admits(&large(20), NOW),
        "one acknowledgement where predicted arms"
    );
}

#[test]
fn an_armed_partition_has_up_to_the_limit_in_flight() {
    let mut window = armed();
    for number in 0..5 {
        assert!(window.admits(&large(number * 10), NOW));
        send(&mut window, &large(number * 10));
    }
    assert!(!window.admits(&large(50), NOW) && !window.has_room());
}

/// Hazard H2: the broker forgets a producer by the newest timestamp of its last batch.
#[test]
fn old_records_go_one_at_a_time() {
    let old = NOW - 13 * HOUR;
    let mut window = armed();
    send(&mut window, &large(0));
    assert!(!window.admits(&shipment(10, 10, old, PIPELINE_MINIMUM), NOW));

    let mut window = Window::new(12 * HOUR);
    send(&mut window, &shipment(0, 10, old, PIPELINE_MINIMUM));
    assert!(matches!(
        window.landed(TargetOffset(0), None, NOW),
        Landing::AsPredicted(_)
    ));
    send(&mut window, &large(10));
    assert!(!window.admits(&large(20), NOW), "an old batch doesn't arm");
}

#[test]
fn arming_wears_off() {
    let mut window = Window::new(12 * HOUR);
    window.arm(NOW - 12 * HOUR + 10, NOW);
    send(&mut window, &large(0));
    assert!(window.admits(&large(10), NOW + 9));
    assert!(!window.admits(&large(10), NOW + 10));
}

/// Hazard H2: a leader that lost the partition and got it back while nothing was sent may have forgotten the producer.
#[test]
fn after_a_pause_the_first_shipment_goes_alone() {
    let mut window = armed();
    send(&mut window, &large(0));
    assert!(window.admits(&large(10), NOW + IDLE_LIMIT_MS - 1));
    assert!(!window.admits(&large(10), NOW + IDLE_LIMIT_MS));
    window.landed(TargetOffset(0), None, NOW + IDLE_LIMIT_MS);
    send(&mut window, &large(10));
    assert!(window.admits(&large(20), NOW + IDLE_LIMIT_MS));
}

#[test]
fn an_error_disarms() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    window.lost_oldest();
    assert!(!window.admits(&large(20), NOW));
}

#[test]
fn small_shipments_wait_for_company() {
    let mut window = armed();
    let small = shipment(10, 1, NOW, 100);
    send(&mut window, &large(0));
    assert!(!window.admits(&small, NOW));
    window.landed(TargetOffset(0), None, NOW);
    assert!(window.admits(&small, NOW));
}

/// Hazard H5: what is acknowledged without having been appended may be an earlier request's.
#[test]
fn a_batch_that_repeats_an_earlier_one_is_told_and_disarms() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    let landing = window.landed(TargetOffset(0), Some(NOW), NOW);
    assert!(matches!(landing, Landing::Repeated(it) if it.target == TargetOffset(0)));
    assert!(!window.admits(&large(20), NOW));
}

/// Hazard H5: from the first step in the source offsets on, a late request may carry something else at the same place.
#[test]
fn while_requests_may_be_late_what_opens_a_run_and_all_behind_it_goes_alone() {
    let opening = |target| Shipment {
        joins: false,
        ..large(target)
    };
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    window.lost_oldest();
    window.lost_oldest();
    let mut window = window.renewed(12 * HOUR, true, NOW);
    window.arm(NOW, NOW);
    send(&mut window, &large(0));
    assert!(window.admits(&large(10), NOW) && !window.admits(&opening(10), NOW));
    window.landed(TargetOffset(0), None, NOW);
    send(&mut window, &opening(10));
    assert!(!window.admits(&large(20), NOW));
    let later = NOW + LATE_LIMIT_MS;
    window.landed(TargetOffset(10), None, later - 1);
    send(&mut window, &large(20));
    assert!(!window.admits(&large(30), later - 1));
    window.landed(TargetOffset(20), None, later);
    send(&mut window, &large(30));
    assert!(window.admits(&opening(40), later));
}

#[test]
fn caution_lasts_until_the_target_holds_what_was_sent_before() {
    let mut window = armed();
    send(&mut window, &large(0));
    send(&mut window, &large(10));
    let mut window = window.renewed(12 * HOUR, true, NOW);
    let later = NOW + LATE_LIMIT_MS;
    send(&mut window, &shipment(0, 10, later, PIPELINE_MINIMUM));
    window.landed(TargetOffset(0), None, later);
    let opening = Shipment {
        joins: false,
        ..shipment(20, 10, later, PIPELINE_MINIMUM)
    };
    send(&mut window, &shipment(10, 10, later, PIPELINE_MINIMUM));
    assert!(!window.admits(&opening, later));
    window.landed(TargetOffset(10), None, later);
    send(&mut window, &opening);
    assert!(window.admits(&large(30), later));
}

#[test]
fn another_settling_ends_no_caution() {
    let window = armed().renewed(12 * HOUR, true, NOW);
    assert!(!window.is_sure());
    assert!(!window.renewed(12 * HOUR, false, NOW + 1).is_sure());
    assert!(armed().renewed(12 * HOUR, false, NOW).is_sure());
}

#[test]
fn an_append_elsewhere_is_told() {
    let mut window = armed();
    send(&mut window, &large(0));
    match window.landed(TargetOffset(3), None, NOW) {
        Landing::Elsewhere { predicted, actual } => {
            assert_eq!((predicted, actual), (TargetOffset(0), TargetOffset(3)));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        armed().landed(TargetOffset(0), None, NOW),
        Landing::Unexpected
    ));
}

proptest! {
    /// Whatever happens, an unarmed window never has two in flight and no window more than the limit.
    #[test]
    fn limits_hold(steps in prop::collection::vec((0_u8..4, 0_i64..30), 1..200)) {
        let mut window = Window::new(12 * HOUR);
        let (mut next, mut oldest, mut armed, mut count) = (0, 0, false, 0_usize);
        for (step, hours) in steps {
            match step {
                0 | 1 => {
                    let shipment = shipment(next, 10, NOW - hours * HOUR, PIPELINE_MINIMUM);
                    if window.admits(&shipment, NOW) {
                        prop_assert!(count == 0 || armed);
                        send(&mut window, &shipment);
                        next += 10;
                        count += 1;
                    }
                }
                2 if count > 0 => {
                    let timestamp = window.oldest().unwrap().max_timestamp;
                    let landing = window.landed(TargetOffset(oldest), None, NOW);
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
