//! Changes: pausing, idempotency keys, origins, the audit log.

use serde_json::json;

use super::*;
use crate::model::{Intent, LinkName};
use crate::replicate::LinkView;

const PAUSE: &str = "/v1/links/paris-oslo/pause";
const RESUME: &str = "/v1/links/paris-oslo/resume";

fn is_paused(bench: &Bench) -> bool {
    bench.view.link_intent() == Intent::Paused
}

#[tokio::test]
async fn pausing_survives_a_restart_and_is_audited_once() {
    let bench = Bench::start().await;
    let paused_in_store = || {
        let link = LinkName::new("paris-oslo");
        LinkView::load(&link, &bench.store, |_| true)
            .unwrap()
            .link_intent()
            == Intent::Paused
    };
    for _ in 0..2 {
        let answer = bench.post(PAUSE, "").await;
        assert_eq!(
            (answer.status, &answer.json["state"]),
            (200, &json!("paused"))
        );
        assert!(is_paused(&bench) && paused_in_store());
    }
    assert_eq!(bench.post(RESUME, "{}").await.json["state"], "degraded");
    assert!(!is_paused(&bench) && !paused_in_store());
    let audit = bench.get("/v1/audit?limit=5").await.json;
    let actions = audit.as_array().unwrap().iter();
    let actions: Vec<_> = actions
        .map(|one| (&one["number"], &one["entry"]["action"]))
        .collect();
    assert_eq!(
        actions,
        [(&json!(1), &json!("resume")), (&json!(0), &json!("pause"))]
    );
    assert_eq!(audit[0]["entry"]["from"], "127.0.0.1");
    assert_eq!(
        bench
            .get("/v1/audit?limit=1")
            .await
            .json
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let bench = Bench::start().await;
    let plan = r#"{"kind":"switchover","link":"paris-oslo"}"#;
    let ask = |path, key: &str, body| {
        Ask::new("POST", path)
            .header("Idempotency-Key", key)
            .json(body)
    };
    let first = ask("/v1/plans", "k", plan).of(bench.address).await;
    assert_eq!(first.status, 201);
    let again = ask("/v1/plans", "k", plan).of(bench.address).await;
    assert_eq!(again.json, first.json, "the same plan, not another one");
    let location = |answer: &Answer| {
        answer
            .head
            .lines()
            .find(|line| line.starts_with("location"))
            .map(str::to_owned)
    };
    assert_eq!(location(&again), location(&first));
    assert!(location(&first).is_some());
    let other = ask("/v1/plans", "l", plan).of(bench.address).await;
    assert_ne!(other.json["id"], first.json["id"]);
    for reused in [
        ask("/v1/plans", "k", "{}"),
        ask("/v1/operations", "k", plan),
    ] {
        let refused = reused.of(bench.address).await;
        assert_eq!(refused.status, 409);
        assert_eq!(refused.json["type"], "urn:farshore:problem:key_reused");
    }
    let corrected = [("{}", 400), ("{", 400), (plan, 201)];
    for (body, status) in corrected {
        let answer = ask("/v1/plans", "m", body).of(bench.address).await;
        assert_eq!(answer.status, status, "a refusal doesn't use the key up");
    }
    for key in ["", &"k".repeat(256), "\u{e9}"] {
        assert_eq!(
            ask("/v1/plans", key, plan).of(bench.address).await.status,
            400
        );
    }
}

#[tokio::test]
async fn equal_requests_at_the_same_time_are_one() {
    let bench = Bench::start().await;
    let ask = Ask::new("POST", "/v1/plans").header("Idempotency-Key", "k");
    let ask = ask.json(r#"{"kind":"failover","link":"paris-oslo"}"#);
    let answers = futures_util::future::join_all((0..8).map(|_| ask.of(bench.address))).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert!(
        answers
            .iter()
            .all(|answer| answer.json["id"] == answers[0].json["id"])
    );
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let bench = Bench::start().await;
    for (origin, status) in [
        ("http://evil.example", 403),
        ("null", 403),
        ("http://farshore.evil.example", 403),
        ("http://farshore", 200),
    ] {
        let ask = Ask::new("POST", PAUSE).header("Origin", origin);
        assert_eq!(ask.of(bench.address).await.status, status, "{origin}");
        assert_eq!(is_paused(&bench), status == 200);
    }
    let question = Ask::new("GET", "/v1/links").header("Origin", "http://evil.example");
    assert_eq!(question.of(bench.address).await.status, 200);
}
