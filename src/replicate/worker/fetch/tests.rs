use std::time::Duration;

use crate::checkpoint::MemoryStore;
use crate::kafka::Diverging;
use crate::kafka::testing::FakeLog;
use crate::model::{LeaderEpoch, Monotonic, OffsetsMode};
use crate::replicate::testing::{LANE, LANES, flowing, link, mirror, source_batch, tracked};

use super::*;
use crate::config::MirroredSources;
use crate::model::{ClusterName, ProducerId, TopicName};
use crate::replicate::shared::source_writers::OtherLinks;

#[test]
fn a_small_part_of_an_answer_is_taken_apart_and_a_large_one_is_not_copied() {
    let answer = Bytes::from(vec![7; 100]);
    let (small, large) = (answer.slice(0..24), answer.slice(24..100));
    assert_eq!(apart(large.clone(), 100).as_ptr(), large.as_ptr());
    let apart = apart(small.clone(), 100);
    assert_eq!(apart, small);
    assert_ne!(apart.as_ptr(), small.as_ptr());
}

#[test]
fn a_batch_of_a_farshore_link_waits_until_the_link_is_known_to_be_fine() {
    let writers = SourceWriters::default();
    let partition = TopicPartition::new("orders", 0);
    let mut suspect = None;
    let mut check = |producer| {
        let offset = SourceOffset(7);
        let marked = MarkedBatch { producer, offset };
        let checked = check_writer(&partition, &mut suspect, marked, &writers);
        (checked.is_ok(), suspect.take().map(|it| it.offset))
    };
    let ids =
        [0, 300].map(|incarnation| crate::replicate::testing::identity().producer_id(incarnation));
    assert_eq!(check(ProducerId(-1)), (true, None));
    assert_eq!(check(ProducerId(4_000)), (true, None));
    for id in ids {
        assert_eq!(check(id), (false, Some(SourceOffset(7))));
    }
    writers.remember(ids[0], true);
    assert_eq!(check(ids[0]), (true, None));
    assert_eq!(check(ids[1]), (false, Some(SourceOffset(7))));
}

#[test]
fn batches_of_unknown_links_are_fine_in_some_topics_only() {
    let clusters = ["paris", "oslo"].map(ClusterName::new);
    let writers = SourceWriters::new(OtherLinks::default(), MirroredSources::Without(clusters));
    let id = crate::replicate::testing::identity().producer_id(0);
    let fine = |topic: &str| writers.is_fine(id, &TopicName::new(topic));
    assert!(!fine("rome.orders"));
    writers.remember(id, false);
    for topic in ["rome.orders", "parisian.x", "x.paris", "a.comparis.b"] {
        assert!(fine(topic), "{topic}");
    }
    for topic in ["paris.orders", "rome.oslo.orders", "x.paris.oslo"] {
        assert!(!fine(topic), "{topic}");
    }
    writers.remember(id, true);
    assert!(fine("paris.orders"));
}

fn untouched() -> Mirror {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    mirror(Arc::new(tracked), OffsetsMode::Translate)
}

/// Six records, in two batches that are small enough to be merged.
fn served() -> Vec<u8> {
    [source_batch(0), source_batch(3)]
        .iter()
        .flat_map(|batch| batch.bytes().to_vec())
        .collect()
}

fn answer(records: Vec<u8>) -> FetchedPartition {
    FetchedPartition {
        error: None,
        high_watermark: 6,
        last_stable: 6,
        log_start: 0,
        aborted: Vec::new(),
        diverging: None,
        records: records.into(),
        marked: None,
    }
}

fn take(mirror: &mut Mirror, answer: FetchedPartition) -> Result<bool, Trouble> {
    let now = Moment {
        wall_ms: 0,
        monotonic: Monotonic::default(),
    };
    take_in(mirror, answer, now, &SourceWriters::default())
}

