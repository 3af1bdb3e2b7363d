//! What is missing on the target is shown, whatever keeps it from being mirrored.

use std::time::Duration;

use serde_json::{Value, json};

use crate::asking::{lose_checkpoint, partition, reaches_state};
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::wait::{eventually, pass};
use crate::support::write::{Writer, numbered};

const LINK: &str = "topics = [\"t.*\"]\nrefresh_interval = \"200ms\"\nrequest_timeout = \"2s\"";
/// The age that the ends of a source partition have at most, and the time of an answer.
const FRESH: Duration = Duration::from_secs(17);

/// Waits until a partition shows figures as fresh as they have to be.
async fn shows(setting: &Setting, topic: &str, number: usize, figures: &Value) -> Value {
    let what = format!("{topic}-{number} shows {figures}");
    eventually(FRESH, &what, async || {
        let shown = partition(&setting.farshore, topic, number).await?;
        let mut wanted = figures.as_object().expect("figures").iter();
        if wanted.all(|(name, value)| shown[name] == *value) {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    })
    .await
}

async fn pauses(setting: &Setting) {
    let path = "/v1/links/paris-oslo/pause";
    let answer = setting.farshore.post_json(path, json!({})).await;
    assert_eq!(answer.expect("an answer").status, 200);
}

#[tokio::test]
async fn a_paused_link_shows_what_waits_for_it_also_after_a_restart() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    pauses(&setting).await;
    setting.write("t", 0, 100..800).await;
    let waiting = json!({"lag_records": 700, "source_end": 800, "source_high_watermark": 800});
    let shown = shows(&setting, "t", 0, &waiting).await;
    assert_eq!(
        (&shown["state"], &shown["position"]),
        (&json!("paused"), &json!(100))
    );
    let lag_ms = |shown: &Value| shown["lag_ms"].as_i64().expect("a lag");
    let before = lag_ms(&shown);
    assert!(before > 0, "{shown}");
    setting.farshore.kill9();
    setting.farshore.start().await;
    let again = shows(&setting, "t", 0, &waiting).await;
    assert!(lag_ms(&again) > before, "{shown} {again}");
    // The journal knows it, too.
    setting.farshore.sigterm().await;
    lose_checkpoint(&setting.farshore);
    setting.farshore.start().await;
    let again = shows(&setting, "t", 0, &waiting).await;
    assert!(lag_ms(&again) > before, "{shown} {again}");
    setting
        .farshore
        .post_json("/v1/links/paris-oslo/resume", json!({}))
        .await
        .expect("an answer");
    setting.arrives("t", 1, 800).await;
    shows(
        &setting,
        "t",
        0,
        &json!({"lag_records": 0, "state": "live"}),
    )
    .await;
}

#[tokio::test]
async fn a_diverged_partition_shows_what_it_lacks_and_one_without_its_mirror_everything() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    for topic in ["t", "t2"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..100).await;
    }
    setting.farshore.start().await;
    for topic in ["t", "t2"] {
        setting.mirrored(topic, 1).await;
    }
    let writer = Writer::new(&setting.oslo.bootstrap(), "t", &[]);
    writer.write(numbered(0, 0..3)).await;
    crate::support::topics::delete(&setting.oslo.bootstrap(), "t2").await;
    for topic in ["t", "t2"] {
        setting.write(topic, 0, 100..150).await;
    }
    reaches_state(&setting.farshore, "t", 0, "diverged").await;
    setting.write("t", 0, 150..160).await;
    shows(
        &setting,
        "t",
        0,
        &json!({"lag_records": 60, "state": "diverged"}),
    )
    .await;
    shows(
        &setting,
        "t2",
        0,
        &json!({"lag_records": 150, "state": "halted"}),
    )
    .await;
}

