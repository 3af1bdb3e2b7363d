//! Offsets without records: aborted transactions, the source's own markers, and what its cleaner removed.

use super::{ends, holds_the_same, is_the_same, preserving, says};
use crate::histories::{write_compacted, write_transactions};
use crate::setting::CATCH_UP;
use crate::support::configs;
use crate::support::seed;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer, mixed};

#[tokio::test]
async fn a_plain_topic_keeps_its_offsets() {
    let mut setting = preserving("topics = [\"t\"]").await;
    setting.topic("t", 3, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &[]);
    writer.write(mixed(seed::rng(), 3, 20_000)).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 3).await;
    setting.farshore.kill9();
    writer.write(mixed(seed::rng(), 3, 5_000)).await;
    setting.farshore.start().await;
    assert_eq!(is_the_same(&setting, "t", 3).await, 25_000);
    let status = says(&setting, ("t", 0), "is live", |it| it["state"] == "live").await;
    assert_eq!(status["offsets"], "preserve");
    assert_eq!(status["runs"], 1, "nothing but the identity is stored");
}

#[tokio::test]
async fn transactions_leave_the_offsets_where_they_were() {
    let mut setting = preserving("topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    let mut visible = write_transactions(&setting, "t", 40).await;
    setting.farshore.start().await;
    let read = is_the_same(&setting, "t", 1).await;
    assert_eq!(read as u64, visible);
    // While it is live, and after a restart in the middle of it.
    visible += write_transactions(&setting, "t", 15).await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    visible += write_transactions(&setting, "t", 15).await;
    assert_eq!(is_the_same(&setting, "t", 1).await as u64, visible);
    let (source, target) = ends(&setting, "t", 0).await;
    assert_eq!(source, target, "the last marker is mirrored too");
}

/// Makes the cleaner run once within the time of the test.
const CLEANING: [(&str, &str); 5] = [
    ("cleanup.policy", "compact"),
    ("segment.ms", "500"),
    ("min.cleanable.dirty.ratio", "0.0001"),
    ("delete.retention.ms", "100"),
    ("retention.ms", "-1"),
];

#[tokio::test]
async fn a_compacted_topic_keeps_its_offsets_also_when_its_mirror_is_compacted() {
    let mut setting = preserving("topics = [\"t\"]\nrefresh_interval = \"500ms\"").await;
    write_compacted(&setting, "t").await;
    // No more cleaning, so that both sides can be compared.
    let bootstrap = setting.paris.bootstrap();
    configs::replace(
        &bootstrap,
        "t",
        &[
            ("cleanup.policy", "compact"),
            ("min.compaction.lag.ms", "1000000000"),
        ],
    )
    .await;
    setting.farshore.start().await;
    let survivors = is_the_same(&setting, "t", 1).await;
    assert!(survivors >= 500, "{survivors}");
    // Once its history is mirrored, the mirror is compacted like its source.
    let oslo = setting.oslo.bootstrap();
    eventually(CATCH_UP, "the mirror is compacted", async || {
        let found = configs::of_topic(&oslo, "t").await?;
        match found.get("cleanup.policy").map(String::as_str) {
            Some("compact") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    setting.farshore.sigterm().await;
    // A restart of the broker, then a pass of its cleaner over fillers and records.
    setting.oslo.kill(1);
    setting.oslo.restart(1).await;
    assert_eq!(holds_the_same(&setting, "t", 1).await, survivors);
    configs::replace(&oslo, "t", &CLEANING).await;
    configs::replace(&bootstrap, "t", &CLEANING).await;
    let writer = Writer::new(&bootstrap, "t", &[]);
    setting.farshore.start().await;
    let mut last = 0;
    eventually(
        CATCH_UP * 2,
        "both sides have removed the same",
        async || {
            last += 1;
            let key = format!("last{last}");
            writer.write([Record::new(0, key, vec![b'v'; 600])]).await;
            setting.mirrored("t", 1).await;
            let (source, target) = survivors_of(&setting).await;
            let compacted = source.len() < survivors + last && source == target;
            compacted.then_some(()).ok_or_else(|| {
                format!(
                    "{} and {} of {survivors} are left",
                    source.len(),
                    target.len()
                )
            })
        },
    )
    .await;
    let (source, target) = topics_starts(&setting).await;
    assert_eq!((source, target), (0, 0));
}

async fn survivors_of(
    setting: &crate::setting::Setting,
) -> (
    Vec<crate::support::read::Seen>,
    Vec<crate::support::read::Seen>,
) {
    let isolation = crate::support::read::Isolation::Committed;
    let source = super::read(&setting.paris.bootstrap(), "t", 0, isolation).await;
    let target = super::read(&setting.oslo.bootstrap(), "t", 0, isolation).await;
    (source, target)
}

async fn topics_starts(setting: &crate::setting::Setting) -> (i64, i64) {
    let (source, _) = topics::watermarks(&setting.paris.bootstrap(), "t", 0).await;
    let (target, _) = topics::watermarks(&setting.oslo.bootstrap(), "t", 0).await;
    (source, target)
}
