//! Gaps longer than the limit for filling: where offsets may be translated instead, they are from there on.

use super::{preserving, says, stands_still};
use crate::hazards::sight::caught_up;
use crate::histories::told::{decisions, is_mapped};
use crate::histories::write_transactions;
use crate::setting::Setting;
use crate::support::farshore::paris_oslo;
use crate::support::write::{Outcome, Record, Writer};

const LINES: &str = "topics = [\"t\", \"u\"]\ngroups = [\"g\"]\npreserve_max_markers = 45";

/// Writes aborted records and their marker, 51 offsets without a record, then 50 records.
async fn write_long_gap(setting: &Setting, topic: &str) {
    let settings = [("transactional.id", "aborting")];
    let writer = Writer::new(&setting.paris.bootstrap(), topic, &settings);
    writer.init_transactions().await;
    let records = (0..50).map(|n| Record::new(0, format!("a{n}"), "aborted"));
    writer.transaction(records, Outcome::Abort).await;
    setting.write(topic, 0, 50..100).await;
}

#[tokio::test]
async fn behind_a_gap_that_is_too_long_records_have_an_offset_map() {
    let mut setting = preserving(LINES).await;
    for topic in ["t", "u"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..50).await;
    }
    setting.farshore.start().await;
    for topic in ["t", "u"] {
        caught_up(&setting.farshore, (topic, 0), 50).await;
    }
    write_long_gap(&setting, "t").await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "preserve_impossible");
    assert!(message.contains("51 offsets from 50 on"), "{message}");
    setting.farshore.kill9();
    let lines = format!("offsets = \"preserve\"\npreserve_otherwise = \"translate\"\n{LINES}");
    let config = paris_oslo(
        &setting.paris.bootstrap(),
        &setting.oslo.bootstrap(),
        &lines,
    );
    setting.farshore.configure(&config);
    setting.farshore.start().await;
    // One topic continues behind a gap from before, where another process's markers may be in flight; one meets a gap now.
    caught_up(&setting.farshore, ("u", 0), 50).await;
    write_long_gap(&setting, "u").await;
    for topic in ["t", "u"] {
        caught_up(&setting.farshore, (topic, 0), 151).await;
        is_translated(&setting, topic, 100).await;
    }
    setting.commits("g", ("t", 0), 121).await;
    let carried = setting.farshore.carries_exactly("g", ("t", 0), 121).await;
    let on_target = setting.next_on_target("g", "t", 1).await;
    assert_eq!(on_target[0].len(), 30, "{carried:?}");
    // Later gaps may be short, and a restart changes nothing.
    setting.farshore.kill9();
    let mut more = 0;
    for topic in ["t", "u"] {
        more = write_transactions(&setting, topic, 5).await;
    }
    setting.farshore.start().await;
    for topic in ["t", "u"] {
        setting.mirrored(topic, 1).await;
        let records = if topic == "u" { 100 + more } else { 0 };
        is_translated(&setting, topic, records).await;
    }
}

/// Checks that every record has its image, by content, and that the change is logged once. With 0 `records` the number
/// isn't checked.
async fn is_translated(setting: &Setting, topic: &str, records: u64) {
    let mapped = is_mapped(setting, topic, 0, &[]).await;
    assert!(
        records == 0 || mapped as u64 == records,
        "{topic}: {mapped}"
    );
    let decided = decisions(&setting.farshore, topic).await;
    let [decided] = &decided[..] else {
        panic!("{topic}: {decided:?}");
    };
    assert_eq!(
        (decided.code.as_str(), decided.source_offset),
        ("preserve_impossible", 101)
    );
    says(setting, (topic, 0), "is translated", |it| {
        it["offsets"] == "translate"
    })
    .await;
}
