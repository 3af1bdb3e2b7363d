use bytes::{Bytes, BytesMut};

use crate::kafka::batch::{Builder, Codec, Record, Stamp, batches};
use crate::model::LeaderEpoch;

use super::*;

const TRANSACTIONAL: u8 = 1 << 4;
const CONTROL: u8 = 1 << 5;
const COMMIT: &[u8] = &[0, 0, 0, 1];
const ABORT: &[u8] = &[0, 0, 0, 0];

fn batch(producer: i64, attributes: u8, key: &'static [u8]) -> Batch {
    let mut builder = Builder::new(Codec::None);
    builder.push_record(&Record {
        offset: 0,
        timestamp: 1,
        key: Some(Bytes::from_static(key)),
        value: Some(Bytes::from_static(&[0; 6])),
        headers: Vec::new(),
    });
    let stamp = Stamp {
        producer_id: ProducerId(producer),
        producer_epoch: 0,
        base_sequence: 0,
    };
    let stamped = builder.finish(stamp).unwrap();
    let mut bytes = BytesMut::from(&stamped.header[..]);
    bytes.extend_from_slice(&stamped.body);
    bytes[7] = 50;
    bytes[22] |= attributes;
    batches(bytes.freeze()).next().unwrap().unwrap()
}

#[test]
fn the_next_marker_of_a_producer_decides_what_becomes_of_its_records() {
    let mut outcomes = Outcomes::default();
    let mut fate = |batch: Batch| outcomes.of(&batch, TargetOffset(0)).unwrap();
    let records = |producer: i64| batch(producer, TRANSACTIONAL, b"k");
    assert_eq!(fate(records(1)), Fate::Open);
    assert_eq!(fate(batch(1, TRANSACTIONAL | CONTROL, ABORT)), Fate::Hidden);
    assert_eq!(fate(records(1)), Fate::Hidden);
    assert_eq!(fate(records(2)), Fate::Open);
    assert_eq!(
        fate(batch(1, TRANSACTIONAL | CONTROL, COMMIT)),
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