#[tokio::test]
async fn a_history_that_the_rate_limit_holds_up_shows_what_was_written_meanwhile() {
    // A batch of each partition takes more than two seconds.
    const PARTITIONS: i32 = 12;
    const BATCH: i64 = 10_000;
    let link = format!("{LINK}\nmax_bytes_per_second = \"64KiB\"");
    let mut setting = Setting::start(KafkaVersion::V4_1, &link).await;
    setting.topic("t", PARTITIONS, &[]).await;
    for number in 0..PARTITIONS {
        setting.write("t", number, 0..BATCH).await;
    }
    setting.farshore.start().await;
    setting.on_target("t", PARTITIONS).await;
    for number in 0..PARTITIONS {
        setting.write("t", number, BATCH..BATCH + 500).await;
    }
    let mut waiting = 0;
    for number in 0..12 {
        let shown = shows(&setting, "t", number, &json!({"source_end": BATCH + 500})).await;
        let (lag, position) = (shown["lag_records"].as_i64(), shown["position"].as_i64());
        assert_eq!(
            lag.zip(position).map(|(lag, position)| lag + position),
            Some(BATCH + 500),
            "{shown}"
        );
        waiting += i32::from(position == Some(0));
    }
    assert!(waiting > 0, "nothing had to wait");
}

#[tokio::test]
async fn records_behind_an_open_transaction_are_missing_and_a_failover_counts_them() {
    let link = format!("{LINK}\ngroup_sync_interval = \"200ms\"");
    let mut setting = Setting::start(KafkaVersion::V4_1, &link).await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    setting.commits("clerks", ("t", 0), 100).await;
    setting
        .farshore
        .carries_exactly("clerks", ("t", 0), 100)
        .await;
    let paris = setting.paris.bootstrap();
    let open = Writer::new(&paris, "t", &[("transactional.id", "open")]);
    open.init_transactions().await;
    open.begin();
    open.write(numbered(0, 100..110)).await;
    setting.write("t", 0, 110..600).await;
    let held = json!({"state": "live", "lag_records": 500, "held_records": 500, "source_end": 100});
    let shown = shows(&setting, "t", 0, &held).await;
    assert!(shown["lag_ms"].as_i64() > Some(0), "{shown}");
    let known = eventually(FRESH, "the transaction is known", async || {
        let shown = partition(&setting.farshore, "t", 0).await?;
        let is_known = shown["held_by"]["transactional_id"] == "open";
        is_known.then_some(shown.clone()).ok_or(shown.to_string())
    })
    .await;
    let held_by = &known["held_by"];
    assert_eq!(held_by["first_offset"], 100, "{known}");
    assert!(
        held_by["producer_id"].is_i64() && held_by["since"].is_string(),
        "{known}"
    );
    let readiness = setting.farshore.get_json("/v1/links/paris-oslo/readiness");
    let check = readiness.await.expect("an answer")["checks"][5].to_string();
    assert!(
        check.contains("900 s (transaction.max.timeout.ms of the source)"),
        "{check}"
    );
    let status = setting.farshore.cli(&["status"]).await;
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("500 (500 held)"), "{status}");
    assert!(status.contains("(transactional id open)"), "{status}");
    let metrics = setting.farshore.metrics().await.expect("the metrics");
    let sample = "partition_held_records{link=\"paris-oslo\",topic=\"t\",partition=\"0\"} 500";
    assert!(metrics.contains(sample), "{metrics}");

    setting.paris.kill(1);
    let plan = setting.farshore.clear_plan("failover", "clerks").await;
    let planned = &plan.groups[0];
    assert_eq!((planned.unreachable_records, planned.at_most), (500, true));
}

#[tokio::test]
async fn a_source_that_falls_silent_is_not_shown_as_live() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    let heard = async || {
        let live = reaches_state(&setting.farshore, "t", 0, "live").await;
        live["as_of"].as_str().expect("a time").to_owned()
    };
    let first = heard().await;
    eventually(FRESH, "the source is heard again", async || {
        let again = heard().await;
        (again > first).then_some(()).ok_or(again)
    })
    .await;
    setting.paris.pause(1);
    let silent = shows(&setting, "t", 0, &json!({"state": "retrying"})).await;
    pass(FRESH).await;
    let later = shows(&setting, "t", 0, &json!({"state": "retrying"})).await;
    assert_eq!(later["as_of"], silent["as_of"], "{later}");
    let metrics = setting.farshore.metrics().await.expect("the metrics");
    assert!(
        metrics.contains("partition_last_heard_timestamp_seconds{"),
        "{metrics}"
    );
    setting.paris.resume(1);
    reaches_state(&setting.farshore, "t", 0, "live").await;
}
