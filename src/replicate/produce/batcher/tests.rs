use bytes::Bytes;

use crate::kafka::batch::testing::altered;
use crate::kafka::batch::{Batch, Record, batches};
use crate::model::LeaderEpoch;
use crate::replicate::testing::{PID, course, served};

use super::*;

/// A batch of records as a source would serve it.
fn batch(first: i64, count: i64, size: usize, codec: Codec) -> Batch {
    let mut builder = Builder::new(codec);
    for offset in first..first + count {
        builder.push_record(&Record {
            offset,
            timestamp: 1_000 + offset,
            key: Some(Bytes::from(format!("k{offset}"))),
            value: Some(Bytes::from(vec![u8::try_from(offset % 251).unwrap(); size])),
            headers: Vec::new(),
        });
    }
    builder.finish_at(first, LeaderEpoch(0)).unwrap()
}

/// A batch that the log cleaner left with holes: only these offsets, each below `first + 64`, remain.
fn compacted(first: i64, offsets: &[i64]) -> Batch {
    let mut whole = batch(first, 1, 1, Codec::None).bytes()[..61].to_vec();
    for &offset in offsets {
        let delta = u8::try_from(offset - first).unwrap() * 2;
        // Length 6: attributes, timestamp delta, offset delta, null key, null value, no headers; zigzag varints.
        whole.extend_from_slice(&[12, 0, delta, delta, 1, 1, 0]);
    }
    let length = i32::try_from(whole.len() - 12).unwrap();
    let last_delta = i32::try_from(offsets.last().unwrap() - first).unwrap();
    whole[8..12].copy_from_slice(&length.to_be_bytes());
    whole[23..27].copy_from_slice(&last_delta.to_be_bytes());
    whole[57..61].copy_from_slice(&i32::try_from(offsets.len()).unwrap().to_be_bytes());
    batches(Bytes::from(whole)).next().unwrap().unwrap()
}

fn consecutive(from: i64, count: i64, size: usize) -> Batch {
    batch(from, count, size, Codec::None)
}

fn load(fetch_buffer: &mut FetchBuffer, batch: Batch) {
    let from = SourceOffset(batch.base_offset());
    fetch_buffer.load(FetchedBatch {
        batch,
        from,
        intact: true,
    });
}

/// Returns the records of a produce batch as the target would serve them.
fn read(produce_batch: &ProduceBatch) -> Vec<(i64, i64, Vec<u8>)> {
    let batch = served(produce_batch);
    assert_eq!(batch.header().producer_id, PID);
    assert_eq!(
        batch.header().base_sequence,
        sequence_of(produce_batch.target)
    );
    let records = batch.records().unwrap();
    records
        .iter()
        .map(|record| {
            let record = record.unwrap();
            (record.offset, record.timestamp, record.content.to_vec())
        })
        .collect()
}

#[test]
fn a_large_batch_keeps_its_body() {
    let mut fetch_buffer = FetchBuffer::default();
    let original = consecutive(100, 10, 1_000);
    load(&mut fetch_buffer, original.clone());
    let produce_batch = compose(&mut fetch_buffer, &course(7, Some(100)))
        .unwrap()
        .unwrap();
    assert!(produce_batch.joins, "source 100 was expected next");
    assert_eq!(
        produce_batch.runs,
        [Run::new(SourceOffset(100), TargetOffset(7), 10)]
    );
    assert_eq!(produce_batch.frontier, SourceOffset(110));
    let body = produce_batch.stamped.body.as_ptr();
    let within = original.bytes().as_ptr_range();
    assert!(
        within.contains(&body),
        "the body is a slice of what was fetched"
    );
    assert!(fetch_buffer.is_empty());
}

#[test]
fn small_batches_and_the_stretches_between_travel_together() {
    let mut fetch_buffer = FetchBuffer::default();
    load(&mut fetch_buffer, consecutive(10, 2, 10));
    fetch_buffer.pass(SourceOffset(13));
    load(&mut fetch_buffer, consecutive(13, 3, 10));
    fetch_buffer.pass(SourceOffset(17));
    let produce_batch = compose(&mut fetch_buffer, &course(0, Some(10)))
        .unwrap()
        .unwrap();
    let runs = [
        Run::new(SourceOffset(10), TargetOffset(0), 2),
        Run::new(SourceOffset(13), TargetOffset(2), 3),
    ];
    assert_eq!(produce_batch.runs, runs);
    assert!(
        !produce_batch.joins,
        "a run opens inside: it has to be stored first"
    );
    assert_eq!(produce_batch.frontier, SourceOffset(17));
    let timestamps: Vec<i64> = read(&produce_batch)
        .into_iter()
        .map(|record| record.1)
        .collect();
    assert_eq!(timestamps, [1_010, 1_011, 1_013, 1_014, 1_015]);
    assert!(fetch_buffer.is_empty());
}

