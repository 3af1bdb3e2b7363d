//! Another client writes into a mirror topic.

use crate::asking::{reaches_state, readiness};
use crate::setting::{Path, Setting, paris_oslo};
use crate::support::brokers::KafkaVersion;
use crate::support::topics;
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
    setting.mirrored("orders", 2).await;
    assert_eq!(status(&setting).await.0, Some(0));

    let known = end(&setting, STRANGE).await;
    let stranger = Writer::new(&setting.oslo.bootstrap(), "orders", &[]);
    stranger.write(records(STRANGE, 1)).await;
    source.write(records(STRANGE, 50)).await;
    source.write(records(OTHER, 50)).await;
    is_diverged(&setting, known).await;
    setting.farshore.mirrors_one("orders", 1, 150).await;
    setting.holds("orders", OTHER, 0..150).await;
    let left = setting.shown("orders", 1).await;

    // A restart heals nothing and writes nothing there.
    setting.farshore.kill9();
    setting.farshore.start().await;
    is_diverged(&setting, known).await;
    source.write(records(STRANGE, 50)).await;
    source.write(records(OTHER, 50)).await;
    setting.farshore.mirrors_one("orders", 1, 200).await;
    setting.holds("orders", OTHER, 0..200).await;
    assert_eq!(setting.shown("orders", 1).await, left);

    let (code, text) = status(&setting).await;
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("orders-0 diverged: foreign_write"), "{text}");
    let reasons = readiness(&setting.farshore, 503).await;
    assert!(reasons.contains("diverged: orders-0"), "{reasons}");
    is_found_by_check(&setting).await;
    mirrors_anew_as_documented(&mut setting).await;
}

async fn is_found_by_check(setting: &Setting) {
    let check = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&check.stdout);
    assert!(!text.contains("partitions like it"), "{text}");
    // On the record path an aborted transaction may lie behind it, and only the checkpoint DB identifies its owner.
    if setting.path == Path::Raw {
        assert_eq!(check.status.code(), Some(1), "{text}");
        let wanted = "wrote to topic orders on oslo: in partition 0 the batch at target offset 1";
        assert!(text.contains(wanted), "{text}");
    }
}

/// The instructions in docs/operations.md for mirroring one topic anew.
async fn mirrors_anew_as_documented(setting: &mut Setting) {
    topics::delete(&setting.oslo.bootstrap(), "orders").await;
    let shown = reaches_state(&setting.farshore, "orders", 1, "halted").await;
    assert_eq!(shown["reason"]["code"], "target_topic_missing", "{shown}");
    let chosen = setting.path.configured("topics = [\"orders\"]");
    let links = format!(
        "{chosen}\ntopics_exclude = [\"orders\"]\n\n\
         [links.anew]\nsource = \"paris\"\ntarget = \"oslo\"\n{chosen}\n"
    );
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting
        .farshore
        .configure(&paris_oslo(&paris, &oslo, &links));
    setting.farshore.sigterm().await;
    setting.farshore.start().await;
    setting.arrives("orders", 2, 400).await;
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

/// Checks that the partition is diverged and reports from where on, on both sides.
async fn is_diverged(setting: &Setting, known: i64) {
    let shown = reaches_state(&setting.farshore, "orders", 0, "diverged").await;
    let reason = &shown["reason"];
    assert_eq!(reason["code"], "foreign_write", "{shown}");
    assert_eq!(reason["source_offset"], 100, "{shown}");
    assert_eq!(reason["target_offset"], known, "{shown}");
    if setting.path == Path::Raw {
        assert_eq!(known, 100);
    }
}
