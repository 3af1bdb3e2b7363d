//! Checks that `docs/api.md` describes every endpoint, and that its examples are what the service answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::document::{DOCUMENT, entries};

const PAGE: &str = include_str!("../../../docs/api.md");
const ROUTES: &str = include_str!("../router.rs");
const PROBLEMS: &str = include_str!("../problem.rs");

/// Fields that differ from run to run.
const VOLATILE: [&str; 17] = [
    "id",
    "hash",
    "plan",
    "plan_id",
    "moved_by",
    "plan_hash",
    "created_at",
    "expires_at",
    "offsets_as_of",
    "as_of",
    "target_as_of",
    "started_at",
    "ended_at",
    "entered_at",
    "at",
    "from",
    "lag_ms",
];

/// A heading such as ``### `POST /v1/plans` `` with an example; it may have several.
#[derive(Clone)]
struct Section {
    method: String,
    path: String,
    request: Option<String>,
    answer: Option<Value>,
}

fn sections() -> Vec<Section> {
    let chapters = PAGE.split("\n### `").skip(1);
    let block = |text: &str, fence: &str| {
        let (_, block) = text.split_once(fence)?;
        Some(block.split_once("```").unwrap().0.to_owned())
    };
    let examples = |text: &str| {
        let text = text.split("\n## ").next().unwrap_or_default();
        let (heading, rest) = text.split_once('`').unwrap();
        let (method, path) = heading.split_once(' ').unwrap();
        let example = |text: &str| Section {
            method: method.to_owned(),
            path: path.to_owned(),
            request: block(text, "```json request\n"),
            answer: block(text, "```json\n").map(|it| serde_json::from_str(&it).expect(heading)),
        };
        let later = rest.match_indices("```json request\n").skip(1);
        let ends = later.map(|(at, _)| at).chain([rest.len()]);
        let mut start = 0;
        let mut sections = Vec::new();
        for end in ends {
            sections.push(example(&rest[start..end]));
            start = end;
        }
        sections
    };
    chapters.flat_map(examples).collect()
}

