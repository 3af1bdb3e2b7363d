//! Batches of any content, for this module's tests.

mod damage;
mod frames;
mod round_trip;
mod vectors;

use bytes::Bytes;
use proptest::prelude::*;

use super::testing::{STAMP, altered, decoded, encoded, joined, only_batch};
use super::{
    Batch, BatchError, Builder, Codec, HEADER_LEN, Header, Record, Stamp, Stamped, batches,
};
use crate::model::ProducerId;

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
