//! Topics whose log starts above 0: the offsets before it are filled, then deleted.

use super::{is_the_same, preserving, says, stands_still};
use crate::setting::Setting;
use crate::support::configs;
use crate::support::topics;
use crate::support::write::{Record, Writer, numbered};

/// Creates a topic with two partitions, one of which begins above 0.
async fn begins_late(setting: &Setting, configs: &[(&str, &str)], first: i64, end: i64) {
    setting.topic("t", 2, configs).await;
    setting.write("t", 0, 0..end).await;
    setting.write("t", 1, 0..100).await;
    topics::delete_records(&setting.paris.bootstrap(), "t", 0, first).await;
}

async fn starts(setting: &Setting) -> [i64; 2] {
    let mut starts = [0; 2];
    for (start, number) in starts.iter_mut().zip(0..) {
        (*start, _) = topics::watermarks(&setting.oslo.bootstrap(), "t", number).await;
    }
    starts
}

#[tokio::test]
async fn a_topic_that_begins_above_zero_keeps_its_offsets() {
    let mut setting = preserving("topics = [\"t\"]").await;
    begins_late(&setting, &[], 130_500, 150_000).await;
    setting.farshore.start().await;
    assert_eq!(is_the_same(&setting, "t", 2).await, 19_600);
    assert_eq!(starts(&setting).await, [130_500, 0]);
    let status = says(&setting, ("t", 0), "is live", |it| it["state"] == "live").await;
    assert_eq!(status["records"], 19_500, "fillers are no records");
    setting.farshore.kill9();
    setting.write("t", 0, 150_000..150_100).await;
    setting.farshore.start().await;
    assert_eq!(is_the_same(&setting, "t", 2).await, 19_700);
}

#[tokio::test]
async fn a_compacted_topic_that_begins_above_zero_takes_keyless_fillers_first() {
    let mut setting = preserving("topics = [\"t\"]\nrefresh_interval = \"500ms\"").await;
    let both = [("cleanup.policy", "compact,delete"), ("retention.ms", "-1")];
    begins_late(&setting, &both, 700, 1_000).await;
    setting.farshore.start().await;
    assert_eq!(is_the_same(&setting, "t", 2).await, 400);
    assert_eq!(starts(&setting).await, [700, 0]);
    let oslo = setting.oslo.bootstrap();
    crate::support::wait::eventually(
        crate::setting::CATCH_UP,
        "the policy is the source's",
        async || {
            let found = configs::of_topic(&oslo, "t").await?;
            match found.get("cleanup.policy").map(String::as_str) {
                Some("compact,delete") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_topic_that_takes_small_batches_only_is_filled_with_such() {
    let mut setting = preserving("topics = [\"t\"]").await;
    begins_late(&setting, &[], 5_000, 5_050).await;
    let small = [("max.message.bytes", "1500"), ("retention.ms", "-1")];
    configs::replace(&setting.paris.bootstrap(), "t", &small).await;
    setting.farshore.start().await;
    assert_eq!(is_the_same(&setting, "t", 2).await, 150);
    assert_eq!(starts(&setting).await, [5_000, 0]);
}

#[tokio::test]
async fn a_mirror_that_starts_with_the_next_record_has_it_at_its_offset() {
    let mut setting = preserving("topics = [\"t\"]\nstart = \"latest\"").await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..500).await;
    setting.farshore.start().await;
    says(&setting, ("t", 0), "stands at the end", |it| {
        it["position"] == 500
    })
    .await;
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &[]);
    writer.write(numbered(0, 500..600)).await;
    setting.mirrored("t", 1).await;
    let target = super::read(
        &setting.oslo.bootstrap(),
        "t",
        0,
        super::Isolation::Uncommitted,
    )
    .await;
    assert_eq!((target[0].offset, target.len()), (500, 100));
    assert_eq!(target[0].value.as_deref(), Some(&b"v500"[..]));
}

#[tokio::test]
async fn a_prefix_above_the_limit_is_refused() {
    let mut setting = preserving("topics = [\"t\"]\npreserve_max_prefix = 699").await;
    begins_late(&setting, &[], 700, 1_000).await;
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "preserve_impossible", "{message}");
    assert!(message.contains("preserve_max_prefix = 699"), "{message}");
}

#[tokio::test]
async fn a_prefix_above_the_limit_has_its_topic_translated_if_that_is_the_choice() {
    let limit = "preserve_max_prefix = 699\npreserve_otherwise = \"translate\"";
    let mut setting = preserving(&format!("topics = [\"t\"]\n{limit}")).await;
    begins_late(&setting, &[], 700, 1_000).await;
    setting.farshore.start().await;
    setting.mirrored("t", 2).await;
    assert_eq!(setting.compare("t", 2).await, 400);
    // One partition that can't keep its offsets decides for the whole topic.
    for number in [0, 1] {
        let status = super::status(&setting, "t", number)
            .await
            .expect("a status");
        assert_eq!(status["offsets"], "translate");
    }
}

#[tokio::test]
async fn a_gap_with_too_many_offsets_halts() {
    let mut setting = preserving("topics = [\"t\"]\npreserve_max_markers = 0").await;
    setting.topic("t", 1, &[]).await;
    let settings = [("transactional.id", "one")];
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &settings);
    writer.init_transactions().await;
    let records = vec![Record::new(0, "k", "v")];
    writer
        .transaction(records, crate::support::write::Outcome::Commit)
        .await;
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "preserve_impossible", "{message}");
    assert!(message.contains("preserve_max_markers = 0"), "{message}");
}
