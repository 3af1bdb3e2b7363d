//! Records as large and as odd as brokers accept them.

use super::told::is_mapped;
use crate::hazards::sight::caught_up;
use crate::hazards::{between, spec};
use crate::setting::{CATCH_UP, Path};
use crate::support::brokers::Spec;
use crate::support::read::{Isolation, Partition};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

const LARGEST: usize = 16 << 20;

/// A broker that accepts messages of 16 MiB.
fn roomy() -> Spec {
    let bytes = LARGEST.to_string();
    spec()
        .property("message.max.bytes", &bytes)
        .property("replica.fetch.max.bytes", &bytes)
}

/// Incompressible bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    bytes
}

#[tokio::test]
async fn messages_of_16_mib_arrive_in_bounded_memory() {
    const PARTITIONS: i32 = 4;
    const EACH: i64 = 6;
    let mut setting = between(roomy(), roomy(), "topics = [\"large\"]").await;
    setting.topic("large", PARTITIONS, &[]).await;
    let limit = LARGEST.to_string();
    let buffer = (2 * LARGEST / 1024).to_string();
    let settings = [
        ("message.max.bytes", limit.as_str()),
        ("queue.buffering.max.kbytes", buffer.as_str()),
    ];
    // As large as the limit allows with the framing of record and batch.
    let value = noise(LARGEST - 200);
    for partition in 0..PARTITIONS {
        for number in 0..EACH {
            let writer = Writer::new(&setting.paris.bootstrap(), "large", &settings);
            writer
                .write([Record::new(partition, format!("{number}"), value.clone())])
                .await;
        }
    }
    setting.farshore.start().await;
    for partition in 0..PARTITIONS {
        caught_up(&setting.farshore, ("large", partition), EACH).await;
    }
    assert_eq!(
        setting.compare("large", PARTITIONS).await,
        (i64::from(PARTITIONS) * EACH).cast_unsigned()
    );
    // 24 MiB of the link's limit, plus one whole batch beyond it on each of two connections. librdkafka holds copies of its
    // own.
    let held = setting.farshore.most_memory();
    let most = match setting.path {
        Path::Raw => 160,
        Path::Record => 600,
    };
    assert!(held < most, "{held} MiB");
}

/// An arbitrary time in milliseconds since 1970.
const DAY: i64 = 1_700_000_000_000;

fn odd_records() -> Vec<Record> {
    let header = |n: usize| {
        (
            format!("h{n}"),
            (!n.is_multiple_of(3)).then(|| vec![b'x'; n % 5]),
        )
    };
    let plain = |number: i64| Record::new(0, format!("k{number}"), format!("v{number}"));
    let at = |time: i64, record: Record| Record {
        timestamp: Some(time),
        ..record
    };
    vec![
        at(
            DAY,
            Record {
                key: None,
                ..plain(0)
            },
        ),
        at(
            DAY - 86_400_000,
            Record {
                value: None,
                ..plain(1)
            },
        ),
        at(
            DAY - 172_800_000,
            Record {
                key: None,
                value: None,
                ..plain(2)
            },
        ),
        at(
            DAY + 5,
            Record {
                headers: (0..10_000).map(header).collect(),
                ..plain(3)
            },
        ),
        at(0, plain(4)),
        at(
            DAY,
            Record {
                headers: vec![(String::new(), None)],
                ..plain(5)
            },
        ),
        at(
            DAY - 1,
            Record {
                key: Some(Vec::new()),
                value: Some(Vec::new()),
                ..plain(6)
            },
        ),
    ]
}

#[tokio::test]
async fn odd_records_arrive_as_they_are() {
    let mut setting = between(spec(), spec(), "topics = [\".*\"]").await;
    let bootstrap = setting.paris.bootstrap();
    let appended = ("message.timestamp.type", "LogAppendTime");
    setting.topic("create", 1, &[]).await;
    setting.topic("append", 1, &[appended]).await;
    for topic in ["create", "append"] {
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            let writer = Writer::new(&bootstrap, topic, &[("compression.type", codec)]);
            writer.write(odd_records()).await;
        }
    }
    setting.farshore.start().await;
    for topic in ["create", "append"] {
        let (_, end) = topics::watermarks(&bootstrap, topic, 0).await;
        caught_up(&setting.farshore, (topic, 0), end).await;
    }
    // The timestamps set by a source broker are kept: mirrors of such topics use `CreateTime`.
    for topic in ["create", "append"] {
        assert_eq!(setting.compare(topic, 1).await, 35, "{topic}");
    }
}

/// The traces of a cleaner: batches without records, tombstones with a delete horizon, and holes.
#[tokio::test]
async fn what_a_cleaner_leaves_arrives_as_its_readers_see_it() {
    let mut setting = between(spec(), spec(), "topics = [\"cleaned\"]").await;
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "1000000000"),
    ];
    setting.topic("cleaned", 1, &configs).await;
    let bootstrap = setting.paris.bootstrap();
    // The last batch of a producer stays, even if all of its records are removed.
    for producer in 0..3 {
        let writer = Writer::new(&bootstrap, "cleaned", &[]);
        let records = (0..20).map(move |n| Record::new(0, format!("k{n}"), format!("v{producer}")));
        writer.write(records).await;
    }
    let writer = Writer::new(&bootstrap, "cleaned", &[]);
    let tombstone = |n: i32| Record {
        value: None,
        ..Record::new(0, format!("k{n}"), "")
    };
    writer.write((0..5).map(tombstone)).await;
    let mut last = 0;
    eventually(CATCH_UP, "the cleaner has passed", async || {
        last += 1;
        writer
            .write([Record::new(0, format!("last{last}"), "v")])
            .await;
        let left = Partition::new(&bootstrap, "cleaned", 0)
            .read(Isolation::Committed)
            .await;
        let old = left
            .iter()
            .filter(|it| it.value.as_deref() == Some(b"v0"))
            .count();
        let gone = left.iter().filter(|it| it.value.is_none()).count();
        (old == 0 && gone == 5)
            .then_some(())
            .ok_or_else(|| format!("{old} old, {gone} tombstones"))
    })
    .await;
    setting.farshore.start().await;
    setting.mirrored("cleaned", 1).await;
    let left = Partition::new(&bootstrap, "cleaned", 0)
        .read(Isolation::Committed)
        .await
        .len();
    let compared = setting.compare("cleaned", 1).await;
    assert!(compared >= 20, "{compared} of {left}");
    assert_eq!(is_mapped(&setting, "cleaned", 0, &[]).await, left);
}
