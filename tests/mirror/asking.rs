//! What a running farshore reports about its partitions.

use std::fs;

use serde_json::Value;

use crate::setting::CATCH_UP;
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;

/// A partition of the link `paris-oslo`, as the API shows it. The error describes the last state, for `eventually`.
pub(crate) async fn partition(
    farshore: &Farshore,
    topic: &str,
    number: usize,
) -> Result<Value, String> {
    let path = format!("/v1/links/paris-oslo/topics/{topic}");
    let mut shown = farshore.get_json(&path).await?;
    match shown["partitions"].get_mut(number) {
        Some(partition) => Ok(partition.take()),
        None => Err(format!("no partition {number} in {shown}")),
    }
}

/// Waits until a partition is in a state, and returns it.
pub(crate) async fn reaches_state(
    farshore: &Farshore,
    topic: &str,
    number: usize,
    state: &str,
) -> Value {
    let what = format!("{topic}-{number} is {state}");
    eventually(CATCH_UP, &what, async || {
        let shown = partition(farshore, topic, number).await?;
        if shown["state"] == state {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    })
    .await
}

/// Waits until the readiness probe returns this status, and returns the reasons.
pub(crate) async fn readiness(farshore: &Farshore, status: u16) -> String {
    let what = format!("/readyz answers {status}");
    eventually(CATCH_UP, &what, async || {
        let answer = farshore.get("/readyz?scope=link").await?;
        if answer.status == status {
            Ok(answer.body["reasons"].to_string())
        } else {
            Err(answer.body.to_string())
        }
    })
    .await
}

/// Deletes the checkpoint DB of a farshore that isn't running.
pub(crate) fn lose_checkpoint(farshore: &Farshore) {
    fs::remove_dir_all(farshore.checkpoint_path()).expect("the checkpoint DB was there");
}
