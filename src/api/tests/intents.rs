//! Intents of links and topics through the API.

use serde_json::{Value, json};

use super::*;
use crate::checkpoint::intents::{load_intents, load_pending};
use crate::checkpoint::{Space, Update};
use crate::journal::Owner;
use crate::model::{Intent, TopicName};

const LINK: &str = "/v1/links/paris-oslo";
const PAUSE: &str = "/v1/links/paris-oslo/pause";
const RESUME: &str = "/v1/links/paris-oslo/resume";
const INTENT: &str = "/v1/links/paris-oslo/intent";

async fn put(bench: &Bench, body: &Value) -> Answer {
    let ask = Ask::new("PUT", INTENT).json(&body.to_string());
    ask.of(bench.address).await
}

fn intent(bench: &Bench, topic: &str) -> Intent {
    bench.view.intent_of(&TopicName::from(topic))
}

#[tokio::test]
async fn single_topics_are_paused_and_resumed_and_the_others_go_on() {
    let bench = Bench::start().await;
    let paused = bench.post(PAUSE, r#"{"topics":["t|nothing"]}"#).await;
    assert_eq!(
        (paused.status, &paused.json["state"]),
        (200, &json!("degraded"))
    );
    let of_topic = &paused.json["topic_intents"][0];
    assert_eq!(of_topic["topic"], "t");
    assert_eq!(of_topic["intent"], "paused");
    assert_eq!(of_topic["set_by"], "127.0.0.1");
    assert_eq!(of_topic["pending"], false);
    assert!(of_topic["set_at"].is_string());
    assert_eq!(paused.json["intent"]["intent"], "mirror");
    assert_eq!(paused.json["partitions_by_state"]["paused"], 1);
    assert_eq!(
        (intent(&bench, "t"), intent(&bench, "orders")),
        (Intent::Paused, Intent::Mirror)
    );
    let topics = bench.get("/v1/links/paris-oslo/topics").await.json;
    assert_eq!(topics[0]["intent"], "mirror");
    assert_eq!(topics[1]["intent"], "paused");
    // The link's own intent differs: the stricter one applies.
    assert_eq!(bench.post(PAUSE, "").await.json["state"], "paused");
    bench.post(RESUME, r#"{"topics":["t"]}"#).await;
    assert_eq!(intent(&bench, "t"), Intent::Paused);
    assert_eq!(bench.post(RESUME, "").await.json["state"], "degraded");
    assert_eq!(intent(&bench, "t"), Intent::Mirror);
    let audit = bench.get("/v1/audit?limit=9").await.json;
    let told: Vec<_> = audit
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let entry = &it["entry"];
            (entry["action"].as_str().unwrap(), entry["topics"].clone())
        })
        .collect();
    let topic = json!(["t"]);
    let expected = [
        ("resume", Value::Null),
        ("resume", topic.clone()),
        ("pause", Value::Null),
        ("pause", topic),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn pause_and_resume_are_refused_where_something_else_is_wanted() {
    let bench = Bench::start().await;
    let sealed = put(&bench, &json!({ "intent": "sealed", "topics": ["t"] })).await;
    assert_eq!((sealed.status, intent(&bench, "t")), (200, Intent::Sealed));
    for path in [PAUSE, RESUME] {
        let refused = bench.post(path, r#"{"topics":["t"]}"#).await;
        assert_eq!(refused.status, 409);
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(
            detail.contains("the intent of topic t is sealed"),
            "{detail}"
        );
    }
    assert_eq!(
        bench.post(PAUSE, r#"{"topics":["orders"]}"#).await.status,
        200
    );
    assert_eq!(
        put(&bench, &json!({ "intent": "open", "topics": ["t"] }))
            .await
            .status,
        200
    );
    for wanted in ["mirror", "paused", "sealed"] {
        let refused = put(&bench, &json!({ "intent": wanted, "topics": [".*"] })).await;
        assert_eq!(refused.status, 409, "{wanted}");
    }
    // None of the topics changed.
    assert_eq!(
        (intent(&bench, "t"), intent(&bench, "orders")),
        (Intent::Open, Intent::Paused)
    );
    assert_eq!(
        put(&bench, &json!({ "intent": "mirror" })).await.status,
        200
    );
}

#[tokio::test]
async fn what_is_not_understood_or_matches_no_topic_changes_nothing() {
    let bench = Bench::start().await;
    for (body, status) in [
        (r#"{"topics":["absent"]}"#, 404),
        // Whole names only.
        (r#"{"topics":["order"]}"#, 404),
        (r#"{"topics":[]}"#, 404),
        (r#"{"topics":["("]}"#, 400),
        (r#"{"topic":"t"}"#, 400),
        (r#"{"intent":"paused"}"#, 400),
    ] {
        assert_eq!(bench.post(PAUSE, body).await.status, status, "{body}");
    }
    for body in [json!({}), json!({ "intent": "stopped" })] {
        assert_eq!(put(&bench, &body).await.status, 400, "{body}");
    }
    assert!(bench.view.intents().borrow().is_empty());
}

#[tokio::test]
async fn a_standby_names_the_owner_and_changes_nothing() {
    let bench = Bench::start().await;
    bench.ownership.end();
    bench.condition.send_modify(|condition| {
        condition.standby = true;
        condition.owner = Some(Owner {
            id: "db".into(),
            host: "oslo-1".into(),
            process: 7,
            api_url: Some("http://oslo-1:8640".into()),
        });
    });
    let refused = bench.post(PAUSE, "").await;
    assert_eq!(refused.status, 409);
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(
        detail.contains("process 7 on oslo-1 (http://oslo-1:8640)"),
        "{detail}"
    );
    let plan = r#"{"kind":"failover","link":"paris-oslo"}"#;
    let unknown = r#"{"link":"paris-oslo","topic":"u","partition":0,"offset":0}"#;
    let release = r#"{"topic":"t","with":"follow"}"#;
    for elsewhere in [
        put(&bench, &json!({ "intent": "sealed" })).await,
        bench.post("/v1/plans", plan).await,
        bench.get("/v1/links/paris-oslo/groups").await,
        bench.get("/v1/links/paris-oslo/groups/billing").await,
        bench
            .post("/v1/verifications", r#"{"link":"paris-oslo"}"#)
            .await,
        bench.post("/v1/translate", unknown).await,
        bench.get("/v1/links/paris-oslo/topics/u").await,
        bench.post("/v1/links/paris-oslo/resolve", release).await,
    ] {
        assert_eq!(elsewhere.json["detail"], detail);
        assert_eq!(elsewhere.status, 409);
    }
    assert!(detail.starts_with("this process is on standby: link paris-oslo is owned by"));
    assert!(bench.view.intents().borrow().is_empty());
    assert!(
        load_pending(&*bench.store, bench.view.link())
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn without_the_link_an_intent_is_obeyed_at_once_and_pending_until_it_is_owned() {
    let bench = Bench::start().await;
    bench.ownership.end();
    for _ in 0..2 {
        let paused = bench.post(PAUSE, "").await;
        assert_eq!(
            (paused.status, &paused.json["state"]),
            (200, &json!("paused"))
        );
        assert_eq!(paused.json["intent"]["intent"], "paused");
        assert_eq!(paused.json["intent"]["pending"], true);
    }
    let link = bench.view.link();
    assert_eq!(bench.view.link_intent(), Intent::Paused);
    assert_eq!(
        load_pending(&*bench.store, link).unwrap().of_link(),
        Intent::Paused
    );
    assert!(load_intents(&*bench.store, link).unwrap().is_empty());
    bench.ownership.begin(1);
    bench
        .ownership
        .extend(tokio::time::Instant::now() + std::time::Duration::from_secs(60));
    // Another change makes the owner check.
    let resumed = bench.post(RESUME, "").await;
    assert_eq!(resumed.json["intent"]["pending"], false);
    assert!(load_pending(&*bench.store, link).unwrap().is_empty());
    let stored = load_intents(&*bench.store, link).unwrap();
    assert_eq!(stored.link.map(|it| it.intent), Some(Intent::Mirror));
}

#[tokio::test]
async fn a_link_that_never_met_its_clusters_is_paused_all_the_same() {
    let bench = Bench::start().await;
    bench.ownership.end();
    let mut update = Update::new();
    let mut entries = bench.store.scan(Space::Links, &[], 9).unwrap();
    update.delete(Space::Links, entries.remove(0).0);
    bench.store.commit(update).await.unwrap();
    let paused = bench.post(PAUSE, "").await;
    assert_eq!(
        (paused.status, &paused.json["intent"]["pending"]),
        (200, &json!(true))
    );
}

#[tokio::test]
async fn a_link_is_shown_as_paused_when_nothing_is_in_flight_any_more() {
    let bench = Bench::start().await;
    let writing = bench.in_flight.begin().await;
    bench.pause().await;
    let coming_to_rest = bench.get(LINK).await.json;
    assert_eq!(coming_to_rest["state"], "degraded");
    let detail = coming_to_rest["detail"].as_str().unwrap();
    assert!(detail.contains("in flight"), "{detail}");
    drop(writing);
    // The pause waits for the partitions, too.
    assert_eq!(bench.post(PAUSE, "").await.json["state"], "paused");
    assert_eq!(bench.get(LINK).await.json["state"], "paused");
}

#[tokio::test]
async fn an_idempotency_key_stands_for_one_change_of_intents() {
    let bench = Bench::start().await;
    let ask = |path, body: &str| {
        Ask::new("POST", path)
            .header("Idempotency-Key", "k")
            .json(body)
    };
    let first = ask(PAUSE, "{}").of(bench.address).await;
    assert_eq!(bench.post(RESUME, "").await.status, 200);
    let again = ask(PAUSE, "{}").of(bench.address).await;
    assert_eq!((again.status, again.json), (200, first.json));
    assert_eq!(bench.view.link_intent(), Intent::Mirror, "not done twice");
    assert_eq!(ask(RESUME, "{}").of(bench.address).await.status, 409);
}
