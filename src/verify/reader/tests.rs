use super::*;
use crate::kafka::batch::testing::{altered, decoded, encoded, keyed};
use crate::kafka::batch::{Codec, DECOMPRESS_LIMIT};
use crate::kafka::testing::FakeLog;
use crate::verify::places::Anywhere;

/// A sound batch that nobody should decompress in memory: zstd frames of zeros, one after another.
fn oversized() -> Batch {
    let frame = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
    let body = frame.repeat((DECOMPRESS_LIMIT >> 20) + 1);
    let batch = encoded(Codec::Zstd, &[keyed(0, 1, b"k")]);
    altered(&batch, Some(&body), |header| {
        header.record_count = 9;
        header.last_offset_delta = 8;
    })
}

#[test]
fn a_batch_too_large_to_decompress_is_one_item_over_its_wanted_offsets() {
    let batch = oversized();
    batch.check_crc().unwrap();
    let error = decoded(&batch).unwrap_err();
    let at = RecordOrigin::At(SourceOffset(100));
    let item = undecoded(&error, &batch, at, 2..9);
    let until = SourceOffset(107);
    let at = SourceOffset(100);
    assert_eq!(item.place, RecordOrigin::Whole { at, until });
    let mirrored = altered(&batch, None, |header| header.base_offset = 50);
    let image = undecoded(&error, &mirrored, RecordOrigin::At(at), 52..59);
    assert_eq!(image.place, item.place);
    assert_eq!(image.digest.content, item.digest.content);
    let other = altered(&batch, None, |header| header.max_timestamp += 1);
    let other = undecoded(&error, &other, RecordOrigin::At(at), 2..9);
    assert_ne!(other.digest.content, item.digest.content);
}

#[test]
fn a_damaged_batch_is_unreadable() {
    let batch = encoded(Codec::Zstd, &[keyed(0, 1, b"k")]);
    let damaged = altered(&batch, Some(b"nothing"), |_| ());
    let error = decoded(&damaged).unwrap_err();
    let place = RecordOrigin::At(SourceOffset(3));
    let item = undecoded(&error, &damaged, place, 0..1);
    assert_eq!(item.place, RecordOrigin::Unreadable(SourceOffset(3)));
    let item = undecoded(&error, &damaged, RecordOrigin::LeftOut, 0..1);
    assert_eq!(item.place, RecordOrigin::LeftOut);
}

/// The records of a batch of a few KB may have gigabytes of digests.
#[tokio::test]
async fn a_batch_of_many_records_is_read_a_portion_at_a_time() {
    let count = i64::try_from(DIGESTS_MAX).unwrap() + 10;
    let records: Vec<_> = (0..count).map(|offset| keyed(offset, 1, b"")).collect();
    let (_, cluster) = FakeLog::new("t");
    let partition = TopicPartition::new("t", 0);
    let of = (&cluster, &partition);
    let mut reader = Reader::new(of, TopicId::NONE, (5, count), false);
    reader.waiting.push_back(encoded(Codec::Zstd, &records));
    let mut offsets = Vec::new();
    for (portion, next) in [(DIGESTS_MAX, count - 5), (5, count)] {
        let mut feed = Feed::default();
        let pace = Pace::new(u64::MAX);
        let step = reader.fill(&mut feed, &mut Anywhere, &pace).await;
        assert_eq!(step.unwrap(), ReadStep::On);
        assert_eq!((feed.items.len(), reader.next), (portion, next));
        offsets.extend(feed.items.iter().map(|item| item.digest.offset));
    }
    assert!(offsets.into_iter().eq(5..count));
    assert!(reader.waiting.is_empty());
}
