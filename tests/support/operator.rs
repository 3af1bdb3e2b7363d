//! The operator's side of groups and moves in a running farshore: the API, and the commands `plan` and `apply`.

use std::process::Output;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::farshore::{AUTHORIZATION, Answer, Farshore};
use super::wait::{blocking, eventually};

/// The link of every test.
pub(crate) const LINK: &str = "paris-oslo";
const LIMIT: Duration = Duration::from_secs(120);
/// The phases of an operation that isn't refused, in order.
pub(crate) const PHASES: [&str; 7] = [
    "draining",
    "fixing",
    "freezing",
    "checking",
    "committing",
    "verifying",
    "done",
];

/// One offset of a group as shown by group sync.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Carried {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) source_offset: Option<i64>,
    pub(crate) target_offset: Option<i64>,
    pub(crate) state: String,
    pub(crate) exact: bool,
    #[serde(default)]
    pub(crate) detail: String,
    pub(crate) moved_by: Option<String>,
    pub(crate) expires_at: Option<String>,
}

/// A source offset and its translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Pair {
    pub(crate) source_offset: i64,
    pub(crate) target_offset: i64,
    pub(crate) exact: bool,
}

/// One offset of a plan or an operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Planned {
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) source_offset: i64,
    pub(crate) target_offset: i64,
    pub(crate) exact: bool,
    pub(crate) unreachable_records: i64,
    #[serde(default)]
    pub(crate) at_most: bool,
    #[serde(default)]
    pub(crate) detail: String,
}

/// What blocks a move.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Blocker {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) group: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) partition: Option<i32>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Plan {
    pub(crate) id: String,
    pub(crate) hash: String,
    pub(crate) groups: Vec<Planned>,
    pub(crate) blockers: Vec<Blocker>,
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) phase: String,
    pub(crate) at: Option<String>,
    pub(crate) waits_for: Vec<String>,
    pub(crate) blockers: Vec<Blocker>,
    #[serde(default)]
    pub(crate) groups: Vec<Planned>,
}

impl Farshore {
    /// Every offset of a group. The error describes the last state, for `eventually`.
    pub(crate) async fn group(&self, group: &str) -> Result<Vec<Carried>, String> {
        let path = format!("/v1/links/{LINK}/groups/{group}");
        let mut answer = self.get_json(&path).await?;
        Ok(understood(answer["partitions"].take()))
    }

    /// Waits until a group's offset in a partition satisfies the condition.
    pub(crate) async fn carries(
        &self,
        group: &str,
        partition: (&str, i32),
        what: &str,
        is_wanted: impl Fn(&Carried) -> bool,
    ) -> Carried {
        let what = format!("{group} in {partition:?}: {what}");
        eventually(LIMIT, &what, async || {
            let offsets = self.group(group).await?;
            let is_meant = |c: &&Carried| (c.topic.as_str(), c.partition) == partition;
            match offsets.iter().find(is_meant) {
                Some(carried) if is_wanted(carried) => Ok(carried.clone()),
                _ => Err(format!("{offsets:?}")),
            }
        })
        .await
    }

    /// Waits until a group's offset is synced at this source offset.
    pub(crate) async fn carries_exactly(
        &self,
        group: &str,
        partition: (&str, i32),
        source_offset: i64,
    ) -> Carried {
        let what = format!("synced at source offset {source_offset}");
        let is_there = |c: &Carried| c.state == "synced" && c.source_offset == Some(source_offset);
        let carried = self.carries(group, partition, &what, is_there).await;
        assert!(carried.exact, "{carried:?}");
        carried
    }

    /// Waits until everything before these source offsets of a topic, one per partition, is mirrored.
    pub(crate) async fn mirrors(&self, topic: &str, ends: &[i64]) {
        let path = format!("/v1/links/{LINK}/topics/{topic}");
        let what = format!("{topic} is mirrored up to {ends:?}");
        eventually(LIMIT, &what, async || {
            let answer = self.get_json(&path).await?;
            let shown = answer["partitions"].as_array().map_or(&[][..], |a| a);
            let reached = |(partition, end): (&serde_json::Value, &i64)| {
                partition["target_end"].as_i64() >= Some(0)
                    && partition["position"].as_i64() >= Some(*end)
            };
            if shown.len() == ends.len() && shown.iter().zip(ends).all(reached) {
                Ok(())
            } else {
                Err(answer.to_string())
            }
        })
        .await;
    }

    /// Waits until everything before a source offset of one partition is mirrored.
    pub(crate) async fn mirrors_one(&self, topic: &str, partition: usize, end: i64) {
        let path = format!("/v1/links/{LINK}/topics/{topic}");
        let what = format!("{topic}-{partition} is mirrored up to {end}");
        eventually(LIMIT, &what, async || {
            let answer = self.get_json(&path).await?;
            let position = answer["partitions"][partition]["position"].as_i64();
            (position >= Some(end))
                .then_some(())
                .ok_or(answer.to_string())
        })
        .await;
    }

