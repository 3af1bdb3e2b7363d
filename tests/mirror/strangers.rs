//! Somebody else writes into a mirror topic.

use crate::asking::{reaches_state, readiness};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::farshore::paris_oslo;
use crate::support::topics;
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
    setting
        .on_target("orders", 2)
        .await
        .reaches(200, CATCH_UP)
        .await;
    assert_eq!(status(&setting).await.0, Some(0));

    let stranger = Writer::new(&setting.oslo.bootstrap(), "orders", &[]);
    stranger.write(records(STRANGE, 1)).await;
    source.write(records(STRANGE, 50)).await;
    source.write(records(OTHER, 50)).await;
    is_diverged(&setting).await;
    other_reaches(&setting, 150).await;
    let left = end(&setting, STRANGE).await;

    // A restart heals nothing and writes nothing there.
    setting.farshore.kill9();
    setting.farshore.start().await;
    is_diverged(&setting).await;
    source.write(records(STRANGE, 50)).await;
    source.write(records(OTHER, 50)).await;
    other_reaches(&setting, 200).await;
    assert_eq!(end(&setting, STRANGE).await, left);

    let (code, text) = status(&setting).await;
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("orders-0 diverged: foreign_write"), "{text}");
    let reasons = readiness(&setting.farshore, 503).await;
    assert!(reasons.contains("diverged: orders-0"), "{reasons}");
    let check = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&check.stdout);
    assert_eq!(check.status.code(), Some(1), "{text}");
    let wanted = "wrote to topic orders on oslo: in partition 0 the batch at target offset 1";
    assert!(text.contains(wanted), "{text}");
    assert!(!text.contains("partitions like it"), "{text}");
    mirrors_anew_as_documented(&mut setting).await;
}

/// What docs/operations.md says about mirroring one topic anew.
async fn mirrors_anew_as_documented(setting: &mut Setting) {
    topics::delete(&setting.oslo.bootstrap(), "orders").await;
    let shown = reaches_state(&setting.farshore, "orders", 1, "halted").await;
    assert_eq!(shown["reason"]["code"], "target_topic_missing", "{shown}");
    let links = r#"
topics = ["orders"]
topics_exclude = ["orders"]

[links.anew]
source = "paris"
target = "oslo"
topics = ["orders"]
"#;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting
        .farshore
        .configure(&paris_oslo(&paris, &oslo, links));
    setting.farshore.sigterm().await;
    setting.farshore.start().await;
    setting
        .on_target("orders", 2)
        .await
        .reaches(400, CATCH_UP)
        .await;
    assert_eq!(setting.compare("orders", 2).await, 400);
}

async fn status(setting: &Setting) -> (Option<i32>, String) {
    let output = setting.farshore.cli(&["status"]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

async fn end(setting: &Setting, partition: i32) -> i64 {
    let bootstrap = setting.oslo.bootstrap();
    topics::watermarks(&bootstrap, "orders", partition).await.1
}

async fn other_reaches(setting: &Setting, wanted: i64) {
    eventually(CATCH_UP, "the other partition goes on", async || {
        let end = end(setting, OTHER).await;
        (end == wanted).then_some(()).ok_or(end.to_string())
    })
    .await;
}

/// The partition is diverged and says from where on, on both sides.
async fn is_diverged(setting: &Setting) {
    let shown = reaches_state(&setting.farshore, "orders", 0, "diverged").await;
    let reason = &shown["reason"];
    assert_eq!(reason["code"], "foreign_write", "{shown}");
    assert_eq!(reason["source_offset"], 100, "{shown}");
    assert_eq!(reason["target_offset"], 100, "{shown}");
}
