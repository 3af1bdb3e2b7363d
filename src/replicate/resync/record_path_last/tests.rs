use crate::kafka::batch::testing::{altered, encoded, keyed, marker_key};
use crate::kafka::batch::{Attributes, Codec};
use crate::model::LeaderEpoch;

use super::*;

const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

fn batch(producer: i64, attributes: i16, key: &'static [u8]) -> Batch {
    altered(&encoded(Codec::None, &[keyed(0, 1, key)]), None, |header| {
        header.base_offset = 50;
        header.attributes = Attributes(attributes);
        header.producer_id = ProducerId(producer);
    })
}

#[test]
fn the_next_marker_of_a_producer_decides_what_becomes_of_its_records() {
    let mut outcomes = Outcomes::default();
    let mut fate = |batch: Batch| outcomes.of(&batch, TargetOffset(0)).unwrap();
    let records = |producer: i64| batch(producer, TRANSACTIONAL, b"k");
    assert_eq!(fate(records(1)), Fate::Open);
    assert_eq!(
        fate(batch(1, TRANSACTIONAL | CONTROL, marker_key(false))),
        Fate::Hidden
    );
    assert_eq!(fate(records(1)), Fate::Hidden);
    assert_eq!(fate(records(2)), Fate::Open);
    assert_eq!(
        fate(batch(1, TRANSACTIONAL | CONTROL, marker_key(true))),
        Fate::Hidden
    );
    assert_eq!(fate(records(1)), Fate::Shown);
    assert_eq!(fate(batch(2, 0, b"k")), Fate::Shown);
}

#[test]
fn what_compaction_emptied_counts_only_where_it_was_known() {
    let emptied = Batch::hollow(50, 51, LeaderEpoch(0));
    let mut outcomes = Outcomes::default();
    let mut fate = |known| outcomes.of(&emptied, TargetOffset(known)).unwrap();
    assert_eq!(fate(60), Fate::Shown);
    assert_eq!(fate(50), Fate::Hidden);
}
