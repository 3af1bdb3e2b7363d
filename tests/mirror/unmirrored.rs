//! What isn't mirrored has a row that says why, and nothing counts as done without it.

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::operator::{Carried, Operation};
use crate::support::topics;
use crate::support::wait::eventually;

const LINK: &str = "/v1/links/paris-oslo";

/// Waits until the link is in a state, and returns the states of its topics' partitions by name.
async fn is(setting: &Setting, state: &str) -> serde_json::Value {
    eventually(CATCH_UP, state, async || {
        let link = setting.farshore.get_json(LINK).await?;
        if link["state"] == state {
            setting.farshore.get_json(&format!("{LINK}/topics")).await
        } else {
            Err(link.to_string())
        }
    })
    .await
}

async fn answers(setting: &Setting, path: &str) -> u16 {
    let answer = setting.farshore.get(path).await;
    answer.expect("an answer").status
}

/// Brokers refuse a name that differs from another one only in periods and underscores.
#[tokio::test]
async fn a_mirror_that_cannot_be_created_is_a_row_and_holds_up_only_its_own_groups() {
    let link = "topics = [\"a.b\", \"orders\"]\ngroup_sync_interval = \"200ms\"\nrefresh_interval = \"200ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    topics::create(&setting.oslo.bootstrap(), "a_b", 1, 1, &[]).await;
    for topic in ["a.b", "orders"] {
        setting.topic(topic, 2, &[]).await;
        setting.write(topic, 0, 0..20).await;
    }
    setting.commits("clerks", ("orders", 0), 15).await;
    setting.commits("both", ("orders", 0), 5).await;
    setting.commits("both", ("a.b", 0), 7).await;
    setting.farshore.start().await;
    setting
        .farshore
        .carries_exactly("clerks", ("orders", 0), 15)
        .await;
    setting
        .farshore
        .carries_exactly("both", ("orders", 0), 5)
        .await;
    let waits = |it: &Carried| it.state == "waiting";
    setting
        .farshore
        .carries("both", ("a.b", 0), "waits for the mirror", waits)
        .await;
    let rows = is(&setting, "degraded").await;
    assert_eq!(rows[0]["name"], "a.b");
    for partition in [0, 1] {
        let row = &rows[0]["partitions"][partition];
        assert_eq!(row["state"], "halted", "{row}");
        assert_eq!(row["reason"]["code"], "name_collision", "{row}");
    }
    // The ends of its partitions are known a few seconds later.
    for (partition, waiting) in [(0, 20), (1, 0)] {
        eventually(CATCH_UP, "what waits for the mirror is shown", async || {
            let row = crate::asking::partition(&setting.farshore, "a.b", partition).await?;
            let lag_ms = row["lag_ms"].as_i64().ok_or("no lag")?;
            let is_shown = row["lag_records"] == waiting && (lag_ms > 0) == (waiting > 0);
            is_shown.then_some(()).ok_or(row.to_string())
        })
        .await;
    }
    let ready = setting
        .farshore
        .get_json(&format!("{LINK}/readiness"))
        .await;
    assert_eq!(ready.expect("an answer")["ready"], false);
    assert_eq!(answers(&setting, "/readyz?scope=link").await, 503);
    assert_eq!(answers(&setting, "/readyz").await, 200);

    let (_, blocked) = setting.farshore.plan("switchover", "both").await;
    let messages: Vec<&str> = blocked
        .blockers
        .iter()
        .map(|it| it.message.as_str())
        .collect();
    assert!(
        messages.iter().any(|it| it.contains("collide")),
        "{messages:?}"
    );
    let plan = setting.farshore.clear_plan("switchover", "clerks").await;
    setting.farshore.moves(&plan).await;

    topics::delete(&setting.oslo.bootstrap(), "a_b").await;
    is(&setting, "running").await;
    setting.mirrored("a.b", 2).await;
    assert_eq!(setting.compare("a.b", 2).await, 20);
}

/// Partitions that the last look at the topics didn't see are asked for by draining itself.
#[tokio::test]
async fn a_switchover_waits_for_partitions_that_the_mirror_lacks() {
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"200ms\"\nrefresh_interval = \"1h\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..20).await;
    setting.commits("clerks", ("orders", 0), 20).await;
    setting.farshore.start().await;
    setting
        .farshore
        .carries_exactly("clerks", ("orders", 0), 20)
        .await;
    topics::grow(&setting.paris.bootstrap(), "orders", 3).await;
    for partition in [1, 2] {
        setting.write("orders", partition, 0..40).await;
    }
    let plan = setting.farshore.clear_plan("switchover", "clerks").await;
    let answer = setting.farshore.start_operation(&plan).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let lacks = |it: &Operation| {
        it.waits_for
            .iter()
            .any(|why| why.starts_with("orders-2 has no mirror"))
    };
    setting
        .farshore
        .operation_is(&plan.id, "waits for the new partitions", lacks)
        .await;
    // A start looks at the topics.
    setting.farshore.sigterm().await;
    setting.farshore.start().await;
    let over = |it: &Operation| it.phase == "done" || it.phase == "stopped";
    let operation = setting.farshore.operation_is(&plan.id, "over", over).await;
    assert_eq!(operation.phase, "done", "{operation:?}");
    assert_eq!(setting.compare("orders", 3).await, 100);
}
