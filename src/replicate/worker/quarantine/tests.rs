use crate::checkpoint::MemoryStore;
use crate::kafka::batch::testing::{keyed, only_batch};
use crate::kafka::testing::FakeLog;
use crate::model::{Policies, Reason};
use crate::replicate::testing::{self, link, route, source_batch, tracked};

use super::*;

/// A source of three records, of which the target refuses the second, and the quarantine topic.
struct Bench {
    source: FakeLog,
    quarantine: FakeLog,
    link: LinkContext,
}

impl Bench {
    async fn new() -> Self {
        let (source, source_cluster) = FakeLog::new("t");
        let (quarantine, target) = FakeLog::new("quarantine");
        target.refresh(0).await.unwrap();
        let store = Arc::new(MemoryStore::default());
        Self {
            source,
            quarantine,
            link: LinkContext::new(link(store, source_cluster, target)),
        }
    }

    async fn write_receipt(&self) -> Result<Receipted, Trouble> {
        write_receipt(&self.link, &route(0), &refused(1)).await
    }

    async fn write_receipt_of_batch(&self, offset: i64) -> Result<Receipted, Trouble> {
        let refused = Refused {
            reason: Reason::new(HaltCode::SourceCorrupt, "too damaged"),
            ..refused(offset)
        };
        write_receipt(&self.link, &route(0), &refused).await
    }

    /// Returns the source offsets of the receipts there are.
    fn receipts(&self) -> Vec<i64> {
        let receipts = self.quarantine.records().into_iter();
        let named = |offset: &i64, receipt: &Record| origin(*offset).is_of(receipt);
        receipts
            .map(|receipt| (0..9).find(|offset| named(offset, &receipt)).unwrap())
            .collect()
    }

    /// Returns the receipt of another record, or of the same one by a former process, as it is sent.
    fn former(&self, offset: i64, at: i64) -> Stamped {
        let receipt = origin(offset).whole(&keyed(offset, 1, b"k"), 1);
        stamped(&self.link, TargetOffset(at), &receipt).unwrap()
    }
}

fn retries(written: Result<Receipted, Trouble>) -> String {
    match written {
        Err(Trouble::Retry(failure)) => failure.text,
        other => panic!("{other:?}"),
    }
}

fn refused(offset: i64) -> Refused {
    Refused {
        reason: Reason::new(HaltCode::RecordRefused, "too large"),
        offset: SourceOffset(offset),
        end: TargetOffset(offset),
    }
}

fn origin(offset: i64) -> Origin {
    Origin {
        link: "l".into(),
        partition: route(0).source,
        offset: SourceOffset(offset),
        topic_id: route(0).source_id.to_string(),
        message: "too large".to_owned(),
    }
}

#[tokio::test]
async fn a_receipt_is_written_once() {
    let bench = Bench::new().await;
    bench.source.hold(source_batch(0));
    bench.quarantine.append(&bench.former(7, 0));
    for _ in 0..2 {
        bench.write_receipt().await.unwrap();
        assert_eq!(bench.receipts(), [7, 1]);
    }
}

/// Brokers compare sequence numbers, not contents: what they acknowledge may be a former process's batch.
#[tokio::test]
async fn a_receipt_whose_place_another_took_is_written_again() {
    let bench = Bench::new().await;
    bench.source.hold(source_batch(0));
    bench.quarantine.put_instead(bench.former(7, 0));
    let taken = retries(bench.write_receipt().await);
    let text = "another receipt took this one's place; writing it again";
    assert!(taken.starts_with(text), "{taken}");
    assert_eq!(bench.receipts(), [7]);
    bench.write_receipt().await.unwrap();
    assert_eq!(bench.receipts(), [7, 1]);
}

#[tokio::test]
async fn a_receipt_that_a_former_process_wrote_in_time_counts() {
    let bench = Bench::new().await;
    bench.source.hold(source_batch(0));
    bench.quarantine.put_instead(bench.former(1, 0));
    bench.write_receipt().await.unwrap();
    assert_eq!(bench.receipts(), [1]);
}

/// A receipt has a CRC of its own, which would make damage look sound.
#[tokio::test]
async fn a_record_that_arrived_damaged_gets_no_receipt() {
    let bench = Bench::new().await;
    let mut bytes = source_batch(0).bytes().to_vec();
    let in_a_value = bytes.len() - 2;
    bytes[in_a_value] ^= 1;
    bench.source.hold(only_batch(bytes.into()));
    let damaged = retries(bench.write_receipt().await);
    assert!(damaged.contains("CRC"), "{damaged}");
    assert!(bench.receipts().is_empty());
}

/// A batch of three records with one byte changed.
fn damaged(first: i64) -> Batch {
    let mut bytes = source_batch(first).bytes().to_vec();
    let in_a_value = bytes.len() - 2;
    bytes[in_a_value] ^= 1;
    only_batch(bytes.into())
}

#[tokio::test]
async fn the_receipt_of_a_damaged_batch_has_its_bytes_and_its_end() {
    let bench = Bench::new().await;
    for batch in [source_batch(0), damaged(3), source_batch(6)] {
        bench.source.hold(batch);
    }
    for _ in 0..2 {
        let written = bench.write_receipt_of_batch(3).await.unwrap();
        assert_eq!(written, Receipted::Until(SourceOffset(6)));
        assert_eq!(bench.receipts(), [3]);
    }
    let receipt = &bench.quarantine.records()[0];
    assert_eq!(receipt.value.as_ref(), Some(damaged(3).bytes()));
    let mut headers = receipt.headers.iter();
    let until = headers.rfind(|(name, _)| name == "farshore.until");
    assert_eq!(until.unwrap().1.as_deref(), Some(&b"6"[..]));
}

#[tokio::test]
async fn a_batch_that_is_sound_now_needs_no_receipt() {
    let bench = Bench::new().await;
    bench.source.hold(source_batch(0));
    let written = bench.write_receipt_of_batch(0).await.unwrap();
    assert_eq!(written, Receipted::Sound);
    assert!(bench.receipts().is_empty());
}

/// Otherwise sound records behind it could be left out with it.
#[tokio::test]
async fn a_batch_whose_end_nobody_knows_is_not_skipped() {
    let bench = Bench::new().await;
    let mut bytes = source_batch(0).bytes().to_vec();
    let low_byte_of_delta = 26;
    bytes[low_byte_of_delta] = 9;
    for batch in [only_batch(bytes.into()), damaged(3)] {
        bench.source.hold(batch);
    }
    let written = bench.write_receipt_of_batch(0).await;
    let Err(Trouble::Halt(reason)) = written else {
        panic!("{written:?}");
    };
    assert_eq!(reason.remedy, UNENDING);
    assert!(bench.receipts().is_empty());
}

/// Elsewhere than at the end the target may hold the record, or something else.
#[test]
fn a_refused_record_is_skipped_only_at_the_end_of_the_mirror() {
    let skips = Policies {
        refused: Policy::SkipWithReceipt,
        ..Policies::HALT
    };
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut mirror = testing::mirror(Arc::new(tracked), OffsetsMode::Translate);
    mirror.policies = skips;
    let reason = refused(5).reason;
    let reason = reason.at(Some(SourceOffset(5)), Some(TargetOffset(3)));
    mirror
        .life
        .advance(Event::Trouble(Trouble::Halt(reason)), skips);
    for (end, is_next) in [(2, false), (3, true), (4, false)] {
        let refused = mirror.refused_record(TargetOffset(end));
        assert_eq!(refused.is_some(), is_next, "{end}");
    }
}
