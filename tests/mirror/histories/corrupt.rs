//! Batches in the source's log that nobody can decode: everything before them arrives, then the partition stops or leaves them
//! out with a receipt.

use sha2::{Digest, Sha256};

use super::refused::header;
use super::told::{content, decisions, resolve, without_image};
use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::{between, numbered, spec, write_batches};
use crate::setting::Setting;
use crate::support::topics;
use crate::support::write::{Record, Writer};
use crate::verify::segment::Segment;
use crate::verify::verified;

const QUARANTINE: &str = "farshore-quarantine-paris-oslo";

/// The partitions of `t`, named for what is damaged in their second batch: bytes of a record under the old checksum; under a
/// right checksum the record count, a record's length, the compressed bytes, the codec. Offsets are right in all of them, except
/// in the last.
const ROTTEN: i32 = 0;
const COUNT: i32 = 1;
const LENGTH: i32 = 2;
const GZIP: i32 = 3;
const CODEC: i32 = 4;
const DELTA: i32 = 5;
const PARTITIONS: i32 = 6;

/// The number of records in each of three batches.
const BATCH: usize = 10;
const HEADER: isize = 61;

/// The batches that are written to each partition.
fn batches() -> [std::ops::Range<usize>; 3] {
    [0, 1, 2].map(|number| number * BATCH..(number + 1) * BATCH)
}

async fn fill(setting: &Setting) {
    setting.topic("t", PARTITIONS, &[]).await;
    for partition in (0..PARTITIONS).filter(|it| *it != GZIP) {
        write_batches(setting, "t", partition, batches(), 200).await;
    }
    let settings = [("compression.type", "gzip")];
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &settings);
    for numbers in batches() {
        writer.write(numbered(GZIP, numbers, 200)).await;
    }
}

/// Damages the source while its broker is down.
async fn damage(setting: &mut Setting) {
    setting.paris.stop(1).await;
    let data = setting.paris.data_dir(1);
    let segment = |partition| Segment::of(&data, "t", partition);
    segment(ROTTEN).change(1, -20, |it| it ^ 1).store_as_it_is();
    segment(COUNT).change(1, 60, |it| it - 1).store();
    segment(LENGTH).change(1, HEADER, |it| it ^ 0x40).store();
    segment(GZIP).change(1, HEADER, |it| it ^ 0xff).store();
    segment(CODEC).change(1, 22, |it| it | 0b111).store();
    segment(DELTA).change(1, 26, |it| it - 1).store_as_it_is();
    setting.paris.restart(1).await;
    topics::wait_led(&setting.paris.bootstrap(), "t", PARTITIONS).await;
}

#[tokio::test]
async fn a_partition_stops_before_a_batch_that_cannot_be_decoded_and_leaves_it_out_if_told_to() {
    // The batches are the writers'.
    let link = "path = \"raw\"\ntopics = [\"t\"]";
    let mut setting = between(spec(), spec(), link).await;
    fill(&setting).await;
    damage(&mut setting).await;
    setting.farshore.start().await;
    for partition in 0..PARTITIONS {
        let (state, reason) = stands_still(&setting.farshore, ("t", partition)).await;
        assert_eq!(
            (state.as_str(), reason.code.as_str()),
            ("halted", "source_corrupt"),
            "partition {partition}: {reason:?}"
        );
        assert_eq!(reason.source_offset, Some(10), "partition {partition}");
        let text = "source offsets 10 to 19 can't be mirrored: ";
        assert!(reason.message.starts_with(text), "{partition}: {reason:?}");
        setting.holds("t", partition, 0..10).await;
    }
    // Nothing of it goes on by itself.
    let again = resolve(&setting.farshore, "t", &["follow"]).await;
    assert_eq!(again, Some(3));
    let code = resolve(&setting.farshore, "t", &["skip_with_receipt"]).await;
    assert_eq!(code, Some(0));
    let data = setting.paris.data_dir(1);
    let receipts = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    assert_eq!(receipts.len(), 6);
    for partition in 0..PARTITIONS {
        caught_up(&setting.farshore, ("t", partition), 30).await;
        setting.holds("t", partition, 0..20).await;
        let lost = without_image(&setting.farshore, "t", partition).await;
        assert_eq!(lost, [0, 10, 0, 0]);
        let receipt = receipts
            .values()
            .find(|it| header(it, "farshore.partition") == partition.to_string());
        let receipt = receipt.expect("a receipt");
        let bytes = Segment::of(&data, "t", partition).batch(1);
        let sum = format!("{:x}", Sha256::digest(&bytes));
        assert_eq!(header(receipt, "farshore.batch_sha256"), sum);
        assert_eq!(header(receipt, "farshore.offset"), "10");
        assert_eq!(header(receipt, "farshore.until"), "20");
        assert_eq!(receipt.value.as_ref(), Some(&bytes));
    }
    for decision in decisions(&setting.farshore, "t").await {
        assert_eq!(decision.code, "source_corrupt");
        assert_eq!(decision.stretches, [("skipped".to_owned(), 10, 20)]);
    }
    // The mirror goes on, and every record that can be read is there.
    for partition in 0..PARTITIONS {
        write_batches(&setting, "t", partition, [30..35], 200).await;
        caught_up(&setting.farshore, ("t", partition), 35).await;
        let on_target = content(&setting.oslo.bootstrap(), "t", partition).await;
        let numbers = on_target.values().map(|it| it.key.clone());
        let wanted = (0..10)
            .chain(20..35)
            .map(|it| Some(format!("key{it}").into_bytes()));
        assert!(numbers.eq(wanted), "partition {partition}");
    }
}

