//! What is missing on the target is shown, whatever keeps it from being mirrored.

use std::time::Duration;

use serde_json::{Value, json};

use crate::asking::{partition, reaches_state};
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::wait::eventually;
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
    setting.farshore.kill9();
    setting.farshore.start().await;
    shows(&setting, "t", 0, &waiting).await;
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
    let link = format!("{LINK}\nmax_bytes_per_second = \"16KiB\"\npartition_max_bytes = \"64KiB\"");
    let mut setting = Setting::start(KafkaVersion::V4_1, &link).await;
    setting.topic("t", 4, &[]).await;
    for number in 0..4 {
        setting.write("t", number, 0..20_000).await;
    }
    setting.farshore.start().await;
    for number in 0..4 {
        shows(&setting, "t", number, &json!({"source_end": 20_000})).await;
        setting
            .write("t", i32::try_from(number).expect("small"), 20_000..20_500)
            .await;
    }
    for number in 0..4 {
        let shown = shows(&setting, "t", number, &json!({"source_end": 20_500})).await;
        let (lag, position) = (&shown["lag_records"], &shown["position"]);
        assert_eq!(
            lag.as_i64()
                .zip(position.as_i64())
                .map(|(lag, at)| lag + at),
            Some(20_500)
        );
        assert!(lag.as_i64() > Some(0), "{shown}");
    }
}
