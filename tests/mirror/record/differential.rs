//! The raw path and the record path mirror the same random topics to two mirror topics; an independent reader compares
//! them.

use crate::histories::{write_compacted, write_transactions};
use crate::setting::Setting;
use crate::support::compare;
use crate::support::read::Isolation;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};
use crate::support::{read, seed};

/// The number of random topics.
const TOPICS: usize = 6;
const PARTITIONS: i32 = 2;
/// The number of writes among which a topic's records are divided.
const GOES: usize = 12;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Two links over the same topics: to `NAME` through the record path, to `paris.NAME` on the raw path.
const LINKS: &str = r#"
topics = [".*"]
topics_exclude = ["paris\\..*"]
groups_exclude = [".*"]
fetch_max_bytes = "512KiB"
partition_max_bytes = "64KiB"

[links.raw]
source = "paris"
target = "oslo"
topics = [".*"]
groups_exclude = [".*"]
path = "raw"
naming = "prefix"
"#;

#[tokio::test]
async fn both_paths_write_the_same_records() {
    let setting_of = format!("path = \"record\"\n{LINKS}");
    let mut setting =
        crate::hazards::between(crate::hazards::spec(), crate::hazards::spec(), &setting_of).await;
    let mut rng = seed::rng();
    let mut names: Vec<String> = Vec::new();
    for number in 0..TOPICS {
        let name = format!("random{number}");
        let times = ["CreateTime", "LogAppendTime"][rng.usize(0..2)];
        let configs = [("message.timestamp.type", times)];
        setting.topic(&name, PARTITIONS, &configs).await;
        names.push(name);
    }
    setting.farshore.start().await;
    for name in &names {
        write_random(&setting, name, rng.fork()).await;
        if rng.bool() {
            setting.farshore.kill9();
            setting.farshore.start().await;
        }
    }
    setting.topic("txn", 1, &[]).await;
    write_transactions(&setting, "txn", 40).await;
    // If the cleaner continued, it would remove on one side what was already mirrored.
    setting.farshore.sigterm().await;
    write_compacted(&setting, "compacted").await;
    let as_it_is = [("cleanup.policy", "delete"), ("retention.ms", "-1")];
    topics::configure(&setting.paris.bootstrap(), "compacted", &as_it_is).await;
    setting.farshore.start().await;
    for name in &names {
        are_equal(&setting, name, PARTITIONS).await;
    }
    for name in ["txn", "compacted"] {
        are_equal(&setting, name, 1).await;
    }
}

/// Writes in several goes, each with its own codec, some of them in transactions that are committed or aborted.
async fn write_random(setting: &Setting, topic: &str, mut rng: fastrand::Rng) {
    let bootstrap = setting.paris.bootstrap();
    for go in 0..GOES {
        let codec = ("compression.type", CODECS[rng.usize(0..CODECS.len())]);
        let records: Vec<Record> = (0..rng.usize(1..400)).map(|_| random(&mut rng)).collect();
        if rng.bool() {
            Writer::new(&bootstrap, topic, &[codec])
                .write(records)
                .await;
        } else {
            let id = format!("{topic}-{go}");
            let settings = [codec, ("transactional.id", id.as_str())];
            let writer = Writer::new(&bootstrap, topic, &settings);
            writer.init_transactions().await;
            writer
                .transaction(records, crate::support::write::Outcome::any(&mut rng))
                .await;
        }
    }
}

fn random(rng: &mut fastrand::Rng) -> Record {
    let headers = match rng.u8(0..20) {
        0 => 200,
        it => usize::from(it % 4),
    };
    let name = |rng: &mut fastrand::Rng| ["", "h", "h", "über"][rng.usize(0..4)].to_owned();
    Record {
        partition: rng.i32(0..PARTITIONS),
        key: bytes(rng, 40),
        value: bytes(rng, 2_000),
        headers: (0..headers).map(|_| (name(rng), bytes(rng, 30))).collect(),
        timestamp: [None, Some(1), Some(-5), Some(rng.i64(1..1 << 41))][rng.usize(0..4)],
    }
}

/// Null, empty, small, and occasionally large.
fn bytes(rng: &mut fastrand::Rng, most: usize) -> Option<Vec<u8>> {
    let length = match rng.u8(0..32) {
        0..4 => return None,
        4..8 => 0,
        8 => most * 20,
        _ => rng.usize(0..most),
    };
    let mut content = vec![0; length];
    rng.fill(&mut content);
    Some(content)
}

/// Waits until both links have mirrored a topic, and compares both mirrors with it and with each other.
async fn are_equal(setting: &Setting, topic: &str, partitions: i32) {
    setting.mirrored(topic, partitions).await;
    let path = format!("/v1/links/raw/topics/{topic}");
    eventually(
        crate::setting::CATCH_UP,
        "the raw path is done",
        async || {
            let shown = setting.farshore.get_json(&path).await?;
            let all = shown["partitions"].as_array().cloned().unwrap_or_default();
            let done = |it: &serde_json::Value| it["state"] == "live" && it["lag_records"] == 0;
            (!all.is_empty() && all.iter().all(done))
                .then_some(())
                .ok_or(shown.to_string())
        },
    )
    .await;
    let (source, target) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let prefixed = format!("paris.{topic}");
    let ends = ((source.as_str(), topic), (target.as_str(), topic));
    let one = compare::all(ends.0, ends.1, partitions, Isolation::Committed).await;
    let other = compare::topics(ends.0, (&target, &prefixed), partitions).await;
    assert_eq!(one, other, "{topic}");
    for number in 0..partitions {
        let by_record = read::Partition::new(&target, topic, number).seen(Isolation::Committed);
        let by_raw = read::Partition::new(&target, &prefixed, number);
        let between = compare::partitions(&by_raw, &by_record, |_, _| {}).await;
        between.unwrap_or_else(|difference| panic!("{topic}: {difference}"));
    }
}
