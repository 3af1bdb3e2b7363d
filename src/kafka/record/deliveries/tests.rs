use super::*;

fn landed(offsets: &[(usize, i64)]) -> Delivery {
    let mut landed = Delivery::default();
    for &(number, offset) in offsets {
        landed.record(number, offset);
    }
    landed
}

#[test]
fn only_records_in_a_row_from_where_they_were_to_be_are_in_place() {
    assert!(landed(&[(0, 7), (1, 8), (2, 9)]).is_in_place(7, 3));
    assert!(landed(&[(0, 1 << 31), (1, (1 << 31) + 1)]).is_in_place(0, 2));
    // Elsewhere, too few, with a foreign record in between, out of order, without an offset.
    assert!(!landed(&[(0, 8), (1, 9)]).is_in_place(7, 2));
    assert!(!landed(&[(0, 7)]).is_in_place(7, 2));
    assert!(!landed(&[(0, 7), (1, 9)]).is_in_place(7, 2));
    assert!(!landed(&[(1, 8), (0, 7)]).is_in_place(7, 2));
    assert!(!landed(&[(0, -1)]).is_in_place(sequence_of(TargetOffset(-1)), 1));
    assert!(!landed(&[]).is_in_place(0, 1));
}

#[test]
fn of_several_refusals_the_first_of_a_broker_is_the_cause() {
    let mut landed = Delivery::default();
    let mut cause = |code: Option<i16>, text: &str| {
        landed.refuse(code.map(BrokerCode), text.to_owned());
        landed.refused.clone().unwrap().1
    };
    assert_eq!(
        cause(None, "another record of the batch"),
        "another record of the batch"
    );
    assert_eq!(cause(None, "and another"), "another record of the batch");
    assert_eq!(cause(Some(87), "no key"), "no key");
    assert_eq!(cause(Some(10), "too large"), "no key");
    assert_eq!(cause(None, "and another"), "no key");
}

#[test]
fn labels_name_parts_and_records() {
    let label = Deliveries::label(3, 70_000);
    assert_eq!((label >> 32, label & 0xffff_ffff), (3, 70_000));
}
