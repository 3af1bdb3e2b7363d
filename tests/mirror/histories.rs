//! Histories of topics: gaps from transactions and compaction, and what other mirrors lose silently.
#![allow(
    clippy::single_range_in_vec_init,
    clippy::cast_possible_wrap,
    reason = "each range is the offsets of one batch, and numbers of records are small"
)]

mod adopt;
mod corrupt;
pub(crate) mod discard;
mod expired;
mod gap;
mod kills;
mod odd;
mod old_brokers;
mod recreated;
pub(crate) mod refused;
mod reseed;
pub(crate) mod told;
mod tombstones;
pub(crate) mod truncated;

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::read::{Isolation, Partition};
use crate::support::seed;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Record, Writer};

/// Writes interleaved transactions of two producers and plain records. Returns the number of visible records.
pub(crate) async fn write_transactions(setting: &Setting, topic: &str, rounds: u32) -> u64 {
    let bootstrap = setting.paris.bootstrap();
    let mut rng = seed::rng();
    let one = Writer::new(&bootstrap, topic, &[("transactional.id", "one")]);
    let two = Writer::new(&bootstrap, topic, &[("transactional.id", "two")]);
    let plain = Writer::new(&bootstrap, topic, &[("linger.ms", "0")]);
    one.init_transactions().await;
    two.init_transactions().await;
    let mut visible = 0;
    for round in 0..rounds {
        let batch = |who: &str, count: u32| {
            let who = who.to_owned();
            (0..count).map(move |n| Record::new(0, format!("{who}-{round}-{n}"), vec![b'v'; 50]))
        };
        let (first, second) = (rng.u32(1..20), rng.u32(1..20));
        let mut outcome = || {
            if rng.bool() {
                Outcome::Commit
            } else {
                Outcome::Abort
            }
        };
        let (of_one, of_two) = (outcome(), outcome());
        one.begin();
        one.write(batch("one", first)).await;
        two.begin();
        two.write(batch("two", second)).await;
        plain.write(batch("plain", 2)).await;
        one.end(of_one).await;
        two.end(of_two).await;
        visible += 2;
        visible += if of_one == Outcome::Commit {
            u64::from(first)
        } else {
            0
        };
        visible += if of_two == Outcome::Commit {
            u64::from(second)
        } else {
            0
        };
    }
    visible
}

#[tokio::test]
async fn aborted_records_never_appear_and_committed_ones_do_once() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"txn\"]").await;
    setting.topic("txn", 1, &[]).await;
    let visible = write_transactions(&setting, "txn", 60).await;
    setting.farshore.launch();
    let target = setting.on_target("txn", 1).await;
    target.reaches(visible.cast_signed() / 2, CATCH_UP).await;
    setting.farshore.kill9();
    setting.farshore.launch();
    let more = write_transactions(&setting, "txn", 20).await;
    setting
        .arrives("txn", 1, (visible + more).cast_signed())
        .await;
    assert_eq!(setting.compare("txn", 1).await, visible + more);
}

/// Writes to a compacted topic until its cleaner has left holes.
pub(crate) async fn write_compacted(setting: &Setting, topic: &str) {
    const KEYS: u32 = 500;
    let bootstrap = setting.paris.bootstrap();
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "1000000000"),
    ];
    setting.topic(topic, 1, &configs).await;
    let writer = Writer::new(&bootstrap, topic, &[("batch.size", "4096")]);
    let mut rng = seed::rng();
    eventually(CATCH_UP, "thousands of holes", async || {
        let records: Vec<Record> = (0..2_000)
            .map(|_| {
                Record::new(
                    0,
                    format!("k{}", rng.u32(0..KEYS)),
                    vec![b'v'; rng.usize(1..200)],
                )
            })
            .collect();
        writer.write(records).await;
        let (_, end) = topics::watermarks(&bootstrap, topic, 0).await;
        let left = Partition::new(&bootstrap, topic, 0)
            .read(Isolation::Committed)
            .await
            .len();
        let holes = end - i64::try_from(left).expect("a small number");
        if holes > 5_000 {
            Ok(())
        } else {
            Err(format!("{holes} holes among {end} offsets"))
        }
    })
    .await;
}

#[tokio::test]
async fn a_compacted_topic_is_equal_to_what_its_readers_see() {
    let link = "topics = [\"compacted\"]";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    write_compacted(&setting, "compacted").await;
    setting.farshore.launch();
    setting.on_target("compacted", 1).await;
    eventually(CATCH_UP, "the mirror equals the source", async || {
        let bootstrap = setting.paris.bootstrap();
        let source = Partition::new(&bootstrap, "compacted", 0);
        let target = Partition::new(&setting.oslo.bootstrap(), "compacted", 0);
        let target = target.seen(setting.path.isolation());
        let left = source.read(Isolation::Committed).await.len();
        let compared = crate::support::compare::partitions(&source, &target, |_, _| {}).await?;
        assert!(compared.records >= 500 && compared.records <= left as u64);
        Ok(())
    })
    .await;
}