/// Batches with their source broker's times have to be decoded, all others are forwarded as they are.
#[tokio::test]
async fn a_batch_larger_than_the_bound_on_memory_is_left_out_where_it_has_to_be_decoded() {
    const LARGE: usize = 1_000_000;
    // The bound, at most as much for the decompressor, and what the process takes without it.
    const MEMORY: usize = 64 + 64 + 32;
    let link =
        "path = \"raw\"\ntopics = [\"timed\", \"plain\"]\non_corrupt = \"skip_with_receipt\"";
    let mut setting = between(spec(), spec(), link).await;
    let append = [("message.timestamp.type", "LogAppendTime")];
    setting.topic("timed", 1, &append).await;
    setting.topic("plain", 1, &[]).await;
    let settings = [
        ("compression.type", "zstd"),
        ("batch.size", "200000000"),
        ("message.max.bytes", "300000000"),
        ("linger.ms", "3000"),
    ];
    for topic in ["timed", "plain"] {
        write_batches(&setting, topic, 0, [0..3], 20).await;
        let writer = Writer::new(&setting.paris.bootstrap(), topic, &settings);
        let records = (0..70).map(|_| Record::new(0, "large", vec![b'v'; LARGE]));
        writer.write(records).await;
        write_batches(&setting, topic, 0, [0..3], 20).await;
    }
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("plain", 0), 76).await;
    caught_up(&setting.farshore, ("timed", 0), 76).await;
    // librdkafka doesn't read such a batch.
    let on_target = topics::watermarks(&setting.oslo.bootstrap(), "plain", 0).await;
    assert_eq!(on_target, (0, 76));
    setting.holds("timed", 0, 0..6).await;
    let decided = decisions(&setting.farshore, "timed").await;
    let stretches: Vec<_> = decided.into_iter().flat_map(|it| it.stretches).collect();
    assert_eq!(stretches, [("skipped".to_owned(), 3, 73)]);
    let receipts = content(&setting.oslo.bootstrap(), QUARANTINE, 0).await;
    assert_eq!(receipts.len(), 1);
    assert!(header(&receipts[&0], "farshore.message").contains("67108864 bytes"));
    let (code, answer) = verified(&setting.farshore, "paris-oslo").await;
    assert_eq!(code, Some(0), "{answer}");
    let memory = setting.farshore.most_memory();
    assert!(memory < MEMORY, "{memory} MiB");
}

/// The broker itself can't split such logs into batches.
#[tokio::test]
async fn a_length_that_is_wrong_on_disk_stops_the_partition_and_nothing_is_left_out() {
    const TOO_SHORT: i32 = 0;
    const TOO_LONG: i32 = 1;
    const BEYOND_THE_SEGMENT: i32 = 2;
    const PARTITIONS: i32 = 3;
    let link = "path = \"raw\"\ntopics = [\"t\"]\non_corrupt = \"skip_with_receipt\"";
    let mut setting = between(spec(), spec(), link).await;
    setting.topic("t", PARTITIONS, &[]).await;
    for partition in 0..PARTITIONS {
        write_batches(&setting, "t", partition, batches(), 200).await;
    }
    setting.paris.stop(1).await;
    let data = setting.paris.data_dir(1);
    let segment = |partition| Segment::of(&data, "t", partition);
    // A batch has 2 KiB; its length is at 8 to 11.
    segment(TOO_SHORT)
        .change(1, 11, |it| it - 1)
        .store_as_it_is();
    segment(TOO_LONG)
        .change(1, 11, |it| it + 1)
        .store_as_it_is();
    segment(BEYOND_THE_SEGMENT)
        .change(1, 9, |it| it + 1)
        .store_as_it_is();
    setting.paris.restart(1).await;
    topics::wait_led(&setting.paris.bootstrap(), "t", PARTITIONS).await;
    setting.farshore.start().await;
    for partition in 0..PARTITIONS {
        let (state, reason) = stands_still(&setting.farshore, ("t", partition)).await;
        assert_eq!(
            (state.as_str(), reason.code.as_str()),
            ("halted", "source_corrupt"),
            "partition {partition}: {reason:?}"
        );
        let text = "the source's log can't be read from offset 10 on";
        assert!(reason.message.starts_with(text), "{partition}: {reason:?}");
        setting.holds("t", partition, 0..10).await;
    }
}
