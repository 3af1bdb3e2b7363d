use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::kafka::batch::{HEADER_LEN, Stamped};
use crate::model::Run;

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
        crc: shipment.stamped.crc,
        max_timestamp: shipment.stamped.max_timestamp,
        bytes: shipment.bytes,
        runs: shipment.runs.clone(),
    });
}

fn armed() -> Window {
    let mut window = Window::new(12 * HOUR, Proof::Given);
    window.arm(NOW);
    window
}

/// Hazard H1: a second request on an unknown producer id lands in front of a first one that failed.
#[test]
fn an_unarmed_partition_has_one_shipment_in_flight() {
    let mut window = Window::new(12 * HOUR, Proof::Given);
    assert!(window.admits(&large(0), NOW));
    send(&mut window, &large(0));
    assert!(!window.admits(&large(10), NOW));
    assert!(matches!(
        window.landed(TargetOffset(0)),
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

    let mut window = Window::new(12 * HOUR, Proof::Given);
    send(&mut window, &shipment(0, 10, old, PIPELINE_MINIMUM));
    assert!(matches!(
        window.landed(TargetOffset(0)),
        Landing::AsPredicted(_)
    ));
    send(&mut window, &large(10));
    assert!(!window.admits(&large(20), NOW), "an old batch doesn't arm");
}

#[test]
fn arming_wears_off() {
    let mut window = armed();
    send(&mut window, &large(0));
    let newer = shipment(10, 10, NOW + 13 * HOUR, PIPELINE_MINIMUM);
    assert!(window.admits(&newer, NOW + 12 * HOUR - 1));
    assert!(!window.admits(&newer, NOW + 12 * HOUR));
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
    window.landed(TargetOffset(0));
    assert!(window.admits(&small, NOW));
}

/// Hazard H5: until a batch was read back, what is acknowledged may be an earlier request's, and as many of those may be
/// late as can be in flight.
#[test]
fn nothing_follows_until_the_proof_is_given() {
    let mut window = Window::new(12 * HOUR, Proof::Wanted);
    window.arm(NOW);
    for target in (0..50).step_by(10) {
        send(&mut window, &large(target));
        assert!(
            !window.admits(&large(target + 10), NOW),
            "one at a time while proof is wanted"
        );
        window.landed(TargetOffset(target));
        assert!(window.wants_read_back());
        assert!(
            !window.admits(&large(target + 10), NOW),
            "nothing while the read-back is under way"
        );
        window.proven();
    }
    send(&mut window, &large(50));
    assert!(window.admits(&large(60), NOW));
}

#[test]
fn an_append_elsewhere_is_told() {
    let mut window = armed();
    send(&mut window, &large(0));
    match window.landed(TargetOffset(3)) {
        Landing::Elsewhere { predicted, actual } => {
            assert_eq!((predicted, actual), (TargetOffset(0), TargetOffset(3)));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        armed().landed(TargetOffset(0)),
        Landing::Unexpected
    ));
}

proptest! {
    /// Whatever happens, an unarmed window never has two in flight and no window more than the limit.
    #[test]
    fn limits_hold(steps in prop::collection::vec((0_u8..4, 0_i64..30), 1..200)) {
        let mut window = Window::new(12 * HOUR, Proof::Given);
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
                    let landing = window.landed(TargetOffset(oldest));
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
