//! Any bytes are batches or an error, never a panic. The CRC is checked but not required, since nothing behind it would be
//! reached otherwise. Records that decode are built into a batch again, which must decode to the same records.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz batch tests/vectors`

#![no_main]

use bytes::Bytes;
use farshore::kafka::batch::{Batch, BatchError, Builder, Codec, Record, Stamp, batches};
use farshore::model::ProducerId;
use libfuzzer_sys::fuzz_target;

const STAMP: Stamp = Stamp {
    producer_id: ProducerId(1),
    producer_epoch: 0,
    base_sequence: 0,
};

fuzz_target!(|data: &[u8]| {
    for batch in batches(Bytes::copy_from_slice(data)).flatten() {
        let _ = batch.check_crc();
        let _ = batch.control();
        let stamped = batch.restamp(STAMP);
        assert_eq!(stamped.size(), batch.size());
        if let Ok(records) = decoded(&batch)
            && !records.is_empty()
        {
            build_again(&records);
        }
    }
});

fn decoded(batch: &Batch) -> Result<Vec<Record>, BatchError> {
    let records = batch.records()?;
    records.iter().map(|record| record?.to_record()).collect()
}

fn build_again(records: &[Record]) {
    let mut builder = Builder::new(Codec::None);
    for record in records {
        builder.push_record(record);
    }
    let stamped = builder.finish(STAMP).expect("decoded records fit a batch");
    let bytes = [&stamped.header[..], &stamped.body].concat();
    let batch = batches(Bytes::from(bytes))
        .next()
        .expect("a whole batch")
        .expect("a sound header");
    batch.check_crc().expect("a fitting CRC");
    let mut again = decoded(&batch).expect("sound records");
    for (record, original) in again.iter_mut().zip(records) {
        record.offset = original.offset;
    }
    assert_eq!(again, records);
}
