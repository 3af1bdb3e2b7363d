use std::sync::Arc;

use crate::checkpoint::MemoryStore;
use crate::config::MirroredSources;
use crate::kafka::Diverging;
use crate::kafka::batch::testing::{altered, only_batch};
use crate::model::{
    ClusterName, HaltCode, LeaderEpoch, Monotonic, OffsetsMode, ProducerId, TopicName,
};
use crate::replicate::shared::source_writers::OtherLinks;
use crate::replicate::testing::{answered, batches_at, mirror, source_batch, tracked};

use super::*;

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

fn take(mirror: &mut Mirror, answer: &FetchedPartition) -> Result<bool, Trouble> {
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
    assert_eq!(take(&mut mirror, &answered(batches_at(&[0, 3]))), Ok(false));
    assert_eq!(mirror.fetch_buffer.bytes(), batches_at(&[0, 3]).len());
    assert_eq!(mirror.fetch_next, SourceOffset(6));
    assert_eq!(mirror.tracked.lock().lag(), 6);
}

/// Small batches are merged under a new CRC, which would make damage look sound.
#[test]
fn a_damaged_batch_is_fetched_again_whatever_byte_is_damaged() {
    let sound = || batches_at(&[0, 3]);
    let (first, all) = (source_batch(0).size(), sound().len());
    // The CRC covers everything from the attributes on.
    for at in (21..first).chain(first + 21..all) {
        let mut damaged = sound();
        damaged[at] ^= 1;
        let mut mirror = untouched();
        assert_eq!(take(&mut mirror, &answered(damaged)), Ok(false));
        let held = if at < first { 0 } else { first };
        assert_eq!(mirror.fetch_buffer.bytes(), held, "{at}");
        let rest = sound().split_off(held);
        assert_eq!(take(&mut mirror, &answered(rest)), Ok(false));
        assert_eq!(mirror.fetch_buffer.bytes(), all, "{at}");
        assert_eq!(mirror.damages.proven(), None);
    }
}

#[test]
fn answers_that_are_damaged_in_another_way_each_time_are_a_trouble() {
    let mut mirror = untouched();
    let mut answers = [30, 31, 32].map(|at| {
        let mut damaged = batches_at(&[0]);
        damaged[at] ^= 1;
        take(&mut mirror, &answered(damaged))
    });
    let why = retries(std::mem::replace(&mut answers[2], Ok(false)));
    assert_eq!(answers, [const { Ok(false) }; 3]);
    assert!(why.contains("the source sent a corrupt batch"), "{why}");
}

/// Two sound batches around this one.
fn around(batch: &Batch) -> Vec<u8> {
    let sound = [source_batch(0), source_batch(6)];
    [sound[0].bytes(), batch.bytes(), sound[1].bytes()]
        .map(|bytes| bytes.to_vec())
        .concat()
}

/// A mirror that was sent these batches, twice where it asked again.
fn shown(mirror: &mut Mirror, batch: &Batch) {
    let end = |records| FetchedPartition {
        high_watermark: 9,
        last_stable: 9,
        ..answered(records)
    };
    take(mirror, &end(around(batch))).unwrap();
    if mirror.fetch_next == SourceOffset(3) {
        let rest = around(batch).split_off(source_batch(0).size());
        take(mirror, &end(rest)).unwrap();
    }
}

#[test]
fn what_precedes_a_batch_that_cannot_be_used_is_mirrored_and_then_it_is_the_reason() {
    let sound = source_batch(3);
    let mut damaged = sound.bytes().to_vec();
    let in_a_value = damaged.len() - 2;
    damaged[in_a_value] ^= 1;
    let damaged = only_batch(damaged.into());
    let unknown = altered(&sound, None, |header| header.attributes.0 |= 7);
    for (batch, what) in [(damaged, "is corrupt"), (unknown, "compression type 7")] {
        let mut mirror = untouched();
        shown(&mut mirror, &batch);
        assert_eq!(mirror.fetch_next, SourceOffset(3));
        assert_eq!(mirror.fetch_buffer.bytes(), source_batch(0).size());
        assert!(mirror.damages.proven().is_some());
        assert_eq!(mirror.damage_due(), None);
        mirror.fetch_buffer.unload();
        let reason = mirror.damage_due().expect("a reason");
        assert_eq!(reason.code, HaltCode::SourceCorrupt);
        assert_eq!(reason.source_offset, Some(SourceOffset(3)));
        let text = &reason.message;
        assert!(text.starts_with("source offsets 3 to 5 can't"), "{text}");
        assert!(text.contains(what), "{text}");
    }
}

