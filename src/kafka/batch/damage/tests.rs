use super::super::testing::{altered, encoded, keyed};
use super::*;
use crate::kafka::batch::Codec;

/// What readers see ends here.
const VISIBLE: i64 = 9;

/// Three records from offset `base` on.
fn three(base: i64) -> Batch {
    let records = [0, 1, 2].map(|offset| keyed(offset, 1_000, b"k"));
    altered(&encoded(Codec::Gzip, &records), None, |header| {
        header.base_offset = base;
    })
}

fn log(batches: &[&[u8]]) -> Bytes {
    batches.concat().into()
}

/// The batch with another byte at `at`.
fn flipped(batch: &Batch, at: usize) -> Vec<u8> {
    let mut bytes = batch.bytes().to_vec();
    bytes[at] ^= 1;
    bytes
}

fn found(log: &Bytes) -> (usize, Option<i64>) {
    let damaged = examine(log, 3, VISIBLE).expect("damage");
    (damaged.bytes.len(), damaged.until)
}

#[test]
fn sound_batches_are_no_damage() {
    let sound = log(&[three(0).bytes(), three(3).bytes(), three(6).bytes()]);
    assert!(examine(&sound, 3, VISIBLE).is_none());
    assert!(examine(&Bytes::new(), 3, VISIBLE).is_none());
    // An answer may end within a batch.
    let cut = log(&[three(0).bytes(), &three(3).bytes()[..70]]);
    assert!(examine(&cut, 3, VISIBLE).is_none());
}

#[test]
fn a_wrong_checksum_ends_where_the_next_batch_begins() {
    let (size, last) = (three(3).size(), three(3).size() - 1);
    for behind in [three(6).bytes().to_vec(), Vec::new()] {
        let visible = if behind.is_empty() { 6 } else { VISIBLE };
        let log = log(&[three(0).bytes(), &flipped(&three(3), last), &behind]);
        let damaged = examine(&log, 3, visible).expect("damage");
        assert!(matches!(damaged.error, BatchError::Crc { .. }));
        assert_eq!((damaged.bytes.len(), damaged.until), (size, Some(6)));
    }
}

/// The last offset delta is what is damaged: the sound batch that follows tells, however it looks.
#[test]
fn an_end_that_what_follows_contradicts_is_not_believed() {
    let low_byte_of_delta = 26;
    let lying = flipped(&three(3), low_byte_of_delta);
    let size = lying.len();
    let followed = log(&[&lying, three(6).bytes()]);
    assert_eq!(found(&followed), (size, Some(6)));
    // Nothing follows, and readers see more.
    assert_eq!(found(&log(&[&lying])), (size, None));
    let two = log(&[&lying, &flipped(&three(6), 40), three(9).bytes()]);
    assert_eq!(found(&two), (size, None));
}

#[test]
fn two_damaged_batches_are_told_apart_where_their_offsets_agree() {
    let at = three(3).size() - 1;
    let two = log(&[&flipped(&three(3), at), &flipped(&three(6), at)]);
    assert_eq!(found(&two), (three(3).size(), Some(6)));
}

/// Kafka assigns offsets by what the header says, so they are right if its checksum is.
#[test]
fn a_batch_that_lies_about_its_records_ends_where_it_says() {
    let sound = three(3);
    let lying = [
        altered(&sound, None, |header| header.record_count = 2),
        altered(&sound, None, |header| header.attributes.0 |= 7),
        altered(&sound, Some(b"not gzip"), |_| {}),
    ];
    for batch in lying {
        assert_eq!(found(batch.bytes()), (batch.size(), Some(6)));
    }
}

#[test]
fn nobody_knows_the_end_of_a_batch_whose_length_is_wrong() {
    let (high_byte_of_length, low_byte_of_length) = (9, 11);
    // With a length beyond the end it looks incomplete.
    for at in [high_byte_of_length, low_byte_of_length] {
        let lying = flipped(&three(3), at);
        let (_, until) = found(&log(&[&lying, three(6).bytes()]));
        assert_eq!(until, None, "{at}");
    }
}
