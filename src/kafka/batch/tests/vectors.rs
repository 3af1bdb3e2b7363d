//! Batches as written by Java's and librdkafka's producers, brokers and the log cleaner; see `tests/vectors/README.md`.

use bytes::Bytes;
use serde_json::Value;

use crate::kafka::batch::testing::{decoded, encoded, only_batch};
use crate::kafka::batch::{Batch, Codec, ControlKind, Record, batches};

macro_rules! vector {
    ($name:literal) => {
        Bytes::from_static(include_bytes!(concat!("../../../../tests/vectors/", $name)))
    };
}

fn produced() -> [(&'static str, Codec, Bytes); 10] {
    [
        ("java", Codec::None, vector!("java-none.batch")),
        ("java", Codec::Gzip, vector!("java-gzip.batch")),
        ("java", Codec::Snappy, vector!("java-snappy.batch")),
        ("java", Codec::Lz4, vector!("java-lz4.batch")),
        ("java", Codec::Zstd, vector!("java-zstd.batch")),
        ("librdkafka", Codec::None, vector!("librdkafka-none.batch")),
        ("librdkafka", Codec::Gzip, vector!("librdkafka-gzip.batch")),
        (
            "librdkafka",
            Codec::Snappy,
            vector!("librdkafka-snappy.batch"),
        ),
        ("librdkafka", Codec::Lz4, vector!("librdkafka-lz4.batch")),
        ("librdkafka", Codec::Zstd, vector!("librdkafka-zstd.batch")),
    ]
}

/// A field of `records.json`: null, text, bytes in hexadecimal, or repeated text.
fn field(value: &Value) -> Option<Bytes> {
    if let Some(text) = value.as_str() {
        return Some(Bytes::copy_from_slice(text.as_bytes()));
    }
    if let Some(hex) = value["hex"].as_str() {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        return Some((0..hex.len()).step_by(2).map(byte).collect());
    }
    let times = usize::try_from(value["times"].as_u64()?).unwrap();
    Some(Bytes::from(value["repeat"].as_str()?.repeat(times)))
}

fn described() -> Vec<Record> {
    let records: Vec<Value> = serde_json::from_slice(&vector!("records.json")).unwrap();
    records
        .iter()
        .zip(0..)
        .map(|(record, offset)| Record {
            offset,
            timestamp: record["timestamp"].as_i64().unwrap(),
            key: field(&record["key"]),
            value: field(&record["value"]),
            headers: record["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|header| (field(&header[0]).unwrap(), field(&header[1])))
                .collect(),
        })
        .collect()
}

fn contents(batch: &Batch) -> Vec<Vec<u8>> {
    let records = batch.records().unwrap();
    let contents = records
        .iter()
        .map(|record| record.unwrap().content.to_vec());
    contents.collect()
}

#[test]
fn batches_of_other_producers_hold_what_was_produced() {
    for (producer, codec, bytes) in produced() {
        let batch = only_batch(bytes);
        batch.check_crc().unwrap();
        assert_eq!(batch.header().attributes.codec().unwrap(), codec);
        assert_eq!(decoded(&batch).unwrap(), described(), "{producer} {codec}");
    }
}

#[test]
fn this_encoder_writes_the_same_contents_and_plain_bytes() {
    let plain = encoded(Codec::None, &described());
    for (producer, codec, bytes) in produced() {
        let theirs = only_batch(bytes);
        let ours = encoded(codec, &described());
        assert_eq!(contents(&ours), contents(&theirs), "{producer} {codec}");
        if codec == Codec::None {
            assert_eq!(plain.body(), theirs.body(), "{producer}");
        }
    }
}

/// Java's consumer rejects LZ4 blocks that depend on each other, and some clients don't read unframed Snappy.
#[test]
fn this_encoder_frames_lz4_and_snappy_as_java_does() {
    let lz4 = only_batch(vector!("java-lz4.batch")).body();
    assert_eq!(encoded(Codec::Lz4, &described()).body()[..7], lz4[..7]);
    let snappy = only_batch(vector!("java-snappy.batch")).body();
    assert_eq!(
        encoded(Codec::Snappy, &described()).body()[..16],
        snappy[..16]
    );
    let bare = only_batch(vector!("librdkafka-snappy.batch")).body();
    assert_ne!(bare[..8], snappy[..8]);
}

#[test]
fn a_brokers_markers_end_transactions() {
    let log: Vec<_> = batches(vector!("java-transactions.batch"))
        .collect::<Result<_, _>>()
        .unwrap();
    let control: Vec<_> = log
        .iter()
        .map(|batch| {
            batch.check_crc().unwrap();
            let attributes = batch.header().attributes;
            assert!(attributes.is_transactional());
            attributes.is_control().then(|| batch.control().unwrap())
        })
        .collect();
    let (commit, abort) = (Some(ControlKind::Commit), Some(ControlKind::Abort));
    assert_eq!(control, [None, commit, None, abort]);
}

#[test]
fn a_compacted_batch_keeps_offsets_and_times_of_what_is_left() {
    let log: Vec<_> = batches(vector!("java-compacted.batch"))
        .collect::<Result<_, _>>()
        .unwrap();
    let first = &log[0];
    first.check_crc().unwrap();
    assert!(!first.is_contiguous() && first.header().attributes.has_delete_horizon());
    assert_eq!((first.next_offset(), log[1].base_offset()), (7, 7));
    let left: Vec<_> = decoded(first)
        .unwrap()
        .into_iter()
        .map(|record| (record.offset, record.timestamp, record.key.unwrap()))
        .collect();
    let expected = [(1, "b"), (3, "a"), (4, "c"), (5, "b2")]
        .map(|(offset, key)| (offset, 1_700_000_000_000 + offset, Bytes::from(key)));
    assert_eq!(left, expected);
}

#[test]
fn log_append_time_is_the_time_of_every_record() {
    let batch = only_batch(vector!("java-log-append-time.batch"));
    batch.check_crc().unwrap();
    assert_eq!(batch.header().base_timestamp, 1_700_000_000_000);
    let times: Vec<_> = decoded(&batch)
        .unwrap()
        .iter()
        .map(|record| record.timestamp)
        .collect();
    assert_eq!(times, [1_795_366_939_053; 3]);
}
