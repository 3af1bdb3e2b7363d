//! Checks that `docs/api.md` describes every endpoint, and that its examples are what the service answers.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::*;

const PAGE: &str = include_str!("../../../docs/api.md");
const ROUTES: &str = include_str!("../router.rs");
const PROBLEMS: &str = include_str!("../problem.rs");

/// Fields that differ from run to run.
const VOLATILE: [&str; 13] = [
    "id",
    "hash",
    "plan",
    "plan_id",
    "plan_hash",
    "created_at",
    "expires_at",
    "offsets_as_of",
    "started_at",
    "ended_at",
    "entered_at",
    "at",
    "from",
];

/// A heading such as ``### `POST /v1/plans` `` with its examples.
struct Section {
    method: String,
    path: String,
    request: Option<String>,
    answer: Option<Value>,
}

fn sections() -> Vec<Section> {
    let chapters = PAGE.split("\n### `").skip(1);
    let section = |text: &str| {
        let text = text.split("\n## ").next().unwrap_or_default();
        let (heading, rest) = text.split_once('`').unwrap();
        let (method, path) = heading.split_once(' ').unwrap();
        let block = |fence: &str| {
            let (_, block) = rest.split_once(fence)?;
            Some(block.split_once("```").unwrap().0.to_owned())
        };
        let answer = block("```json\n");
        Section {
            method: method.to_owned(),
            path: path.to_owned(),
            request: block("```json request\n"),
            answer: answer.map(|text| serde_json::from_str(&text).expect(heading)),
        }
    };
    chapters.map(section).collect()
}

#[test]
fn every_address_is_described_and_nothing_else() {
    let route = regex::Regex::new(r#"\.route\("([^"]+)", (get|post|put)\("#).unwrap();
    let routes = route.captures_iter(ROUTES);
    let mut routes: Vec<_> = routes
        .map(|route| format!("{} {}", route[2].to_uppercase(), &route[1]))
        .collect();
    let described = sections().into_iter();
    let mut described: Vec<_> = described
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    routes.sort();
    described.sort();
    assert_eq!(described, routes);
}

#[test]
fn every_refusal_is_described() {
    let problem = regex::Regex::new(r#"=> \(\s*"([a-z_]+)","#).unwrap();
    let codes: Vec<_> = problem
        .captures_iter(PROBLEMS)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(codes.len(), 15);
    for code in codes {
        assert!(PAGE.contains(&format!("| `{code}` |")), "{code}");
    }
}

#[tokio::test]
async fn examples_are_what_the_service_answers() {
    let mut bench = Bench::start().await;
    bench.sync_groups().await;
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let fixed = [
        ("{link}", "paris-oslo"),
        ("{topic}", "orders"),
        ("{group}", "billing"),
    ];
    names.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    for section in sections() {
        if section.path == "/v1/operations/{id}" {
            finish(&bench, &names["{id}"]).await;
        }
        let path = names
            .iter()
            .fold(section.path.clone(), |path, (name, value)| {
                path.replace(name, value)
            });
        let mut ask = Ask::new(&section.method, &path);
        if let Some(request) = &section.request {
            let mut request: Value = serde_json::from_str(request).unwrap();
            if request.get("plan_id").is_some() {
                request["plan_id"] = names["{id}"].as_str().into();
                request["plan_hash"] = names["{hash}"].as_str().into();
            }
            ask = ask.json(&request.to_string());
        }
        let answer = ask.of(bench.address).await;
        for (name, field) in [("{id}", "id"), ("{hash}", "hash")] {
            if let Some(value) = answer.json[field].as_str() {
                names.insert(name, value.to_owned());
            }
        }
        if let Some(documented) = section.answer {
            let pretty = serde_json::to_string_pretty(&answer.json).unwrap();
            assert_eq!(
                steady(documented),
                steady(answer.json),
                "{} {path}\n{pretty}",
                section.method
            );
        }
    }
}

/// Runs the operation to its end.
async fn finish(bench: &Bench, id: &str) {
    let token = CancellationToken::new();
    let mut changes = bench.runner.watch(id).unwrap();
    let ended = async {
        changes
            .wait_for(|operation| operation.phase.is_last())
            .await
            .map(|_| ())
            .ok();
        token.cancel();
    };
    let (ran, ()) = tokio::join!(bench.runner.run(token.clone()), ended);
    ran.unwrap();
}

/// The value without the fields that differ from run to run.
fn steady(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(steady).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let value = if VOLATILE.contains(&name.as_str()) {
                    Value::Null
                } else {
                    steady(value)
                };
                (name, value)
            })
            .collect(),
        plain => plain,
    }
}
