//! What a link does with a name, and why.

use serde_json::{Value, json};

use super::*;
use crate::api::state::Reach;
use crate::model::{PartitionState, TopicPartition};

impl Bench {
    async fn explain(&self, name: &str) -> Value {
        let path = format!("/v1/links/paris-oslo/explain/{name}");
        let answer = self.get(&path).await;
        assert_eq!(answer.status, 200, "{name}");
        answer.json
    }
}

/// Whatever a name is, every rule that applies to it is told.
#[tokio::test]
async fn a_name_is_explained_by_its_rules() {
    let bench = Bench::start().await;
    for (name, included, topic, presence, mirror) in [
        ("orders", true, "included", "present", json!("paris.orders")),
        ("t", true, "included", "present", json!("t")),
        ("eu.new", true, "included", "present", json!("paris.eu.new")),
        (
            "eu.none",
            true,
            "included",
            "absent",
            json!("paris.eu.none"),
        ),
        (
            "eu.internal",
            false,
            "internal_topic included",
            "present",
            json!(null),
        ),
        (
            "eu.test1",
            false,
            "excluded included",
            "absent",
            json!(null),
        ),
        (
            "__x",
            false,
            "internal_topic included",
            "absent",
            json!(null),
        ),
        (
            "farshore-x",
            false,
            "farshore_topic not_included",
            "absent",
            json!(null),
        ),
        ("a%0Ab%2Fc", false, "not_included", "absent", json!(null)),
    ] {
        let answer = bench.explain(name).await;
        let told = &answer["topic"];
        assert_eq!(told["included"], included, "{answer}");
        assert_eq!(kinds(told), topic, "{answer}");
        assert_eq!(told["on_source"], presence, "{answer}");
        assert_eq!(told["mirror_topic"], mirror, "{answer}");
        assert_eq!(told["intent"].is_string(), included, "{answer}");
        let settings = told["settings"].as_array().unwrap();
        let is_there = included && presence == "present";
        assert_eq!(settings.is_empty(), !is_there, "{answer}");
    }
    let odd = bench.explain("a%0Ab%2Fc").await;
    assert_eq!(odd["name"], "a\nb/c");
    assert_eq!(
        (kinds(&odd["group"]), &odd["group"]["status"]),
        ("included".to_owned(), &json!(null))
    );
    assert_eq!(
        kinds(&bench.explain("eu.test1").await["group"]),
        "excluded included"
    );
}

#[tokio::test]
async fn the_state_is_part_of_the_explanation() {
    let mut bench = Bench::start().await;
    bench.sync_groups().await;
    let topic = bench.get("/v1/links/paris-oslo/topics/orders").await.json;
    let orders = bench.explain("orders").await;
    assert_eq!(
        timeless(orders["topic"].clone())["partitions"],
        timeless(topic)["partitions"]
    );
    assert_eq!(
        orders["topic"]["rules"],
        json!([{ "rule": "included", "expression": "orders|t", "text": "\"orders|t\" in topics matches" }])
    );
    let group = bench.get("/v1/links/paris-oslo/groups/billing").await.json;
    let billing = bench.explain("billing").await;
    assert_eq!(
        billing["group"]["status"]["partitions"],
        group["partitions"]
    );

    bench.pause().await;
    bench
        .condition
        .send_modify(|it| it.source = Reach::Lost("gone".to_owned()));
    let orders = bench.explain("orders").await;
    assert_eq!(orders["topic"]["intent"], "paused");
    assert_eq!(orders["topic"]["on_source"], "unknown");
    assert_eq!(orders["detail"], "source paris can't be reached: gone");
}

fn kinds(told: &Value) -> String {
    let rules = told["rules"].as_array().unwrap().iter();
    let kinds: Vec<_> = rules.map(|rule| rule["rule"].as_str().unwrap()).collect();
    kinds.join(" ")
}

/// What isn't known is left out; what is done with a setting is known without it.
#[tokio::test]
async fn settings_that_were_not_read_are_explained_by_their_rules() {
    let bench = Bench::start().await;
    let told = bench.explain("t").await["topic"]["settings"].clone();
    let settings = told.as_array().unwrap();
    assert_eq!(settings.len(), crate::model::TOPIC_SETTINGS.len());
    let of = |name: &str| settings.iter().find(|it| it["name"] == name).cloned();
    assert_eq!(
        of("segment.ms"),
        Some(json!({
            "name": "segment.ms",
            "treatment": "not_mirrored",
            "why": "how a broker stores the log; consumers see no difference"
        }))
    );
    assert_eq!(of("retention.ms").unwrap()["treatment"], "at_least");
    assert_eq!(of("compression.type").unwrap()["treatment"], "set");
    assert_eq!(of("cleanup.policy").unwrap()["treatment"], "mirrored");
}

/// Of the settings that are read, those that neither side has are left out.
#[tokio::test]
async fn settings_that_were_read_are_explained_with_their_values() {
    let bench = Bench::start().await;
    let told = bench.explain("orders").await["topic"]["settings"].clone();
    let settings = told.as_array().unwrap().iter();
    let read: Vec<Value> = settings
        .filter(|it| it["treatment"] != "not_mirrored")
        .map(|it| {
            let fields = ["name", "treatment", "source", "mirror", "likeness"];
            json!(fields.map(|field| it[field].clone()))
        })
        .collect();
    assert_eq!(
        read,
        [
            json!(["cleanup.policy", "mirrored", "delete", "delete", "same"]),
            json!(["compression.type", "set", "zstd", "producer", "differs"]),
            json!(["retention.ms", "at_least", "604800000", "1000", "changes"]),
        ]
    );
}

#[tokio::test]
async fn a_refusal_names_the_rule_that_excludes_a_name() {
    let bench = Bench::start().await;
    let excluded = bench.get("/v1/links/paris-oslo/topics/__x").await.json;
    let detail = excluded["detail"].as_str().unwrap();
    assert!(
        detail.contains("mirror topic __x: topics whose names begin"),
        "{detail}"
    );
    let excluded = bench.get("/v1/links/paris-oslo/groups/eu.x").await.json;
    let detail = excluded["detail"].as_str().unwrap();
    assert!(
        detail.ends_with("group eu.x: \"eu.*\" in groups_exclude matches"),
        "{detail}"
    );
}

/// The link names a detail once for all partitions of a state; another state's partition with the same words keeps its own.
#[tokio::test]
async fn a_detail_is_left_out_of_the_list_only_where_the_link_shows_it() {
    let bench = Bench::start().await;
    let states = [
        PartitionState::Retrying,
        PartitionState::Retrying,
        PartitionState::Preparing,
    ];
    for (number, state) in (0..).zip(states) {
        let partition = TopicPartition::new("shared", number);
        let tracked = bench.view.track(&partition, &"t".into()).unwrap();
        tracked.show(state, Some("broker 3 is silent".to_owned()));
    }
    let topics = bench.get("/v1/links/paris-oslo/topics").await.json;
    let mut all = topics.as_array().unwrap().iter();
    let shared = all.find(|it| it["name"] == "shared").unwrap();
    let details = shared["partitions"].as_array().unwrap().iter();
    let details: Vec<&Value> = details.map(|it| &it["detail"]).collect();
    assert_eq!(
        details,
        [&Value::Null, &Value::Null, &json!("broker 3 is silent")]
    );
}
