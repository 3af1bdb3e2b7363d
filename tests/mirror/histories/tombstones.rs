//! Mirrors of compacted topics that had stopped while tombstones came and went (H14).

use serde_json::Value;

use super::told::{decisions, resolve};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::read::{Isolation, Partition};
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

const DELETED: usize = 5;

async fn topic(setting: &Setting, name: &str, kept_ms: &str) {
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", kept_ms),
    ];
    setting.topic(name, 1, &configs).await;
    let writer = Writer::new(&setting.paris.bootstrap(), name, &[]);
    let values = (0..10).map(|n| Record::new(0, format!("k{n}"), "v"));
    writer.write(values).await;
}

/// The number of tombstones in a log, and whether one of the deleted keys still has its value.
async fn left(bootstrap: &str, topic: &str) -> (usize, bool) {
    let records = Partition::new(bootstrap, topic, 0);
    let records = records.read(Isolation::Committed).await;
    let tombstones = records.iter().filter(|it| it.value.is_none()).count();
    let deleted: Vec<Vec<u8>> = (0..DELETED).map(|n| format!("k{n}").into_bytes()).collect();
    let has_value = records.iter().any(|it| {
        let key = it.key.as_ref().is_some_and(|key| deleted.contains(key));
        key && it.value.is_some()
    });
    (tombstones, has_value)
}

/// Deletes keys and continues to write until the cleaner has removed their values, with this many tombstones remaining.
async fn delete(setting: &Setting, topic: &str, tombstones: usize) {
    let bootstrap = setting.paris.bootstrap();
    let writer = Writer::new(&bootstrap, topic, &[]);
    let tombstone = |n| Record {
        value: None,
        ..Record::new(0, format!("k{n}"), "")
    };
    writer.write((0..DELETED).map(tombstone)).await;
    let mut last = 0;
    eventually(CATCH_UP, "the cleaner has passed", async || {
        last += 1;
        let next = Record::new(0, format!("last{last}"), "v");
        writer.write([next]).await;
        let found = left(&bootstrap, topic).await;
        (found == (tombstones, false))
            .then_some(())
            .ok_or_else(|| format!("{found:?}"))
    })
    .await;
}

async fn missed(setting: &Setting, topic: &str) -> Value {
    let path = format!("/v1/links/paris-oslo/topics/{topic}");
    let answer = setting.farshore.get_json(&path).await;
    answer.expect("a mirrored topic")["partitions"][0].take()
}

#[tokio::test]
async fn h14_deletions_that_went_before_they_were_mirrored_are_told() {
    let link = "topics = [\"gone\", \"kept\"]";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    topic(&setting, "gone", "1000").await;
    topic(&setting, "kept", "1000000000").await;
    setting.farshore.start().await;
    for topic in ["gone", "kept"] {
        setting.mirrored(topic, 1).await;
    }
    setting.farshore.sigterm().await;
    delete(&setting, "gone", 0).await;
    delete(&setting, "kept", DELETED).await;
    // Reported from now on, also after a crash.
    for _ in 0..2 {
        setting.farshore.start().await;
        for topic in ["gone", "kept"] {
            setting.mirrored(topic, 1).await;
        }
        let told = missed(&setting, "gone").await;
        let stretch = &told["missed_deletions"];
        assert!(stretch["from"].as_i64() >= Some(10), "{told}");
        assert!(
            told["detail"]
                .as_str()
                .is_some_and(|it| it.contains("anew"))
        );
        let other = missed(&setting, "kept").await;
        assert_eq!(other["missed_deletions"], Value::Null, "{other}");
        setting.farshore.kill9();
    }
    // The report is right: the mirror keeps what was deleted.
    let oslo = setting.oslo.bootstrap();
    assert!(left(&oslo, "gone").await.1);
    assert_eq!(left(&oslo, "kept").await.0, DELETED);

    // Only what may have missed something is reseeded when it resumes, and then nothing is missing.
    setting.farshore.start().await;
    for topic in ["gone", "kept"] {
        setting.mirrored(topic, 1).await;
    }
    let farshore = &setting.farshore;
    assert_eq!(resolve(farshore, "kept", &["reseed"]).await, Some(3));
    assert_eq!(resolve(farshore, "gone", &["follow"]).await, Some(3));
    assert_eq!(resolve(farshore, "gone", &["reseed"]).await, Some(0));
    eventually(CATCH_UP, "the mirror is anew", async || {
        let told = missed(&setting, "gone").await;
        let is_anew = told["missed_deletions"].is_null() && told["state"] == "live";
        is_anew.then_some(()).ok_or_else(|| told.to_string())
    })
    .await;
    assert_eq!(left(&oslo, "gone").await, (0, false));
    setting.compare("gone", 1).await;
    let decided = decisions(&setting.farshore, "gone").await;
    let decided = decided.iter().map(|it| (&*it.action, &*it.code));
    assert!(decided.eq([("reseed", "missed_deletions")]));
}
