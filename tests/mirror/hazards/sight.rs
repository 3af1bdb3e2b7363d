//! What farshore reports about a mirror partition over its API.

use serde::Deserialize;
use serde_json::json;

use crate::setting::CATCH_UP;
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Sight {
    pub(crate) partition: i32,
    pub(crate) state: String,
    pub(crate) position: i64,
    pub(crate) target_end: i64,
    pub(crate) lag_records: i64,
    /// Those of them that no reader is shown yet.
    pub(crate) held_records: i64,
    pub(crate) runs: u64,
    pub(crate) reason: Option<Reason>,
}

/// Why a partition has stopped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) source_offset: Option<i64>,
    pub(crate) target_offset: Option<i64>,
}

/// The place of an offset on the other side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Translation {
    pub(crate) source_offset: i64,
    pub(crate) target_offset: i64,
    pub(crate) exact: bool,
}

/// Looks at a partition once. The error describes the last state, for `eventually`.
pub(crate) async fn look(
    farshore: &Farshore,
    topic: &str,
    partition: i32,
) -> Result<Sight, String> {
    #[derive(Deserialize)]
    struct Topic {
        partitions: Vec<Sight>,
    }
    let path = format!("/v1/links/paris-oslo/topics/{topic}");
    let body = farshore.get_json(&path).await?;
    let topic: Topic = serde_json::from_value(body).expect("a topic");
    let mut found = topic.partitions.into_iter();
    found
        .find(|it| it.partition == partition)
        .ok_or_else(|| format!("no partition {partition}"))
}

/// Waits until a partition satisfies the condition, which `what` describes.
pub(crate) async fn until(
    farshore: &Farshore,
    (topic, partition): (&str, i32),
    what: &str,
    wanted: impl Fn(&Sight) -> bool,
) -> Sight {
    let what = format!("{topic}-{partition} {what}");
    eventually(CATCH_UP, &what, async || {
        let sight = look(farshore, topic, partition).await?;
        if wanted(&sight) {
            Ok(sight)
        } else {
            Err(format!("{sight:?}"))
        }
    })
    .await
}

/// Waits until everything on the source is on the target.
pub(crate) async fn caught_up(farshore: &Farshore, partition: (&str, i32), position: i64) -> Sight {
    let wanted = |sight: &Sight| sight.state == "live" && sight.position >= position;
    let what = format!("is live at {position}");
    let sight = until(farshore, partition, &what, wanted).await;
    let lag = sight.lag_records - sight.held_records;
    assert_eq!(lag, 0, "live, but behind: {sight:?}");
    sight
}

/// Waits until a partition stops, and returns its state and the reason.
pub(crate) async fn stands_still(farshore: &Farshore, partition: (&str, i32)) -> (String, Reason) {
    let sight = until(farshore, partition, "stands still", |it| {
        it.reason.is_some()
    })
    .await;
    let reason = sight.reason.expect("it was waited for");
    (sight.state, reason)
}

/// Translates an offset of the source, or of the target if `reverse`.
pub(crate) async fn translate(
    farshore: &Farshore,
    (topic, partition): (&str, i32),
    offset: i64,
    reverse: bool,
) -> Translation {
    let question = json!({
        "link": "paris-oslo", "topic": topic, "partition": partition, "offset": offset, "reverse": reverse
    });
    let answer = farshore.post_json("/v1/translate", question).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "offset {offset}: {}", answer.body);
    serde_json::from_value(answer.body).expect("a translation")
}