#[test]
fn holes_become_runs_and_records_before_the_position_stay_behind() {
    let mut fetch_buffer = FetchBuffer::default();
    fetch_buffer.load(FetchedBatch {
        batch: compacted(5, &[5, 6, 9, 12]),
        from: SourceOffset(6),
        intact: false,
    });
    let produce_batch = compose(&mut fetch_buffer, &course(3, Some(6)))
        .unwrap()
        .unwrap();
    let starts: Vec<_> = produce_batch
        .runs
        .iter()
        .map(|run| (run.source.get(), run.length))
        .collect();
    assert_eq!(starts, [(6, 1), (9, 1), (12, 1)]);
    assert_eq!(
        read(&produce_batch)
            .iter()
            .map(|record| record.0)
            .collect::<Vec<_>>(),
        [3, 4, 5]
    );
}

#[test]
fn a_batch_with_nothing_wanted_only_moves_on() {
    let mut fetch_buffer = FetchBuffer::default();
    let old = batch(5, 2, 10, Codec::None);
    fetch_buffer.load(FetchedBatch {
        batch: old,
        from: SourceOffset(7),
        intact: false,
    });
    assert!(
        compose(&mut fetch_buffer, &course(0, None))
            .unwrap()
            .is_none()
    );
    assert_eq!(fetch_buffer.skip(), Some(SourceOffset(7)));
}

#[test]
fn a_refused_batch_is_cut_to_the_limit_until_it_is_done() {
    let mut fetch_buffer = FetchBuffer::default();
    load(&mut fetch_buffer, consecutive(0, 5, 5_000));
    let mut next = Course {
        records_limit: 2,
        ..course(0, Some(0))
    };
    let mut sizes = Vec::new();
    while let Some(produce_batch) = compose(&mut fetch_buffer, &next).unwrap() {
        assert!(produce_batch.joins);
        sizes.push(produce_batch.records());
        next = next.behind(&produce_batch);
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(next.target, TargetOffset(5));
    assert!(fetch_buffer.is_empty());
}

#[test]
fn codecs_are_not_mixed() {
    let mut fetch_buffer = FetchBuffer::default();
    load(&mut fetch_buffer, consecutive(0, 1, 10));
    load(&mut fetch_buffer, batch(1, 1, 10, Codec::Lz4));
    let produce_batch = compose(&mut fetch_buffer, &course(0, Some(0)))
        .unwrap()
        .unwrap();
    assert_eq!(produce_batch.records(), 1);
    assert!(!fetch_buffer.is_empty());
}

/// A small batch whose checksum is right and whose second record can't be decoded.
fn undecodable(first: i64) -> Batch {
    let sound = compacted(first, &[first, first + 1]);
    let mut body = sound.bytes()[61..].to_vec();
    body[7] = 99;
    altered(&sound, Some(&body), |_| {})
}

#[test]
fn what_precedes_a_batch_that_cannot_be_decoded_is_composed_without_it() {
    let mut fetch_buffer = FetchBuffer::default();
    load(&mut fetch_buffer, consecutive(100, 2, 10));
    load(&mut fetch_buffer, consecutive(102, 2, 10));
    load(&mut fetch_buffer, undecodable(104));
    let course = course(7, Some(100));
    let produce_batch = compose(&mut fetch_buffer, &course).unwrap().unwrap();
    let records = read(&produce_batch);
    let offsets: Vec<i64> = records.iter().map(|it| it.0).collect();
    assert_eq!(offsets, [7, 8, 9, 10]);
    assert_eq!(
        produce_batch.runs,
        [Run::new(SourceOffset(100), TargetOffset(7), 4)]
    );
    assert_eq!(produce_batch.frontier, SourceOffset(104));
    load(&mut fetch_buffer, consecutive(106, 2, 10));
    let course = course.behind(&produce_batch);
    for _ in 0..2 {
        let error = compose(&mut fetch_buffer, &course).unwrap_err();
        assert!(matches!(error, BatchError::Malformed { offset: 104, .. }));
        assert_eq!(fetch_buffer.front().unwrap().from, SourceOffset(104));
    }
}

#[test]
fn a_batch_that_is_large_when_decoded_is_sent_in_parts() {
    let mut fetch_buffer = FetchBuffer::default();
    let quarter = REBUILT_LIMIT / 4;
    let mut large = batch(100, 6, quarter, Codec::Zstd);
    large = altered(&large, None, |header| header.last_offset_delta = 9);
    load(&mut fetch_buffer, large);
    fetch_buffer.shorten(SourceOffset(100));
    let mut course = course(7, Some(100));
    for (source, target, length) in [(100, 7, 4), (104, 11, 2)] {
        let part = compose(&mut fetch_buffer, &course).unwrap().unwrap();
        let run = Run::new(SourceOffset(source), TargetOffset(target), length);
        assert_eq!(part.runs, [run]);
        course = course.behind(&part);
    }
    assert!(fetch_buffer.is_empty());
}
