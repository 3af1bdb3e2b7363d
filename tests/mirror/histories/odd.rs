//! Records as large and as odd as brokers take them.

use crate::hazards::sight::caught_up;
use crate::hazards::{between, spec};
use crate::setting::Setting;
use crate::support::brokers::Spec;
use crate::support::topics;
use crate::support::write::{Record, Writer};

const LARGEST: usize = 16 << 20;

/// A broker that takes messages of 16 MiB.
fn roomy() -> Spec {
    let bytes = LARGEST.to_string();
    spec()
        .property("message.max.bytes", &bytes)
        .property("replica.fetch.max.bytes", &bytes)
}

/// Bytes that don't compress.
fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    bytes
}

/// What the process holds in RAM at most since its start, in MiB.
fn high_water(setting: &Setting) -> usize {
    let pid = setting.farshore.process().pid();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB"));
    kib.expect("a size")
        .trim()
        .parse::<usize>()
        .expect("a number")
        / 1024
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
    // 32 MiB of the link's limit, and a batch that comes whole beyond it on each of two connections.
    let held = high_water(&setting);
    assert!(held < 160, "{held} MiB");
}

/// Some time in milliseconds.
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
    // The times a source broker gave are kept: mirrors of such topics take the times they are sent.
    for topic in ["create", "append"] {
        assert_eq!(setting.compare(topic, 1).await, 35, "{topic}");
    }
}