#[test]
fn what_the_source_cannot_read_itself_is_the_reason_after_a_second_answer() {
    let mut mirror = untouched();
    let unread = FetchedPartition {
        error: Some(CORRUPT_MESSAGE),
        ..answered(Vec::new())
    };
    assert_eq!(take(&mut mirror, &unread), Ok(false));
    assert_eq!(mirror.damage_due(), None);
    assert_eq!(take(&mut mirror, &unread), Ok(false));
    let reason = mirror.damage_due().expect("a reason");
    let text =
        "the source's log can't be read from offset 0 on: the source answers CORRUPT_MESSAGE";
    assert!(reason.message.starts_with(text), "{}", reason.message);
}

/// A batch is forwarded as it is, so that its records are decoded only if the target refuses it.
#[test]
fn a_batch_that_the_target_cannot_read_is_decoded_before_it_is_sent_again() {
    let sound = source_batch(3);
    let lying = altered(&sound, Some(b"no records"), |_| {});
    for (batch, examined_until, taken) in [
        (&lying, None, 9),
        (&lying, Some(SourceOffset(3)), 9),
        (&lying, Some(SourceOffset(6)), 3),
        (&sound, Some(SourceOffset(6)), 9),
    ] {
        let mut mirror = untouched();
        mirror.examined_until = examined_until;
        shown(&mut mirror, batch);
        assert_eq!(mirror.fetch_next, SourceOffset(taken), "{examined_until:?}");
    }
}

/// With a diverging epoch a broker returns no records, however often it is asked: only a resync goes on.
#[test]
fn a_source_that_diverged_is_read_anew() {
    let mut mirror = untouched();
    take(&mut mirror, &answered(batches_at(&[0, 3]))).unwrap();
    let diverged = FetchedPartition {
        diverging: Some(Diverging {
            epoch: LeaderEpoch(2),
            end: 4,
        }),
        ..answered(Vec::new())
    };
    let why = retries(take(&mut mirror, &diverged));
    let text = "the source's log of leader epoch 2 ends at 4, before what was fetched";
    assert!(why.starts_with(text), "{why}");
}

/// The base offset is in no checksum: a damaged one would lose the records in between, under a map that says otherwise.
#[test]
fn a_base_offset_that_is_wrong_in_one_answer_loses_nothing() {
    let end = |records| FetchedPartition {
        high_watermark: 99,
        last_stable: 99,
        ..answered(records)
    };
    // 2, 7: within the answer; 0 and 1: below what was asked for.
    for damaged in [[0, 7, 6], [0, 2, 6], [1, 3, 6], [60, 3, 6]] {
        let mut mirror = untouched();
        take(&mut mirror, &end(batches_at(&damaged))).unwrap();
        let taken = mirror.fetch_next.get();
        let intact = if damaged[0] == 0 { 3 } else { 0 };
        assert_eq!(taken, intact, "{damaged:?}");
        let rest: Vec<i64> = [0, 3, 6].into_iter().filter(|it| *it >= taken).collect();
        take(&mut mirror, &end(batches_at(&rest))).unwrap();
        assert_eq!(mirror.fetch_next, SourceOffset(9), "{damaged:?}");
        assert_eq!(mirror.fetch_buffer.bytes(), 3 * source_batch(0).size());
    }
}

#[test]
fn a_batch_beyond_the_high_watermark_is_asked_for_again_and_then_a_trouble() {
    let mut mirror = untouched();
    let beyond = || answered(batches_at(&[0, 6]));
    take(&mut mirror, &beyond()).unwrap();
    assert_eq!(mirror.fetch_next, SourceOffset(3));
    let beyond = || answered(batches_at(&[6]));
    for _ in 0..2 {
        assert_eq!(take(&mut mirror, &beyond()), Ok(false));
    }
    let why = retries(take(&mut mirror, &beyond()));
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
        ..answered(batches_at(bases))
    };
    take(&mut mirror, &holes(&[0, 10, 20])).unwrap();
    assert_eq!(mirror.fetch_next, SourceOffset(3));
    take(&mut mirror, &holes(&[10, 20])).unwrap();
    assert_eq!(mirror.fetch_next, SourceOffset(23));
    let mut compacted = untouched();
    compacted
        .tracked
        .lock()
        .record
        .history
        .deletions
        .keep(Some(1));
    take(&mut compacted, &holes(&[0, 10, 20])).unwrap();
    assert_eq!(compacted.fetch_next, SourceOffset(23));
}