/// The addresses that the router answers.
fn routes() -> BTreeSet<String> {
    let route = regex::Regex::new(r#"\.route\("([^"]+)", (get|post|put)\("#).unwrap();
    let routes = route.captures_iter(ROUTES);
    routes
        .map(|route| format!("{} {}", route[2].to_uppercase(), &route[1]))
        .collect()
}

#[test]
fn every_address_is_described_and_nothing_else() {
    let described = sections().into_iter();
    let described: BTreeSet<_> = described
        .map(|one| format!("{} {}", one.method, one.path))
        .collect();
    assert_eq!(described, routes());
}

#[test]
fn the_document_for_programs_has_every_address_and_nothing_else() {
    let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let described = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    assert_eq!(described.collect::<BTreeSet<_>>(), routes());
}

#[test]
fn a_name_in_the_document_for_programs_means_one_type() {
    let mut known = BTreeMap::new();
    for (name, schema) in entries().into_iter().flat_map(|entry| entry.types.0) {
        let schema = serde_json::to_value(schema).unwrap();
        let former = known.insert(name.clone(), schema.clone());
        assert!(former.is_none_or(|former| former == schema), "{name}");
    }
}

#[tokio::test]
async fn the_committed_document_for_programs_is_what_is_served() {
    let bench = Bench::start().await;
    let served = bench.get("/openapi.json").await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    if std::env::var_os("FARSHORE_RENEW").is_some() {
        std::fs::write(path, &served.text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == served.text,
        "docs/openapi.json is not what is served; renew it: \
         FARSHORE_RENEW=1 cargo test --locked --lib the_committed_document && git diff docs/openapi.json"
    );
}

#[test]
fn examples_are_what_the_document_for_programs_describes() {
    let document: Value = serde_json::from_str(&DOCUMENT).unwrap();
    let schemas = Schemas(&document);
    let json = |content: &Value| content["content"]["application/json"]["schema"].clone();
    for section in sections() {
        let (path, method) = (section.path, section.method.to_lowercase());
        let operation = &document["paths"][&path][&method];
        if let Some(request) = &section.request {
            let request = serde_json::from_str(request).unwrap();
            let fits = schemas.check(&request, &json(&operation["requestBody"]));
            assert_eq!(fits, Ok(()), "{method} {path}");
        }
        if let Some(answer) = &section.answer {
            let responses = operation["responses"].as_object().unwrap();
            let mut responses = responses.iter().filter(|(status, _)| *status != "default");
            let (_, response) = responses.next().unwrap();
            let fits = schemas.check(answer, &json(response));
            assert_eq!(fits, Ok(()), "{method} {path}");
        }
    }
    let (_, refusals) = PAGE.split_once("\n## Refusals\n").unwrap();
    let (_, refusal) = refusals.split_once("```json\n").unwrap();
    let refusal = serde_json::from_str(refusal.split_once("```").unwrap().0).unwrap();
    let schema = &document["components"]["schemas"]["ProblemAnswer"];
    assert_eq!(schemas.check(&refusal, schema), Ok(()));
}

/// The schemas of the document, as far as it uses the language of schemas.
struct Schemas<'a>(&'a Value);

impl<'a> Schemas<'a> {
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let Some(reference) = schema["$ref"].as_str() else {
            return schema;
        };
        let pointer = reference.trim_start_matches('#');
        self.resolved(self.0.pointer(pointer).expect(reference))
    }

    /// The properties of an object and its parts, and the names of those that it must have.
    fn properties(&self, schema: &'a Value) -> (BTreeMap<&'a str, &'a Value>, Vec<&'a str>) {
        let schema = self.resolved(schema);
        let own = schema["properties"].as_object().into_iter().flatten();
        let mut properties: BTreeMap<_, _> = own.map(|(name, it)| (name.as_str(), it)).collect();
        let required = schema["required"].as_array().into_iter().flatten();
        let mut required: Vec<_> = required.filter_map(Value::as_str).collect();
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let (more, of_them) = self.properties(part);
            properties.extend(more);
            required.extend(of_them);
        }
        (properties, required)
    }

    /// Errors: the first place at which a value isn't as described.
    fn check(&self, value: &Value, schema: &'a Value) -> Result<(), String> {
        let schema = self.resolved(schema);
        if let Some(options) = schema["oneOf"].as_array() {
            let mut options = options.iter().map(|option| self.check(value, option));
            return options
                .find(Result::is_ok)
                .unwrap_or(Err(format!("{value} fits none")));
        }
        if schema["enum"]
            .as_array()
            .is_some_and(|names| !names.contains(value))
        {
            return Err(format!("{value} is none of {}", schema["enum"]));
        }
        let (properties, required) = self.properties(schema);
        match value {
            Value::Object(fields) if !properties.is_empty() => {
                if let Some(name) = required.iter().find(|name| !fields.contains_key(**name)) {
                    return Err(format!("{name} is missing"));
                }
                fields.iter().try_for_each(|(name, value)| {
                    let schema = properties
                        .get(name.as_str())
                        .ok_or(format!("{name} is unknown"))?;
                    let place = |why| format!("{name}: {why}");
                    self.check(value, schema).map_err(place)
                })
            }
            Value::Array(items) if schema["type"] == "array" => {
                let mut items = items.iter();
                items.try_for_each(|item| self.check(item, &schema["items"]))
            }
            _ => {
                let types = [&schema["type"]]
                    .into_iter()
                    .chain(schema["type"].as_array().into_iter().flatten());
                let is_of_type = |name: &str| match name {
                    "null" => value.is_null(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "string" => value.is_string(),
                    "array" => value.is_array(),
                    "object" => value.is_object(),
                    other => panic!("unknown type {other}"),
                };
                let mut types = types.filter_map(Value::as_str).peekable();
                let fits = types.peek().is_none() || types.any(is_of_type);
                fits.then_some(())
                    .ok_or(format!("{value} isn't a {}", schema["type"]))
            }
        }
    }
}

#[test]
fn every_refusal_is_described() {
    let problem = regex::Regex::new(r#"=> \(\s*"([a-z_]+)","#).unwrap();
    let codes: Vec<_> = problem
        .captures_iter(PROBLEMS)
        .map(|found| found[1].to_owned())
        .collect();
    assert_eq!(codes.len(), 19);
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
        ("{name}", "orders"),
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
            let answer = Answer {
                json: shortened(&documented, answer.json),
                ..answer
            };
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

/// An answer with no more settings than the example has, which are the first ones.
fn shortened(example: &Value, mut answer: Value) -> Value {
    const SETTINGS: &str = "/topic/settings";
    let shown = example.pointer(SETTINGS).and_then(Value::as_array);
    if let (Some(shown), Some(Value::Array(all))) = (shown, answer.pointer_mut(SETTINGS)) {
        all.truncate(shown.len());
    }
    answer
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
