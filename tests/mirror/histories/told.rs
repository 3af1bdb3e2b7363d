//! What farshore reports about a history: audit entries, metrics, translation; and whether translation is right, by
//! content.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::hazards::sight::translate;
use crate::setting::{Path, Setting};
use crate::support::farshore::Farshore;
use crate::support::read::{Isolation, Partition, Seen};

/// The decisions about a topic, in order: policy, code, partition, and stretches as (kind, from, until).
pub(crate) async fn decisions(farshore: &Farshore, topic: &str) -> Vec<Decision> {
    let audit = farshore.get_json("/v1/audit?limit=1000").await;
    let audit = audit.expect("the audit log");
    let entries = audit.as_array().expect("entries").iter().rev();
    let entries = entries.map(|it| &it["entry"]);
    let decided = entries.filter(|it| it["topic"] == topic && it["code"].is_string());
    decided.map(Decision::of).collect()
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) action: String,
    pub(crate) code: String,
    pub(crate) partition: i64,
    pub(crate) source_offset: i64,
    pub(crate) target_offset: i64,
    pub(crate) stretches: Vec<(String, i64, i64)>,
}

impl Decision {
    fn of(entry: &Value) -> Self {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let number = |value: &Value| value.as_i64().expect("a number");
        let stretches = entry["stretches"].as_array().expect("stretches").iter();
        Self {
            action: text("action"),
            code: text("code"),
            partition: number(&entry["partition"]),
            source_offset: number(&entry["source_offset"]),
            target_offset: number(&entry["target_offset"]),
            stretches: stretches
                .map(|it| {
                    let kind = it["kind"].as_str().expect("a kind").to_owned();
                    (kind, number(&it["from"]), number(&it["until"]))
                })
                .collect(),
        }
    }
}

/// The number of offsets of a partition without an image, by kind: lost, skipped, adopted, target-only. Checks that metrics
/// and API agree.
pub(crate) async fn without_image(farshore: &Farshore, topic: &str, partition: i32) -> [u64; 4] {
    const KINDS: [&str; 4] = ["lost", "skipped", "adopted", "target_only"];
    let path = format!("/v1/links/paris-oslo/topics/{topic}");
    let told = farshore.get_json(&path).await.expect("a topic");
    let partitions = told["partitions"].as_array().expect("partitions");
    let mine = partitions.iter().find(|it| it["partition"] == partition);
    let mine = &mine.expect("the partition")["without_image"];
    KINDS.map(|kind| mine[kind].as_u64().expect("a count"))
}

/// All records of a partition, by offset.
pub(crate) async fn content(bootstrap: &str, topic: &str, partition: i32) -> BTreeMap<i64, Seen> {
    let partition = Partition::new(bootstrap, topic, partition);
    let records = partition.read(Isolation::Committed).await;
    records.into_iter().map(|it| (it.offset, it)).collect()
}

fn same(one: &Seen, other: &Seen) -> bool {
    let of = |it: &Seen| {
        (
            it.key.clone(),
            it.value.clone(),
            it.timestamp,
            it.headers.clone(),
        )
    };
    of(one) == of(other)
}

/// Checks the translation of every offset of a partition by content: each record of the source except for those in
/// `skipped` is where its offset translates to, exactly and back; each record of the target that isn't an image is reported
/// as not exact. Returns the number of records with an image.
pub(crate) async fn is_mapped(
    setting: &Setting,
    topic: &str,
    partition: i32,
    skipped: &[i64],
) -> usize {
    let source = content(&setting.paris.bootstrap(), topic, partition).await;
    let target = content(&setting.oslo.bootstrap(), topic, partition).await;
    let mut images = BTreeMap::new();
    for (&offset, record) in &source {
        let there = translate(&setting.farshore, (topic, partition), offset, false).await;
        if skipped.contains(&offset) {
            assert!(
                !there.exact,
                "{topic}-{partition}: {offset} was skipped: {there:?}"
            );
            continue;
        }
        assert!(there.exact, "{topic}-{partition}: {there:?}");
        let mirrored = target.get(&there.target_offset);
        assert!(
            mirrored.is_some_and(|it| same(it, record)),
            "{topic}-{partition}: source {offset} {record:?} is not at {there:?}: {mirrored:?}"
        );
        assert_eq!(images.insert(there.target_offset, offset), None);
    }
    for (&offset, record) in &target {
        let back = translate(&setting.farshore, (topic, partition), offset, true).await;
        if let Some(&image) = images.get(&offset) {
            assert_eq!((back.source_offset, back.exact), (image, true), "{back:?}");
        } else {
            let still_there = source.values().any(|it| same(it, record));
            assert!(
                !still_there,
                "{topic}-{partition}: {record:?} is doubled at {offset}"
            );
        }
    }
    images.len()
}

/// The target offset to which a source offset is translated: `on_raw` on the raw path, and on the record path wherever
/// `is_mapped` found the record.
pub(crate) async fn mapped_to(
    setting: &Setting,
    partition: (&str, i32),
    offset: i64,
    on_raw: i64,
) -> i64 {
    let there = translate(&setting.farshore, partition, offset, false).await;
    assert!(there.exact, "{partition:?}: {there:?}");
    if setting.path == Path::Raw {
        assert_eq!(there.target_offset, on_raw, "{partition:?}: {there:?}");
    }
    there.target_offset
}

/// Whether no target offset in a range translates back exactly.
pub(crate) async fn has_no_image(
    setting: &Setting,
    (topic, partition): (&str, i32),
    offsets: std::ops::Range<i64>,
) {
    for offset in offsets {
        let back = translate(&setting.farshore, (topic, partition), offset, true).await;
        assert!(!back.exact, "{topic}-{partition}: {back:?}");
    }
}

/// Runs `farshore resolve` for a topic with a policy and further arguments. Returns the exit code.
pub(crate) async fn resolve(farshore: &Farshore, topic: &str, rest: &[&str]) -> Option<i32> {
    let line = [
        "resolve",
        "--link",
        "paris-oslo",
        "--topic",
        topic,
        "--with",
    ];
    let output = farshore.cli(&[&line[..], rest].concat()).await;
    output.status.code()
}
