//! Reads: links, topics, groups, readiness, translation, health.

use clap::Parser;
use serde_json::{Value, json};

use super::client::TOKEN;
use super::*;
use crate::api::state::{Condition, Reach};
use crate::api::{Limits, LinkFailure};
use crate::cli::{self, Args, ExitCode, Verb};
use crate::model::{PartitionState, TopicPartition};
use crate::replicate::TransactionLimit;

#[tokio::test]
async fn a_link_adds_up_its_partitions() {
    let bench = Bench::start().await;
    let link = bench.get("/v1/links/paris-oslo").await.json;
    assert_eq!(link["state"], "degraded");
    assert_eq!(
        (&link["topics"], &link["partitions"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(
        (&link["lag_records"], &link["held_records"]),
        (&json!(52), &json!(7))
    );
    assert_eq!(link["partitions_by_state"]["halted"], 1);
    assert_eq!(link["partitions_by_state"]["diverged"], 0);
    assert_eq!(bench.get("/v1/links").await.json, json!([link]));
    bench
        .view
        .track(&TopicPartition::new("new", 0), &"new".into())
        .unwrap();
    let link = bench.get("/v1/links/paris-oslo").await.json;
    assert_eq!(
        link["lag_records"], -1,
        "unknown for one is unknown for all"
    );
}

#[tokio::test]
async fn a_link_says_what_it_waits_for() {
    let bench = Bench::start().await;
    let seen = async |condition| {
        bench.condition.send_replace(condition);
        let link = bench.get("/v1/links/paris-oslo").await.json;
        let ready = bench.get("/readyz?scope=link").await;
        (link, ready)
    };
    let lost = Condition {
        source: Reach::Reached,
        target: Reach::Lost("refused".to_owned()),
        warning: Some("put it right".to_owned()),
        ..Condition::default()
    };
    let (link, ready) = seen(lost).await;
    assert_eq!(link["state"], "waiting");
    assert_eq!(
        (&link["source_reachable"], &link["target_reachable"]),
        (&json!(true), &json!(false))
    );
    let detail = "target oslo can't be reached: refused; put it right";
    assert_eq!(link["detail"], detail);
    assert_eq!(ready.status, 503);
    let reasons = json!([
        "link paris-oslo: target oslo can't be reached: refused",
        "link paris-oslo: halted: orders-0"
    ]);
    assert_eq!(ready.json, json!({ "ready": false, "reasons": reasons }));
    let slow = Condition {
        source: Reach::Reached,
        target: Reach::Reached,
        throttled: [false, true],
        ..Condition::default()
    };
    let (link, _) = seen(slow).await;
    assert_eq!(link["detail"], "slowed down by the quotas of oslo");
    let (link, _) = seen(Condition::default()).await;
    assert_eq!(link["state"], "starting");
}

#[tokio::test]
async fn a_link_that_failed_says_why_and_when_it_begins_anew() {
    let bench = Bench::start().await;
    bench.condition.send_modify(|condition| {
        condition.failure = Some(LinkFailure {
            message: "task mirroring panicked".to_owned(),
            retry_at: "2026-01-31T17:46:31Z".parse().unwrap(),
        });
    });
    let link = bench.get("/v1/links/paris-oslo").await.json;
    assert_eq!(link["state"], "failed");
    let failure = json!({
        "message": "task mirroring panicked",
        "retry_at": "2026-01-31T17:46:31Z",
    });
    assert_eq!(link["failure"], failure);
    let told = "the link has failed and restarts at 2026-01-31T17:46:31Z: task mirroring panicked";
    assert_eq!(link["detail"], told);
    let ready = bench.get("/readyz?scope=link").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json["reasons"][0], format!("link paris-oslo: {told}"));
    let readiness = bench.get("/v1/links/paris-oslo/readiness").await.json;
    let mirroring = &readiness["checks"][2];
    assert_eq!(mirroring["outcome"], "fail");
    assert_eq!(mirroring["detail"], "task mirroring panicked");
}

#[tokio::test]
async fn ready_when_nothing_stands_still() {
    let bench = Bench::start().await;
    let halted = TopicPartition::new("orders", 0);
    let halted = bench.view.track(&halted, &"paris.orders".into()).unwrap();
    halted.show(PartitionState::CatchingUp, None);
    let ready = bench.get("/readyz?scope=link").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json, json!({ "ready": true, "reasons": [] }));
    assert_eq!(bench.get("/healthz").await.status, 200);
    let metrics = bench.get("/metrics").await;
    assert!(
        metrics.text.contains("farshore_build_info"),
        "{}",
        metrics.text
    );
}

#[tokio::test]
async fn readiness_names_each_check_that_fails() {
    let bench = Bench::start().await;
    let checks = async || {
        let answer = bench.get("/v1/links/paris-oslo/readiness").await.json;
        let outcome = |check: &Value| check["outcome"].as_str().unwrap().to_owned();
        let outcomes: Vec<String> = answer["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(outcome)
            .collect();
        (answer["ready"].clone(), outcomes.join(" "))
    };
    let (ready, outcomes) = checks().await;
    assert_eq!(
        (ready, outcomes.as_str()),
        (json!(false), "pass pass pass fail warn warn pass pass")
    );
    bench.pause().await;
    bench
        .condition
        .send_modify(|condition| condition.source = Reach::Unknown);
    let (_, outcomes) = checks().await;
    assert_eq!(outcomes, "fail pass fail fail warn warn pass pass");
}

/// Brokers don't let a transaction become that old unless they have lost track of it.
#[tokio::test]
async fn readiness_warns_of_transactions_that_are_older_than_the_source_lets_them_become() {
    let bench = Bench::start().await;
    let check = async || {
        let answer = bench.get("/v1/links/paris-oslo/readiness").await.json;
        let check = answer["checks"][5].clone();
        assert_eq!(check["name"], "transactions");
        (check["outcome"].clone(), check["detail"].to_string())
    };
    let (outcome, detail) = check().await;
    let open = "orders-0 since 2026-11-14T21:40:00Z by producer 4711";
    assert_eq!(outcome, "warn");
    assert!(
        detail.contains("more than 900 s (Kafka's default"),
        "{detail}"
    );
    assert!(detail.contains(open), "{detail}");
    for (limit, expected) in [("60000", "warn"), ("9223372036854775807", "pass")] {
        let limit = TransactionLimit::of(Some(limit));
        bench.view.set_transaction_limit(limit);
        let (outcome, detail) = check().await;
        assert_eq!(outcome, expected);
        assert!(
            detail.contains("(transaction.max.timeout.ms of the source)"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn a_topic_has_its_partitions_with_their_reasons() {
    let bench = Bench::start().await;
    let orders = bench.get("/v1/links/paris-oslo/topics/orders").await.json;
    assert_eq!(orders["mirror_topic"], "paris.orders");
    let partition = &orders["partitions"][0];
    assert_eq!(partition["partition"], 0);
    assert_eq!(partition["state"], "halted");
    assert_eq!(partition["reason"]["code"], "source_gap");
    assert_eq!(partition["reason"]["source_offset"], 40);
    assert_eq!(partition["held_records"], 7);
    assert_eq!(partition["held_by"]["transactional_id"], "payments");
    assert!(partition["lag_ms"].as_i64() > Some(0));
    assert_eq!(partition["as_of"], "2026-11-14T22:13:20Z");
    let all = bench.get("/v1/links/paris-oslo/topics").await.json;
    assert_eq!(timeless(all[0].clone()), timeless(orders));
    assert_eq!(all[1]["name"], "t");
    assert_eq!(all[1]["partitions"][0]["runs"], 1);
    assert_eq!(all[1]["partitions"][0]["lag_records"], 0);
}

#[tokio::test]
async fn groups_are_those_that_group_sync_has_seen() {
    let mut bench = Bench::start().await;
    assert_eq!(
        bench.get("/v1/links/paris-oslo/groups").await.json,
        json!([])
    );
    bench.sync_groups().await;
    let group = bench.get("/v1/links/paris-oslo/groups/billing").await.json;
    assert_eq!(group["group"], "billing");
    assert_eq!(group["partitions"][0]["source_offset"], 50);
    assert_eq!(group["partitions"][0]["target_offset"], 45);
    assert_eq!(
        bench.get("/v1/links/paris-oslo/groups").await.json,
        json!([group])
    );
}

#[tokio::test]
async fn many_offsets_are_translated_at_once_each_with_its_own_error() {
    let bench = Bench::with(Limits {
        max_body: 256 << 10,
        ..wide()
    })
    .await;
    let item = |topic: &str, offset: i64| json!({"topic": topic, "partition": 0, "offset": offset});
    let mut back = item("t", 45);
    back["reverse"] = json!(true);
    let items = [
        item("t", 50),
        item("u", 0),
        back,
        item("t", -1),
        item("t", 120),
    ];
    let ask = async |items: &[Value]| {
        let body = json!({"link": "paris-oslo", "items": items}).to_string();
        bench.post("/v1/translate", &body).await
    };
    let answer = ask(&items).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let found = answer.json["items"].as_array().unwrap();
    let pair = json!({"source_offset": 50, "target_offset": 45, "exact": true});
    assert_eq!((&found[0], &found[2]), (&pair, &pair));
    for (item, status) in [(1, 404), (3, 400)] {
        assert_eq!(found[item]["error"]["status"], status);
    }
    assert_eq!(found[4]["exact"], false);
    assert_eq!(found.len(), items.len());
    assert_eq!(ask(&[]).await.json, json!({ "items": [] }));
    let most = ask(&vec![item(&"t".repeat(180), 1); 1000]).await;
    assert_eq!(most.json["items"].as_array().map(Vec::len), Some(1000));
    let too_many = ask(&vec![item("t", 1); 1001]).await;
    assert_eq!(too_many.status, 400);
    let detail = too_many.json["detail"].as_str().unwrap();
    assert!(detail.contains("at most 1000"), "{detail}");
}

#[tokio::test]
async fn offsets_are_translated_both_ways_with_the_nearest_where_there_is_none() {
    let bench = Bench::start().await;
    for (offset, reverse, source, target, exact) in [
        (7, false, 7, 2, true),
        (2, true, 7, 2, true),
        (100, false, 100, 95, true),
        (95, true, 100, 95, true),
        (101, false, 101, 95, false),
        (96, true, 100, 96, false),
        (4, false, 4, 0, false),
    ] {
        let question = json!({"link": "paris-oslo", "topic": "t", "partition": 0, "offset": offset, "reverse": reverse});
        let answer = bench.post("/v1/translate", &question.to_string()).await;
        assert_eq!(answer.status, 200, "{question}");
        let answer = answer.json;
        assert_eq!(answer["source_offset"], source, "{question}");
        assert_eq!(answer["target_offset"], target, "{question}");
        assert_eq!(answer["exact"], exact, "{question}");
        assert_eq!(answer["reason"].is_string(), !exact, "{question}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let bench = Bench::start().await;
    for path in [
        "/",
        "/v2/links",
        "/v1/links/x",
        "/v1/links/x/topics",
        "/v1/links/x/topics/t",
        "/v1/links/x/groups",
        "/v1/links/x/readiness",
        "/v1/links/x/explain/t",
        "/v1/links/paris-oslo/topics/x",
        "/v1/links/paris-oslo/groups/x",
        "/v1/plans/x",
        "/v1/operations/x",
    ] {
        let answer = bench.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json["type"], "urn:farshore:problem:not_found");
        assert!(
            answer
                .head
                .contains("content-type: application/problem+json")
        );
        let named = path
            .rsplit('/')
            .find(|part| matches!(*part, "x" | "links"))
            .unwrap_or("/");
        assert!(
            answer.json["detail"].as_str().unwrap().contains(named),
            "{path}"
        );
    }
    let unknown = r#"{"link":"paris-oslo","topic":"t","partition":1,"offset":0}"#;
    assert_eq!(bench.post("/v1/translate", unknown).await.status, 404);
}

/// The command line and the API agree on the shape of every answer.
#[tokio::test]
async fn the_command_line_understands_every_answer() {
    let mut bench = Bench::start().await;
    bench.sync_groups().await;
    for (line, shows) in [
        (
            "status",
            "paris-oslo  t       t             0  live    translate         100       100          95            0",
        ),
        (
            "status",
            "orders-0 halted: source_gap: records 0 to 39 are gone",
        ),
        (
            "groups --link paris-oslo",
            "billing  t      0             50             45",
        ),
        (
            "translate --link paris-oslo --topic t --partition 0 --offset 7",
            "target offset 2\nexact",
        ),
        (
            "explain --link paris-oslo orders",
            "topic orders: mirrored, its mirror is paris.orders\n  decided by: \"orders|t\" in topics matches\n",
        ),
        (
            "explain --link paris-oslo billing",
            "group billing: carried over\n  decided by: \".*\" in groups matches\n  offsets: 1 synced\n",
        ),
        (
            "plan switchover --link paris-oslo --groups bil.*",
            "To execute it: farshore apply ",
        ),
    ] {
        let url = bench.url();
        let (ended, out) = tokio::task::spawn_blocking(move || run(line, &url))
            .await
            .unwrap();
        assert_eq!(ended, ExitCode::Done, "{line}: {out}");
        assert!(out.contains(shows), "{line}: {out}");
    }
}

/// Runs a command against the service.
pub(super) fn run(line: &str, url: &str) -> (ExitCode, String) {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), TOKEN).unwrap();
    let file = token.path().to_str().unwrap();
    let words = ["farshore", "--url", url, "--token-file", file]
        .into_iter()
        .chain(line.split(' '));
    let Args { common, verb } = Args::try_parse_from(words).unwrap();
    let Verb::Ask(verb) = verb else {
        panic!("{line} is not asked of the service");
    };
    let mut out = Vec::new();
    let ended = cli::ask(&verb, &common, &mut out);
    let out = String::from_utf8(out).unwrap();
    ended.map_or_else(
        |failure| (failure.code, failure.message.clone()),
        |code| (code, out),
    )
}
