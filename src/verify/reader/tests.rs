use super::*;
use crate::kafka::batch::testing::{altered, decoded, encoded, keyed};
use crate::kafka::batch::{Codec, DECOMPRESS_LIMIT};

/// A sound batch that nobody should decompress in memory: zstd frames of zeros, one after another.
fn oversized() -> Batch {
    let frame = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
    let body = frame.repeat((DECOMPRESS_LIMIT >> 20) + 1);
    let batch = encoded(Codec::Zstd, &[keyed(0, 1, b"k")]);
    altered(&batch, Some(&body), |header| {
        header.record_count = 9;
        header.last_offset_delta = 8;
    })
}

#[test]
fn a_batch_too_large_to_decompress_is_one_item_over_its_wanted_offsets() {
    let batch = oversized();
    batch.check_crc().unwrap();
    let error = decoded(&batch).unwrap_err();
    let at = RecordOrigin::At(SourceOffset(100));
    let item = undecoded(&error, &batch, at, 2..9);
    let until = SourceOffset(107);
    let at = SourceOffset(100);
    assert_eq!(item.place, RecordOrigin::Whole { at, until });
    let mirrored = altered(&batch, None, |header| header.base_offset = 50);
    let image = undecoded(&error, &mirrored, RecordOrigin::At(at), 52..59);
    assert_eq!(image.place, item.place);
    assert_eq!(image.digest.content, item.digest.content);
    let other = altered(&batch, None, |header| header.max_timestamp += 1);
    let other = undecoded(&error, &other, RecordOrigin::At(at), 2..9);
    assert_ne!(other.digest.content, item.digest.content);
}

#[test]
fn a_damaged_batch_is_unreadable() {
    let batch = encoded(Codec::Zstd, &[keyed(0, 1, b"k")]);
    let damaged = altered(&batch, Some(b"nothing"), |_| ());
    let error = decoded(&damaged).unwrap_err();
    let place = RecordOrigin::At(SourceOffset(3));
    let item = undecoded(&error, &damaged, place, 0..1);
    assert_eq!(item.place, RecordOrigin::Unreadable(SourceOffset(3)));
    let item = undecoded(&error, &damaged, RecordOrigin::LeftOut, 0..1);
    assert_eq!(item.place, RecordOrigin::LeftOut);
}
