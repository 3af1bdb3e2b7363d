//! farshore's own comparison of mirrors with their sources: equal ones are reported equal, damaged ones by their first
//! difference.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "each range is the offsets of one batch"
)]

mod damaged;
mod equal;
pub(crate) mod segment;

use serde_json::{Value, json};

use crate::setting::CATCH_UP;
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;

/// Runs `farshore verify` for a link. Returns its exit code and answer.
pub(crate) async fn verified(farshore: &Farshore, link: &str) -> (Option<i32>, Value) {
    let output = farshore
        .cli(&["verify", "--link", link, "--output", "json"])
        .await;
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = serde_json::from_str(&text).unwrap_or_else(|error| {
        let why = String::from_utf8_lossy(&output.stderr);
        panic!("no answer ({error}): {text}{why}")
    });
    (output.status.code(), answer)
}

/// Requests a verification of every topic. Returns its id.
async fn order(farshore: &Farshore) -> String {
    let order = json!({ "link": "paris-oslo" });
    let answer = farshore.post_json("/v1/verifications", order).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["id"].as_str().expect("an id").to_owned()
}

/// Waits until a verification satisfies the condition, which `what` describes.
async fn verification(
    farshore: &Farshore,
    id: &str,
    what: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Value {
    let path = format!("/v1/verifications/{id}");
    eventually(CATCH_UP, what, async || {
        let answer = farshore.get_json(&path).await?;
        if wanted(&answer) {
            Ok(answer)
        } else {
            Err(answer.to_string())
        }
    })
    .await
}

/// A verification's result for one partition.
fn of<'a>(answer: &'a Value, topic: &str, partition: i64) -> &'a Value {
    let partitions = answer["partitions"].as_array().expect("partitions");
    let found = partitions
        .iter()
        .find(|it| it["topic"] == topic && it["partition"] == partition);
    found.unwrap_or_else(|| panic!("{topic}-{partition} is not in {answer}"))
}
