//! A damaged batch is always an error, never a panic and never different records.

use super::super::header::{CRC_AT, CRC_START, LENGTH_END, MAGIC_AT};
use super::*;

fn small(codec: Codec) -> Batch {
    encoded(
        codec,
        &[
            record(10, "key", "value"),
            record(9, "key", "another value"),
        ],
    )
}

/// Reads the records of all batches, checking everything about them.
fn read_all(bytes: Bytes) -> Result<Vec<Record>, BatchError> {
    let mut all = Vec::new();
    for batch in batches(bytes) {
        let batch = batch?;
        batch.check_crc()?;
        all.extend(decoded(&batch)?);
    }
    Ok(all)
}

#[test]
fn every_bit_flip_is_an_error() {
    for codec in Codec::ALL {
        let whole = small(codec).bytes().to_vec();
        let records = read_all(Bytes::from(whole.clone())).unwrap();
        for bit in 0..whole.len() * 8 {
            let at = bit / 8;
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (bit % 8);
            match read_all(Bytes::from(bytes)) {
                Err(_) => {}
                // A larger length makes the batch a partial one.
                Ok(read) if (8..LENGTH_END).contains(&at) => assert_eq!(read, [], "bit {bit}"),
                Ok(read) => {
                    // Brokers rewrite base offset and leader epoch, so no CRC covers them.
                    assert!(at < MAGIC_AT, "{codec} bit {bit}");
                    assert_eq!(values(&read), values(&records), "{codec} bit {bit}");
                }
            }
        }
    }
}

fn values(records: &[Record]) -> Vec<Option<Bytes>> {
    records.iter().map(|record| record.value.clone()).collect()
}

#[test]
fn every_truncation_is_partial_or_an_error() {
    for codec in Codec::ALL {
        let whole = small(codec).bytes().to_vec();
        for size in 0..whole.len() {
            let mut bytes = whole[..size].to_vec();
            let partial = batches(Bytes::from(bytes.clone())).next();
            assert!(partial.is_none(), "{codec} {size}");
            if size > MAGIC_AT {
                let length = i32::try_from(size - LENGTH_END).unwrap();
                bytes[8..LENGTH_END].copy_from_slice(&length.to_be_bytes());
                assert!(read_all(Bytes::from(bytes)).is_err(), "{codec} {size}");
            }
        }
    }
}

/// A CRC protects against accidents, not against a faulty writer: every check has to hold on its own.
#[test]
fn truncation_under_a_fitting_crc_is_an_error() {
    for codec in Codec::ALL {
        let batch = small(codec);
        let records = decoded(&batch).unwrap();
        let body = batch.body();
        for size in 0..body.len() {
            let cut = altered(&batch, Some(&body[..size]), |_| ());
            assert!(cut.check_crc().is_ok());
            match decoded(&cut) {
                Err(_) => {}
                // An LZ4 frame without its end mark has lost none of its data.
                Ok(read) => assert!(
                    codec == Codec::Lz4 && body.len() - size <= 4 && read == records,
                    "{codec} {size}"
                ),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn bytes_changed_under_a_fitting_crc_never_panic(
        codec in any_codec(),
        records in any_records(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(codec, &records).bytes().to_vec();
        for (index, byte) in changes {
            let at = CRC_START + index.index(bytes.len() - CRC_START);
            bytes[at] = byte;
        }
        let crc = crc32c::crc32c(&bytes[CRC_START..]);
        bytes[CRC_AT..CRC_START].copy_from_slice(&crc.to_be_bytes());
        let _ = read_all(Bytes::from(bytes));
    }

    #[test]
    fn any_bytes_never_panic(bytes in any_bytes(300)) {
        let _ = read_all(bytes);
    }
}

/// One record's bytes: attributes, timestamp delta, offset delta, null key, null value, no headers.
const fn bare(offset_delta: u8) -> [u8; 7] {
    [12, 0, 0, 2 * offset_delta, 1, 1, 0]
}

fn refused(body: &[u8], records: i32) -> &'static str {
    let batch = altered(&small(Codec::None), Some(body), |header| {
        header.record_count = records;
        header.last_offset_delta = 2;
    });
    let Ok(records) = batch.records() else {
        return "too few bytes";
    };
    let mut rest = records.iter().skip_while(Result::is_ok);
    let first = rest.next().expect("an error");
    assert!(rest.next().is_none(), "an error ends the iteration");
    match first {
        Err(BatchError::Malformed { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_that_contradict_their_batch_are_refused() {
    let two = [bare(0), bare(1)].concat();
    assert_eq!(refused(&two, 3), "too few bytes");
    assert_eq!(refused(&two, 1), "bytes follow its last record");
    assert_eq!(refused(&two, 0), "bytes follow its last record");
    let rising = "its records' offsets do not increase";
    assert_eq!(refused(&[bare(1), bare(1)].concat(), 2), rising);
    assert_eq!(refused(&[bare(1), bare(0)].concat(), 2), rising);
    let negative = [12, 0, 0, 1, 1, 1, 0];
    assert_eq!(refused(&[negative, bare(1)].concat(), 2), rising);
    let behind = "a record's offset is beyond its last offset";
    assert_eq!(refused(&[bare(0), bare(3)].concat(), 2), behind);
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let end = "a length points past the end";
    assert_eq!(refused(&[14, 0, 0, 0, 1, 1, 0], 1), end);
    assert_eq!(refused(&[12, 0, 0, 0, 8, 1, 0], 1), end);
    assert_eq!(refused(&[10, 0, 0, 0, 1, 1, 0], 1), "a field is cut off");
    assert_eq!(refused(&[12, 0, 0, 0, 1, 1, 126], 1), "a field is cut off");
    assert_eq!(refused(&[12, 0, 0, 0, 1, 1, 1], 1), "a length is negative");
    assert_eq!(
        refused(&[16, 0, 0, 0, 1, 1, 2, 1, 1], 1),
        "a length is negative"
    );
    let behind = "bytes follow a record's headers";
    assert_eq!(refused(&[14, 0, 0, 0, 1, 1, 0, 0], 1), behind);
}
