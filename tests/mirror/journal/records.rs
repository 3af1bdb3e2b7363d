//! All records about a link are restored with the checkpoint DB.

use serde_json::json;

use crate::asking::lose_checkpoint;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::operator::{LINK, Plan};
use crate::support::wait::eventually;

const ORDERS: (&str, i32) = ("orders", 0);

#[tokio::test]
async fn audit_log_plans_operations_and_verifications_come_back_with_the_db() {
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..50).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    setting.commits("clerks", ORDERS, 20).await;
    setting.farshore.carries_exactly("clerks", ORDERS, 20).await;

    let (verification, plan) = recorded(&setting).await;
    let shown = [
        "/v1/audit".to_owned(),
        "/v1/verifications".to_owned(),
        verification,
        format!("/v1/plans/{}", plan.id),
        format!("/v1/operations/{}", plan.id),
    ];
    let mut before = Vec::new();
    for path in &shown {
        before.push(setting.farshore.get_json(path).await.expect("it is shown"));
    }
    let actions = before[0].as_array().expect("entries").iter();
    let actions: Vec<_> = actions.map(|it| it["entry"]["action"].as_str()).collect();
    assert_eq!(actions, ["apply", "verify", "resume", "pause"].map(Some));

    setting.farshore.sigterm().await;
    lose_checkpoint(&setting.farshore);
    setting.farshore.start().await;
    setting.write("orders", 0, 50..60).await;
    setting.mirrored("orders", 1).await;
    for (path, before) in shown.iter().zip(before) {
        assert_eq!(setting.farshore.get_json(path).await, Ok(before), "{path}");
    }
    // And the log continues after them.
    setting.farshore.set_paused(true).await;
    let audit = setting
        .farshore
        .get_json("/v1/audit")
        .await
        .expect("the log");
    let numbers: Vec<_> = audit
        .as_array()
        .expect("entries")
        .iter()
        .map(|it| it["number"].as_u64())
        .collect();
    assert!(
        numbers.is_sorted_by(|newer, older| newer > older),
        "{numbers:?}"
    );
    assert_eq!(numbers.len(), 5);
}

/// Pauses, resumes, verifies and moves. Returns the path of the verification, and the plan.
async fn recorded(setting: &Setting) -> (String, Plan) {
    setting.farshore.set_paused(true).await;
    setting.farshore.set_paused(false).await;
    let ordered = setting
        .farshore
        .post_json("/v1/verifications", json!({ "link": LINK }))
        .await;
    let ordered = ordered.expect("an answer");
    assert_eq!(ordered.status, 202, "{}", ordered.body);
    let id = ordered.body["id"].as_str().expect("its id").to_owned();
    let verification = format!("/v1/verifications/{id}");
    eventually(CATCH_UP, "the verification ends", async || {
        let report = setting.farshore.get_json(&verification).await?;
        (report["state"] == "done")
            .then_some(())
            .ok_or_else(|| report.to_string())
    })
    .await;
    let plan = setting.farshore.clear_plan("failover", "clerks").await;
    setting.farshore.moves(&plan).await;
    (verification, plan)
}
