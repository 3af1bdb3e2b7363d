//! Shared helpers for this module's tests: building batches, and reading them back.

mod damage;
mod frames;
mod round_trip;

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    Batch, BatchError, Builder, Codec, HEADER_LEN, Header, Record, Stamp, Stamped, batches,
};
use crate::model::ProducerId;

const STAMP: Stamp = Stamp {
    producer_id: ProducerId(4_711),
    producer_epoch: 3,
    base_sequence: 99,
};

pub(super) fn joined(stamped: &Stamped) -> Bytes {
    [&stamped.header[..], &stamped.body].concat().into()
}

pub(super) fn only_batch(bytes: Bytes) -> Batch {
    let mut found = batches(bytes);
    let batch = found
        .next()
        .expect("a whole batch")
        .expect("a sound header");
    assert!(found.next().is_none(), "one batch only");
    batch
}

pub(super) fn encoded(codec: Codec, records: &[Record]) -> Batch {
    let mut builder = Builder::new(codec);
    for record in records {
        builder.push_record(record);
    }
    assert_eq!(builder.record_count(), records.len());
    only_batch(joined(&builder.finish(STAMP).expect("records fit a batch")))
}

pub(super) fn decoded(batch: &Batch) -> Result<Vec<Record>, BatchError> {
    let records = batch.records()?;
    records.iter().map(|record| record?.to_record()).collect()
}

/// The batch with another header and, if given, another body, with a matching CRC.
fn altered(batch: &Batch, body: Option<&[u8]>, change: impl FnOnce(&mut Header)) -> Batch {
    let body = body.map_or_else(|| batch.body(), Bytes::copy_from_slice);
    let mut header = *batch.header();
    header.length = i32::try_from(HEADER_LEN - 12 + body.len()).unwrap();
    change(&mut header);
    only_batch(joined(&Stamped::seal(&header, body)))
}

fn record(timestamp: i64, key: &'static str, value: &'static str) -> Record {
    Record {
        offset: 0,
        timestamp,
        key: Some(Bytes::from_static(key.as_bytes())),
        value: Some(Bytes::from_static(value.as_bytes())),
        headers: vec![(Bytes::from_static(b"h"), None)],
    }
}

fn any_bytes(most: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from)
}

fn any_codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

/// Records as odd as Kafka allows: arbitrary bytes as header keys, often repeated, null and empty everywhere,
/// timestamps that jump.
fn any_records() -> impl Strategy<Value = Vec<Record>> {
    let header_key = prop_oneof![Just(Bytes::from_static(b"repeated")), any_bytes(6)];
    let headers = prop::collection::vec((header_key, prop::option::of(any_bytes(8))), 0..4);
    let timestamp = prop_oneof![any::<i64>(), 1_700_000_000_000..1_700_000_100_000_i64];
    let fields = (
        timestamp,
        prop::option::of(any_bytes(20)),
        prop::option::of(any_bytes(200)),
        headers,
    );
    prop::collection::vec(fields, 1..20).prop_map(|all| {
        all.into_iter()
            .zip(0..)
            .map(|((timestamp, key, value, headers), offset)| Record {
                offset,
                timestamp,
                key,
                value,
                headers,
            })
            .collect()
    })
}
