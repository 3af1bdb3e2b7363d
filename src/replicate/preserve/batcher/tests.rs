use proptest::prelude::*;

use crate::kafka::batch::testing::{STAMP, altered, joined, only_batch};
use crate::kafka::batch::{Batch, Codec, HEADER_LEN};
use crate::replicate::testing::{self, served};

use super::*;

/// A batch as a source would serve it after its log cleaner left only these offsets of `first..end`.
fn batch(first: i64, end: i64, left: &[i64]) -> Batch {
    let mut builder = Builder::new(Codec::None);
    for offset in left {
        builder.push(1_000 + offset, &[1, 2, offset.to_le_bytes()[0], 0]);
    }
    let whole = only_batch(joined(&builder.finish(STAMP).unwrap()));
    // Each record: length, attributes, two deltas, content. Deltas are zigzag varints of one byte below 64.
    let mut body = Vec::new();
    let base_timestamp = 1_000 + left.first().unwrap_or(&0);
    for offset in left {
        let [time, at] = [offset + 1_000 - base_timestamp, offset - first];
        let zigzag = |delta: i64| u8::try_from(delta * 2).unwrap();
        body.extend_from_slice(&[14, 0, zigzag(time), zigzag(at)]);
        body.extend_from_slice(&[1, 2, offset.to_le_bytes()[0], 0]);
    }
    assert_eq!(body.len(), whole.size() - HEADER_LEN);
    altered(&whole, Some(&body), |header| {
        header.base_offset = first;
        header.last_offset_delta = i32::try_from(end - first - 1).unwrap();
    })
}

fn course(at: i64, records_limit: usize) -> Course {
    Course {
        records_limit,
        ..testing::course(at, None)
    }
}

/// Returns what the target would hold: the offsets of its records, and the final course.
fn play(mut fetch_buffer: FetchBuffer, mut course: Course) -> (Vec<i64>, Course) {
    let mut records = Vec::new();
    loop {
        match next(&mut fetch_buffer, &course).unwrap() {
            NextBatch::Unknown => return (records, course),
            NextBatch::Gap(until) => {
                assert!(until > course.target);
                course.unnumbered += until.since(course.target);
                course.target = until;
            }
            NextBatch::Records(produce_batch) => {
                assert_eq!(produce_batch.target, course.target);
                assert_eq!(
                    produce_batch.frontier.get(),
                    produce_batch.runs[0].target_end().get()
                );
                let sequence = i64::try_from(records.len()).unwrap();
                let sent = served(&produce_batch);
                assert!(sent.is_contiguous());
                let numbered = course.target.get() - course.unnumbered - sequence;
                for record in &sent.records().unwrap() {
                    let record = record.unwrap();
                    assert_eq!(record.content[2], record.offset.to_le_bytes()[0]);
                    assert_eq!(record.timestamp, 1_000 + record.offset);
                    records.push(record.offset);
                }
                assert_eq!(i64::from(sent.header().base_sequence), numbered + sequence);
                course = course.behind(&produce_batch);
            }
        }
    }
}

proptest! {
    /// Whatever is left of the source's batches, each record gets the offset it had.
    #[test]
    fn every_record_keeps_its_offset(
        sizes in prop::collection::vec(prop::collection::vec(any::<bool>(), 1..30), 1..12),
        skipped in prop::collection::vec(0_usize..4, 12),
        records_limit in prop_oneof![Just(usize::MAX), 1_usize..5],
        begin in 0_i64..40,
    ) {
        let (mut fetch_buffer, mut first, mut expected) = (FetchBuffer::default(), 0_i64, Vec::new());
        for (kept, skip) in sizes.iter().zip(&skipped) {
            let end = first + i64::try_from(kept.len()).unwrap();
            let left: Vec<i64> = (first..end).zip(kept).filter(|(_, kept)| **kept).map(|it| it.0).collect();
            // Some batches aren't mirrored, like those of aborted transactions.
            if end > begin {
                if *skip == 0 || left.is_empty() {
                    fetch_buffer.pass(SourceOffset(end));
                } else {
                    let whole = left.len() == kept.len();
                    fetch_buffer.load(FetchedBatch {
                        batch: batch(first, end, &left),
                        from: SourceOffset(first.max(begin)),
                        intact: whole && first >= begin,
                    });
                    expected.extend(left.into_iter().filter(|offset| *offset >= begin));
                }
            }
            first = end;
        }
        let (records, course) = play(fetch_buffer, course(begin, records_limit));
        prop_assert_eq!(records, expected);
        prop_assert_eq!(course.target.get(), first.max(begin));
    }
}
