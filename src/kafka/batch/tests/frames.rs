//! Splitting bytes into batches, and decoding headers and markers.

use super::super::ControlKind;
use super::super::header::MAGIC_AT;
use super::*;

fn log_of(count: i64) -> (Vec<Batch>, Vec<u8>) {
    let batch = encoded(Codec::None, &[record(1, "a", "1"), record(2, "b", "2")]);
    let log: Vec<_> = (0..count)
        .map(|i| altered(&batch, None, |header| header.base_offset = 2 * i))
        .collect();
    let bytes = log.iter().flat_map(|batch| batch.bytes().to_vec());
    let bytes = bytes.collect();
    (log, bytes)
}

#[test]
fn whole_batches_come_in_order_and_a_partial_one_ends_it() {
    let (log, bytes) = log_of(3);
    for cut in 0..=bytes.len() {
        let found: Vec<_> = batches(Bytes::copy_from_slice(&bytes[..cut]))
            .map(|batch| batch.unwrap().base_offset())
            .collect();
        let whole = cut / log[0].size();
        assert_eq!(found, [0, 2, 4][..whole], "{cut}");
    }
}

#[test]
fn offsets_and_holes_come_from_the_header() {
    let batch = encoded(Codec::None, &[record(1, "a", "1"), record(2, "b", "2")]);
    let moved = altered(&batch, None, |header| {
        header.base_offset = 40;
        header.last_offset_delta = 9;
    });
    assert_eq!(
        (
            moved.base_offset(),
            moved.last_offset(),
            moved.next_offset()
        ),
        (40, 49, 50)
    );
    assert!(batch.is_contiguous() && !moved.is_contiguous());
}

#[test]
fn unknown_message_formats_are_named_and_end_the_iteration() {
    let (_, mut bytes) = log_of(2);
    for magic in [3, 0xff] {
        bytes[MAGIC_AT] = magic;
        let mut found = batches(Bytes::copy_from_slice(&bytes));
        let error = found.next().unwrap().unwrap_err();
        assert!(matches!(error, BatchError::UnknownFormat { offset: 0, .. }));
        assert!(found.next().is_none());
    }
}

#[test]
fn headers_nobody_can_calculate_with_are_refused() {
    let batch = encoded(Codec::None, &[record(1, "a", "1")]);
    let refused = |change: fn(&mut Header)| {
        let mut header = *batch.header();
        change(&mut header);
        let bytes = joined(&Stamped::seal(&header, batch.body()));
        let first = batches(bytes).next().unwrap();
        assert!(matches!(first, Err(BatchError::Malformed { .. })));
    };
    refused(|header| header.base_offset = -1);
    refused(|header| header.base_offset = i64::MAX);
    refused(|header| header.last_offset_delta = -1);
    refused(|header| header.record_count = -1);
    refused(|header| header.record_count = 2);
    refused(|header| header.length = 48);
    refused(|header| header.length = -1);
}

fn marker(key: &'static [u8]) -> Batch {
    let mut marker = record(1, "", "");
    marker.key = Some(Bytes::from_static(key));
    altered(&encoded(Codec::None, &[marker]), None, |header| {
        header.attributes.0 |= 0b11_0000;
    })
}

#[test]
fn markers_say_what_they_end() {
    assert_eq!(marker(&[0, 0, 0, 0]).control().unwrap(), ControlKind::Abort);
    assert_eq!(
        marker(&[0, 0, 0, 1]).control().unwrap(),
        ControlKind::Commit
    );
    assert_eq!(
        marker(&[0, 1, 1, 2, 7]).control().unwrap(),
        ControlKind::Other(258)
    );
    let removed = altered(&marker(&[0, 0, 0, 1]), Some(&[]), |header| {
        header.record_count = 0;
    });
    assert_eq!(removed.control().unwrap(), ControlKind::Removed);
    assert!(marker(&[0, 0, 0]).control().is_err());
    let data = encoded(Codec::None, &[record(1, "\0\0\0\x01", "")]);
    assert!(data.control().is_err());
}