fn retries(taken: Result<bool, Trouble>) -> String {
    match taken {
        Err(Trouble::Retry(failure)) => failure.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_served_is_held_until_it_is_sent() {
    let mut mirror = untouched();
    assert_eq!(take(&mut mirror, answer(served())), Ok(false));
    assert_eq!(mirror.fetch_buffer.bytes(), served().len());
    assert_eq!(mirror.fetch_next, SourceOffset(6));
    assert_eq!(mirror.tracked.lock().lag(), 6);
}

/// Small batches are merged under a new CRC, which would make damage look sound.
#[test]
fn a_damaged_batch_is_fetched_again_whatever_byte_is_damaged() {
    let (first, all) = (source_batch(0).size(), served().len());
    // The CRC covers everything from the attributes on.
    for at in (21..first).chain(first + 21..all) {
        let mut damaged = served();
        damaged[at] ^= 1;
        let mut mirror = untouched();
        let why = retries(take(&mut mirror, answer(damaged)));
        assert!(
            why.contains("the source sent a corrupt batch"),
            "{at}: {why}"
        );
        let held = if at < first { 0 } else { first };
        assert_eq!(mirror.fetch_buffer.bytes(), held, "{at}");
    }
}

/// With a diverging epoch a broker returns no records, however often it is asked: only a resync goes on.
#[test]
fn a_source_that_diverged_is_read_anew() {
    let mut mirror = untouched();
    take(&mut mirror, answer(served())).unwrap();
    let diverged = FetchedPartition {
        diverging: Some(Diverging {
            epoch: LeaderEpoch(2),
            end: 4,
        }),
        ..answer(Vec::new())
    };
    let why = retries(take(&mut mirror, diverged));
    let text = "the source's log of leader epoch 2 ends at 4, before what was fetched";
    assert!(why.starts_with(text), "{why}");
}

/// After a resync the next offset to fetch is another.
#[tokio::test]
async fn an_answer_to_a_fetch_of_an_earlier_round_is_ignored() {
    let [source, target] = ["t", "t"].map(|topic| FakeLog::new(topic).1);
    let store = Arc::new(MemoryStore::default());
    let mut worker = flowing(link(store, source, target), &[LANES]);
    worker.intakes.entry(LANE).or_default().members.insert(0);
    worker.mirrors[0].round = 2;
    let asked = SentFetch {
        bytes: 0,
        paid: 0,
        behind: false,
        at: Duration::ZERO,
    };
    for (round, next) in [(1, 0), (2, 6)] {
        let answer = vec![((0, round), answer(served()))];
        worker.fetched(LANE, &asked, Ok(answer));
        assert_eq!(worker.mirrors[0].fetch_next, SourceOffset(next));
        assert_eq!(worker.mirrors[0].bytes() > 0, next > 0);
    }
}

fn batches_at(bases: &[i64]) -> Vec<u8> {
    let each = bases.iter().map(|base| source_batch(*base));
    each.flat_map(|batch| batch.bytes().to_vec()).collect()
}

/// The base offset is in no checksum: a damaged one would lose the records in between, under a map that says otherwise.
#[test]
fn a_base_offset_that_is_wrong_in_one_answer_loses_nothing() {
    let end = |records| FetchedPartition {
        high_watermark: 99,
        last_stable: 99,
        ..answer(records)
    };
    // 2, 7: within the answer; 0 and 1: below what was asked for.
    for damaged in [[0, 7, 6], [0, 2, 6], [1, 3, 6], [60, 3, 6]] {
        let mut mirror = untouched();
        take(&mut mirror, end(batches_at(&damaged))).unwrap();
        let taken = mirror.fetch_next.get();
        let intact = if damaged[0] == 0 { 3 } else { 0 };
        assert_eq!(taken, intact, "{damaged:?}");
        let rest: Vec<i64> = [0, 3, 6].into_iter().filter(|it| *it >= taken).collect();
        take(&mut mirror, end(batches_at(&rest))).unwrap();
        assert_eq!(mirror.fetch_next, SourceOffset(9), "{damaged:?}");
        assert_eq!(mirror.fetch_buffer.bytes(), 3 * source_batch(0).size());
    }
}

#[test]
fn a_batch_beyond_the_high_watermark_is_asked_for_again_and_then_a_trouble() {
    let mut mirror = untouched();
    let beyond = || answer(batches_at(&[0, 6]));
    take(&mut mirror, beyond()).unwrap();
    assert_eq!(mirror.fetch_next, SourceOffset(3));
    let beyond = || answer(batches_at(&[6]));
    for _ in 0..2 {
        assert_eq!(take(&mut mirror, beyond()), Ok(false));
    }
    let why = retries(take(&mut mirror, beyond()));
    assert!(
        why.contains(
            "the source's offsets don't follow each other: \
             a batch ends at offset 9, beyond the high watermark 6"
        ),
        "{why}"
    );
}

#[test]
fn a_hole_is_mirrored_once_a_second_answer_shows_it() {
    let mut mirror = untouched();
    let holes = |bases: &[i64]| FetchedPartition {
        high_watermark: 99,
        last_stable: 99,
        ..answer(batches_at(bases))
    };
    take(&mut mirror, holes(&[0, 10, 20])).unwrap();
    assert_eq!(mirror.fetch_next, SourceOffset(3));
    take(&mut mirror, holes(&[10, 20])).unwrap();
    assert_eq!(mirror.fetch_next, SourceOffset(23));
    let mut compacted = untouched();
    compacted
        .tracked
        .lock()
        .record
        .history
        .deletions
        .keep(Some(1));
    take(&mut compacted, holes(&[0, 10, 20])).unwrap();
    assert_eq!(compacted.fetch_next, SourceOffset(23));
}
