//! Batches as brokers serve them, built and read back by tests.

use bytes::Bytes;

use super::{
    Batch, BatchError, Builder, Codec, HEADER_LEN, Header, Record, Stamp, Stamped, batches,
};
use crate::model::ProducerId;

/// The stamp of a batch that a numbered producer wrote.
pub(crate) const STAMP: Stamp = Stamp {
    producer_id: ProducerId(4_711),
    producer_epoch: 3,
    base_sequence: 99,
};

pub(crate) fn joined(stamped: &Stamped) -> Bytes {
    [&stamped.header[..], &stamped.body].concat().into()
}

pub(crate) fn only_batch(bytes: Bytes) -> Batch {
    let mut found = batches(bytes);
    let batch = found
        .next()
        .expect("a whole batch")
        .expect("a sound header");
    assert!(found.next().is_none(), "one batch only");
    batch
}

/// The records in one batch at offset 0, with [`STAMP`].
pub(crate) fn encoded(codec: Codec, records: &[Record]) -> Batch {
    let mut builder = Builder::new(codec);
    for record in records {
        builder.push_record(record);
    }
    only_batch(joined(&builder.finish(STAMP).expect("records fit a batch")))
}

pub(crate) fn decoded(batch: &Batch) -> Result<Vec<Record>, BatchError> {
    let records = batch.records()?;
    records.iter().map(|record| record?.to_record()).collect()
}

/// The batch with another header and, if given, another body, with a matching CRC.
pub(crate) fn altered(
    batch: &Batch,
    body: Option<&[u8]>,
    change: impl FnOnce(&mut Header),
) -> Batch {
    let body = body.map_or_else(|| batch.body(), Bytes::copy_from_slice);
    let mut header = *batch.header();
    header.length = i32::try_from(HEADER_LEN - 12 + body.len()).unwrap();
    change(&mut header);
    only_batch(joined(&Stamped::seal(&header, body)))
}

/// A record with this key and a value of some bytes.
pub(crate) fn keyed(offset: i64, timestamp: i64, key: &'static [u8]) -> Record {
    Record {
        offset,
        timestamp,
        key: Some(Bytes::from_static(key)),
        value: Some(Bytes::from_static(&[0; 6])),
        headers: Vec::new(),
    }
}

/// The key of the marker that commits or aborts a transaction (`ControlRecordType`).
pub(crate) fn marker_key(commits: bool) -> &'static [u8] {
    if commits {
        &[0, 0, 0, 1]
    } else {
        &[0, 0, 0, 0]
    }
}
