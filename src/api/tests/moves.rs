//! Plans and operations, executed by the real runner.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::reading::run;
use super::*;
use crate::cli::ExitCode;

const SWITCHOVER: &str = r#"{"kind":"switchover","link":"paris-oslo"}"#;

async fn plan(bench: &Bench, request: &str) -> Value {
    let answer = bench.post("/v1/plans", request).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json
}

async fn start(bench: &Bench, plan: &Value) -> Answer {
    let agreed = json!({ "plan_id": plan["id"], "plan_hash": plan["hash"] });
    bench.post("/v1/operations", &agreed.to_string()).await
}

fn problem(answer: &Answer) -> (u16, &str) {
    (
        answer.status,
        answer.json["type"].as_str().unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_plan_can_be_read_again_and_says_what_would_be_committed() {
    let bench = Bench::start().await;
    let made = plan(&bench, SWITCHOVER).await;
    let path = format!("/v1/plans/{}", made["id"].as_str().unwrap());
    assert_eq!(bench.get(&path).await.json, made);
    let planned = &made["groups"][0];
    assert_eq!(planned["group"], "billing");
    assert_eq!(
        (&planned["topic"], &planned["partition"]),
        (&json!("t"), &json!(0))
    );
    assert_eq!(
        (&planned["source_offset"], &planned["target_offset"]),
        (&json!(50), &json!(45))
    );
    assert_eq!(
        (&planned["exact"], &planned["unreachable_records"]),
        (&json!(true), &json!(0))
    );
    assert_eq!(made["blockers"], json!([]));
}

#[tokio::test]
async fn an_operation_runs_to_its_end_and_is_started_once() {
    let bench = Bench::start().await;
    let made = plan(&bench, SWITCHOVER).await;
    let (id, hash) = (made["id"].as_str().unwrap(), made["hash"].as_str().unwrap());
    let (line, url) = (format!("apply {id} --hash {hash}"), bench.url());
    let applied = tokio::task::spawn_blocking(move || run(&line, &url));
    let ended = tokio::select! {
        ended = bench.runner.run(CancellationToken::new()) => panic!("{ended:?}"),
        ended = applied => ended.unwrap(),
    };
    assert_eq!(ended, (ExitCode::Done, format!("operation {id}: done\n")));
    let again = start(&bench, &made).await;
    assert_eq!((again.status, &again.json["phase"]), (202, &json!("done")));
    assert_eq!(again.json["groups"][0]["target_offset"], 45);
    let shown = bench.get(&format!("/v1/operations/{id}")).await;
    assert_eq!(shown.json, again.json);
    assert_eq!(bench.target.offset("billing"), Some(45));
    let audit = bench.get("/v1/audit").await.json;
    assert_eq!(
        (&audit[0]["entry"]["action"], &audit[0]["entry"]["plan"]),
        (&json!("apply"), &made["id"])
    );
}

#[tokio::test]
async fn what_can_not_be_started_says_why() {
    let bench = Bench::start().await;
    let made = plan(&bench, SWITCHOVER).await;
    let mut stale = made.clone();
    stale["hash"] = json!("0");
    assert_eq!(
        problem(&start(&bench, &stale).await),
        (409, "urn:farshore:problem:stale_plan")
    );
    let unknown = json!({ "id": "x", "hash": "0" });
    assert_eq!(
        problem(&start(&bench, &unknown).await),
        (404, "urn:farshore:problem:not_found")
    );
    bench
        .target
        .set(|inner| inner.active.insert("billing".into()));
    let blocked = start(&bench, &made).await;
    assert_eq!(problem(&blocked), (412, "urn:farshore:problem:blocked"));
    assert_eq!(blocked.json["blockers"][0]["code"], "group_active");
    assert_eq!(blocked.json["blockers"][0]["group"], "billing");
    bench.target.set(|inner| inner.active.clear());
    assert_eq!(
        start(&bench, &made).await.status,
        202,
        "nothing executes it in this test"
    );
    let second = plan(&bench, SWITCHOVER).await;
    let busy = start(&bench, &second).await;
    assert_eq!(problem(&busy), (423, "urn:farshore:problem:link_busy"));
    assert!(
        busy.json["detail"]
            .as_str()
            .unwrap()
            .contains(made["id"].as_str().unwrap())
    );
}

#[tokio::test]
async fn what_can_not_be_planned_says_why() {
    let bench = Bench::start().await;
    let answer = bench
        .post("/v1/plans", r#"{"kind":"switchover","link":"x"}"#)
        .await;
    assert_eq!(answer.status, 404);
    let answer = bench
        .post(
            "/v1/plans",
            r#"{"kind":"switchover","link":"paris-oslo","groups":["("]}"#,
        )
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    let loss =
        |allowed| format!(r#"{{"kind":"failover","link":"paris-oslo","allow_loss":{allowed}}}"#);
    assert_eq!(bench.post("/v1/plans", &loss(false)).await.status, 400);
    assert_eq!(bench.post("/v1/plans", &loss(true)).await.status, 201);
    let limited = |limit: &str| {
        format!(r#"{{"kind":"failover","link":"paris-oslo","topics":["t"],"allow_loss":{limit}}}"#)
    };
    let answer = bench.post("/v1/plans", &limited(r#"{"ms":0}"#)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let blockers = answer.json["blockers"].as_array().unwrap();
    let codes: Vec<_> = blockers.iter().map(|it| &it["code"]).collect();
    assert!(codes.contains(&&json!("loss_exceeds_limit")), "{codes:?}");
    let answer = bench.post("/v1/plans", &limited(r#"{"seconds":5}"#)).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    bench.source.set(|inner| inner.gone = true);
    let without_source = plan(&bench, SWITCHOVER).await;
    assert_eq!(without_source["blockers"][0]["code"], "source_unreachable");
    bench.target.set(|inner| inner.gone = true);
    let answer = bench.post("/v1/plans", SWITCHOVER).await;
    assert_eq!(problem(&answer), (503, "urn:farshore:problem:unavailable"));
    assert!(
        answer.json["detail"]
            .as_str()
            .unwrap()
            .contains("nobody answers")
    );
}

#[tokio::test]
async fn an_operation_is_listed_and_called_off_through_the_command_line() {
    let bench = Bench::start().await;
    bench.source.set(|inner| {
        inner
            .transactions
            .insert(crate::control::testing::partition())
    });
    let made = plan(&bench, SWITCHOVER).await;
    let listed = bench.get("/v1/plans").await.json;
    assert_eq!((&listed[0]["id"], listed[1].is_null()), (&made["id"], true));
    assert_eq!(start(&bench, &made).await.status, 202);
    let id = made["id"].as_str().unwrap();
    let (line, url) = (format!("cancel {id}"), bench.url());
    let cancelled = tokio::task::spawn_blocking(move || run(&line, &url));
    let (code, out) = tokio::select! {
        ended = bench.runner.run(CancellationToken::new()) => panic!("{ended:?}"),
        ended = cancelled => ended.unwrap(),
    };
    assert_eq!(code, ExitCode::Done, "{out}");
    let stopped =
        format!("operation {id}: stopped at draining\n  cancelled by a request from 127.0.0.1\n");
    assert_eq!(out, stopped);
    let listed = bench.get("/v1/operations").await.json;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["phase"], &listed[0]["at"]),
        (&made["id"], &json!("stopped"), &json!("draining"))
    );
    assert_eq!(bench.get("/v1/plans?limit=0").await.json, json!([]));
    let audit = bench.get("/v1/audit").await.json;
    assert_eq!(
        (&audit[0]["entry"]["action"], &audit[0]["entry"]["plan"]),
        (&json!("cancel"), &made["id"])
    );
    let again = bench.post(&format!("/v1/operations/{id}/cancel"), "").await;
    assert_eq!(problem(&again), (409, "urn:farshore:problem:conflict"));
    let unknown = bench.post("/v1/operations/x/cancel", "").await;
    assert_eq!(problem(&unknown), (404, "urn:farshore:problem:not_found"));
}

#[tokio::test]
async fn a_group_that_was_moved_says_when_and_can_be_returned() {
    let mut bench = Bench::start().await;
    let made = plan(&bench, SWITCHOVER).await;
    let (id, hash) = (made["id"].as_str().unwrap(), made["hash"].as_str().unwrap());
    let (line, url) = (format!("apply {id} --hash {hash}"), bench.url());
    let applied = tokio::task::spawn_blocking(move || run(&line, &url));
    tokio::select! {
        ended = bench.runner.run(CancellationToken::new()) => panic!("{ended:?}"),
        ended = applied => assert_eq!(ended.unwrap().0, ExitCode::Done),
    }
    bench.sync_groups().await;
    let shown = bench.get("/v1/links/paris-oslo/groups/billing").await.json;
    let ended = &bench.get(&format!("/v1/operations/{id}")).await.json["entered_at"];
    assert_eq!(
        (&shown["partitions"][0]["moved_by"], &shown["moved_at"]),
        (&made["id"], ended)
    );
    let answer = bench
        .post(
            "/v1/links/paris-oslo/groups/return",
            r#"{"groups":["b.*"]}"#,
        )
        .await;
    assert_eq!(
        (answer.status, answer.json),
        (200, json!([{ "group": "billing", "moved_by": id }]))
    );
    let audit = bench.get("/v1/audit").await.json;
    assert_eq!(audit[0]["entry"]["action"], "return_groups");
}
