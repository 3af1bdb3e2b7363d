//! Somebody else writes into a mirror topic.

use crate::asking::{reaches_state, readiness};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

const STRANGE: i32 = 0;
const OTHER: i32 = 1;

fn records(partition: i32, count: usize) -> impl Iterator<Item = Record> + Send + 'static {
    (0..count).map(move |number| Record::new(partition, format!("k{number}"), "value"))
}

#[tokio::test]
async fn a_partition_with_a_foreign_record_stops_alone() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"orders\"]").await;
    setting.topic("orders", 2, &[]).await;
    let source = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    source.write(records(STRANGE, 100)).await;
    source.write(records(OTHER, 100)).await;
    setting.farshore.start().await;
    let mirror = setting.on_target("orders", 2).await;
    mirror.reaches(200, CATCH_UP).await;
    assert_eq!(status(&setting).await.0, Some(0));

    let stranger = Writer::new(&setting.oslo.bootstrap(), "orders", &[]);
    stranger.write(records(STRANGE, 1)).await;
    source.write(records(STRANGE, 50)).await;
    source.write(records(OTHER, 50)).await;
    is_diverged(&setting).await;
    mirror.reaches(200 + 1 + 50, CATCH_UP).await;

    // It stays so, and is not healed by a restart.
    setting.farshore.kill9();
    setting.farshore.start().await;
    is_diverged(&setting).await;
    source.write(records(OTHER, 50)).await;
    mirror.reaches(200 + 1 + 100, CATCH_UP).await;
    assert_eq!(mirror.count().await, Ok(200 + 1 + 100));

    let (code, text) = status(&setting).await;
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("orders-0 diverged: foreign_write"), "{text}");
    let reasons = readiness(&setting.farshore, 503).await;
    assert!(reasons.contains("diverged: orders-0"), "{reasons}");
    let check = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{text}");
    assert!(
        text.contains("the last of partition 0, at offset 100"),
        "{text}"
    );
    assert!(!text.contains("other partitions"), "{text}");
}

async fn status(setting: &Setting) -> (Option<i32>, String) {
    let output = setting.farshore.cli(&["status"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

/// The partition is diverged and says where on both sides, and the other one is live.
async fn is_diverged(setting: &Setting) {
    let shown = reaches_state(&setting.farshore, "orders", 0, "diverged").await;
    let reason = &shown["reason"];
    assert_eq!(reason["code"], "foreign_write", "{shown}");
    assert_eq!(reason["source_offset"], 100, "{shown}");
    assert_eq!(reason["target_offset"], 100, "{shown}");
    eventually(CATCH_UP, "the other partition has no lag", async || {
        let shown = reaches_state(&setting.farshore, "orders", 1, "live").await;
        (shown["lag_records"] == 0)
            .then_some(())
            .ok_or(shown.to_string())
    })
    .await;
}
