//! What holds for any bytes: shared by the fuzz targets and by the test that replays their seeds.

use bytes::Bytes;
use farshore::checkpoint::MemoryStore;
use farshore::checkpoint::inspect::inspect;
use farshore::config;
use farshore::journal::{Contents, rebuild};
use farshore::kafka::batch::{Batch, BatchError, Builder, Codec, Record, Stamp, batches, examine};
use farshore::kafka::client::{ApiKey, check_response};
use farshore::model::{LinkName, ProducerId};
use kafka_protocol::messages::ResponseKind;

const STAMP: Stamp = Stamp {
    producer_id: ProducerId(1),
    producer_epoch: 0,
    base_sequence: 0,
};

/// Any bytes are batches or an error. The CRC is checked but not required, since nothing behind it would be reached
/// otherwise. Records that decode are built into a batch again, which must decode to the same records.
pub(crate) fn batch(data: &[u8]) {
    if let Some(damaged) = examine(&Bytes::copy_from_slice(data), 0, i64::MAX) {
        assert!(damaged.bytes.len() <= data.len());
    }
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
}

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

/// The first byte is the API and the second the version; the rest is decoded as the body of a response if it passes the
/// check, and neither panics nor aborts.
pub(crate) fn response(data: &[u8]) {
    let [key, version, body @ ..] = data else {
        return;
    };
    let version = i16::from(*version);
    let Ok(key) = ApiKey::try_from(i16::from(*key)) else {
        return;
    };
    if check_response(key, version, body) == Some(true) {
        let _ = ResponseKind::decode(key, &mut Bytes::copy_from_slice(body), version);
    }
}

/// Records with one byte for the length of the key and two for that of the value; 0xffff is a tombstone. A value gets the
/// envelope that it would have, since nothing behind the checksum would be reached otherwise.
pub(crate) fn journal(mut data: &[u8]) {
    let mut records = Vec::new();
    while let [key_length, high, low, rest @ ..] = data {
        let (key, rest) = rest.split_at(usize::from(*key_length).min(rest.len()));
        let length = u16::from_be_bytes([*high, *low]);
        let wanted = if length == u16::MAX {
            0
        } else {
            usize::from(length)
        };
        let (value, rest) = rest.split_at(wanted.min(rest.len()));
        let sealed = (length < u16::MAX).then(|| {
            let checksum = crc32c::crc32c_append(crc32c::crc32c(key), value);
            [&[1][..], &checksum.to_be_bytes(), value].concat()
        });
        records.push((key.to_vec(), sealed));
        data = rest;
    }
    let Ok(contents) = Contents::of_records(records) else {
        return;
    };
    let store = MemoryStore::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let link = LinkName::new("l");
    let rebuilt = rebuild(&store, &link, contents);
    if runtime.expect("a runtime").block_on(rebuilt).is_ok() {
        let _ = inspect(&store);
    }
}

/// Any bytes are a configuration or a list of problems.
pub(crate) fn configuration(data: &[u8]) {
    let file = std::env::temp_dir().join(format!("farshore-fuzz-{}.toml", std::process::id()));
    if std::fs::write(&file, data).is_ok()
        && let Err(problems) = config::load(&file)
    {
        assert!(!problems.problems().is_empty());
    }
    let _ = std::fs::remove_file(&file);
}