    /// Translates offsets of partition 0, one after another over one connection.
    pub(crate) async fn translate(
        &self,
        topic: &str,
        offsets: Vec<i64>,
        reverse: bool,
    ) -> Vec<Pair> {
        let (url, known) = (format!("{}/v1/translate", self.url()), self.authorization());
        let topic = topic.to_owned();
        blocking(move || {
            let agent = ureq::Agent::new_with_defaults();
            let translate = |offset: i64| {
                let question = json!({
                    "link": LINK, "topic": topic, "partition": 0, "offset": offset, "reverse": reverse,
                });
                let ask = agent.post(&url).header(AUTHORIZATION, &known);
                let mut answer = ask.send_json(question).expect("a translation");
                answer.body_mut().read_json().expect("offsets")
            };
            offsets.into_iter().map(translate).collect()
        })
        .await
    }

    /// Pauses or resumes the link.
    pub(crate) async fn set_paused(&self, paused: bool) {
        let verb = if paused { "pause" } else { "resume" };
        let path = format!("/v1/links/{LINK}/{verb}");
        let answer = self.post_json(&path, json!({})).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Runs `farshore plan` for the groups that match an expression. Returns the exit code as well.
    pub(crate) async fn plan(&self, kind: &str, groups: &str) -> (Option<i32>, Plan) {
        let arguments = [
            "plan", kind, "--link", LINK, "--groups", groups, "--output", "json",
        ];
        printed(&self.cli(&arguments).await)
    }

    /// Makes a plan with topics in addition to those of the groups, which only the API can do.
    pub(crate) async fn plan_with_topics(&self, kind: &str, groups: &str, topics: &[&str]) -> Plan {
        let body = json!({ "kind": kind, "link": LINK, "groups": [groups], "topics": topics });
        let answer = self.post_json("/v1/plans", body).await.expect("an answer");
        understood(answer.body)
    }

    /// Makes a plan that must have no blockers.
    pub(crate) async fn clear_plan(&self, kind: &str, groups: &str) -> Plan {
        let (code, plan) = self.plan(kind, groups).await;
        assert!(code == Some(0) && plan.blockers.is_empty(), "{plan:?}");
        plan
    }

    /// Runs `farshore apply`, which ends with the operation.
    pub(crate) async fn apply(&self, plan: &Plan) -> (Option<i32>, Operation) {
        let output = self.apply_with(&plan.id, &plan.hash).await;
        printed(&output)
    }

    /// Runs `farshore apply` and returns its raw output.
    pub(crate) async fn apply_with(&self, plan: &str, hash: &str) -> Output {
        let arguments = ["apply", plan, "--hash", hash, "--output", "json"];
        self.cli(&arguments).await
    }

    /// Applies a plan and asserts its outcome: done, with the same offsets.
    pub(crate) async fn moves(&self, plan: &Plan) -> Operation {
        let (code, operation) = self.apply(plan).await;
        assert_eq!(code, Some(0), "{operation:?}");
        assert_eq!(operation.phase, "done");
        operation
    }

    /// Starts the execution of a plan without waiting for its end.
    pub(crate) async fn start_operation(&self, plan: &Plan) -> Answer {
        let body = json!({ "plan_id": plan.id, "plan_hash": plan.hash });
        let answer = self.post_json("/v1/operations", body).await;
        answer.expect("an answer")
    }

    /// The state of an operation. The error describes the last state, for `eventually`.
    pub(crate) async fn operation(&self, id: &str) -> Result<Operation, String> {
        let answer = self.get_json(&format!("/v1/operations/{id}")).await?;
        Ok(understood(answer))
    }

    /// Polls an operation without pause until it is in a phase or beyond it. Returns the phase seen.
    pub(crate) async fn operation_enters(&self, id: &str, phase: &str) -> String {
        let (url, known) = (
            format!("{}/v1/operations/{id}", self.url()),
            self.authorization(),
        );
        let place = |phase: &str| PHASES.iter().position(|known| *known == phase);
        let wanted = place(phase).expect("a phase");
        let seen = blocking(move || {
            let agent = ureq::Agent::new_with_defaults();
            let end = Instant::now() + LIMIT;
            while Instant::now() < end {
                let ask = agent.get(&url).header(AUTHORIZATION, &known);
                let mut answer = ask.call().expect("the operation");
                let operation: Operation = answer.body_mut().read_json().expect("an operation");
                if place(&operation.phase).is_none_or(|seen| seen >= wanted) {
                    return Some(operation.phase);
                }
            }
            None
        });
        seen.await.expect("the operation goes on")
    }

    /// Waits until an operation satisfies the condition.
    pub(crate) async fn operation_is(
        &self,
        id: &str,
        what: &str,
        is_wanted: impl Fn(&Operation) -> bool,
    ) -> Operation {
        eventually(
            LIMIT,
            &format!("operation {id}: {what}"),
            async || match self.operation(id).await? {
                operation if is_wanted(&operation) => Ok(operation),
                operation => Err(format!("{operation:?}")),
            },
        )
        .await
    }
}

/// The JSON output of a command, with its exit code.
fn printed<T: DeserializeOwned>(output: &Output) -> (Option<i32>, T) {
    let read = serde_json::from_slice(&output.stdout);
    let printed = read.unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), printed)
}

fn understood<T: DeserializeOwned>(answer: serde_json::Value) -> T {
    serde_json::from_value(answer).expect("an answer of the documented shape")
}
