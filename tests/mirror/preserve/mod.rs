//! Topics whose mirror has every record at its source offset.
//!
//! Whatever happens to farshore on the way, independent consumers read the same offsets, keys, values, headers and times on
//! both sides.

mod ambiguous;
mod beyond;
mod clusters;
mod consumers;
mod forgotten;
mod gaps;
mod kills;
mod permissions;
mod policies;
mod prefix;
mod racing;
mod refused;
mod short_gaps;

use serde_json::Value;

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::read::{Isolation, Partition, Seen};
use crate::support::topics;
use crate::support::wait::eventually;

/// Starts both clusters, with farshore preserving the offsets of these topics; more lines of the link may follow.
async fn preserving(lines: &str) -> Setting {
    let link = format!("offsets = \"preserve\"\n{lines}");
    Setting::start(KafkaVersion::V4_1, &link).await
}

/// A consumer's view of a partition.
async fn read(bootstrap: &str, topic: &str, number: i32, isolation: Isolation) -> Vec<Seen> {
    Partition::new(bootstrap, topic, number)
        .read(isolation)
        .await
}

/// Waits until everything is mirrored, then compares what consumers see on both sides, and returns the number of records.
/// The source is read as `read_committed`: aborted records aren't mirrored.
async fn is_the_same(setting: &Setting, topic: &str, partitions: i32) -> usize {
    setting.mirrored(topic, partitions).await;
    holds_the_same(setting, topic, partitions).await
}

/// Like [`is_the_same`], without waiting.
async fn holds_the_same(setting: &Setting, topic: &str, partitions: i32) -> usize {
    let mut count = 0;
    for number in 0..partitions {
        let paris = setting.paris.bootstrap();
        let source = read(&paris, topic, number, Isolation::Committed).await;
        for isolation in [Isolation::Committed, Isolation::Uncommitted] {
            let target = read(&setting.oslo.bootstrap(), topic, number, isolation).await;
            assert_same(&source, &target);
        }
        count += source.len();
    }
    count
}

fn assert_same(source: &[Seen], target: &[Seen]) {
    let difference = source.iter().zip(target).find(|(one, other)| one != other);
    assert!(difference.is_none(), "{difference:?}");
    assert_eq!(source.len(), target.len(), "one side ends earlier");
}

/// The ends of both sides' logs, as seen by consumers.
async fn ends(setting: &Setting, topic: &str, number: i32) -> (i64, i64) {
    let (_, source) = topics::watermarks(&setting.paris.bootstrap(), topic, number).await;
    let (_, target) = topics::watermarks(&setting.oslo.bootstrap(), topic, number).await;
    (source, target)
}

/// The status of a partition as reported by farshore.
async fn status(setting: &Setting, topic: &str, number: usize) -> Result<Value, String> {
    let path = format!("/v1/links/paris-oslo/topics/{topic}");
    let mut body = setting.farshore.get_json(&path).await?;
    Ok(body["partitions"][number].take())
}

/// Waits until the status of a partition has a value.
async fn says(
    setting: &Setting,
    (topic, number): (&str, usize),
    what: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> Value {
    let what = format!("{topic}-{number} {what}");
    eventually(CATCH_UP, &what, async || {
        let status = status(setting, topic, number).await?;
        if is_wanted(&status) {
            Ok(status)
        } else {
            Err(status.to_string())
        }
    })
    .await
}

/// Waits until a partition stops, and returns the code and the message.
async fn stands_still(setting: &Setting, topic: &str) -> (String, String) {
    let stands = |status: &Value| status["reason"]["code"].is_string();
    let status = says(setting, (topic, 0), "stands still", stands).await;
    let text = |field: &str| {
        status["reason"][field]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("code"), text("message"))
}

/// Waits until a partition has the same end offset on both sides.
async fn ends_meet(setting: &Setting, topic: &str, partition: i32) {
    eventually(CATCH_UP, "the ends are the same", async || {
        let (source, target) = ends(setting, topic, partition).await;
        (source == target)
            .then_some(())
            .ok_or_else(|| format!("{source} and {target}"))
    })
    .await;
}
