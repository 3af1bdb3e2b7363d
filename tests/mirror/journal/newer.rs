//! Journals and checkpoint DBs of another layout: those that need a later version are left unchanged, others are read.

use std::fs;

use serde_json::{Value, json};

use super::verbs::store;
use super::{Gaps, JOURNAL, logs};
use crate::asking::lose_checkpoint;
use crate::setting::CATCH_UP;
use crate::support::read::{Isolation, Partition, Seen};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// The key of heads in a journal.
const HEAD: &[u8] = b"\x00head";
/// The key of what the link's entries require: its name, then layout 2.
const REQUIREMENT: &str = "000a70617269732d6f736c6f0002";

/// A value in its envelope.
fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
    let sum = crc32c::crc32c_append(crc32c::crc32c(key), value);
    [&[1], &sum.to_be_bytes()[..], value].concat()
}

/// The heads of the journal, oldest first.
async fn heads(gaps: &Gaps) -> Vec<Value> {
    let journal = Partition::new(&gaps.setting.oslo.bootstrap(), JOURNAL, 0);
    let records = journal.read(Isolation::Uncommitted).await;
    let is_head = |record: &Seen| record.key.as_deref() == Some(HEAD);
    let of_head = |record: Seen| {
        let value = record.value.expect("a head");
        serde_json::from_slice(&value[5..]).expect("JSON")
    };
    records.into_iter().filter(is_head).map(of_head).collect()
}

/// Appends a head as a future version might write it.
async fn append_head(gaps: &Gaps, head: &Value) {
    let value = sealed(HEAD, head.to_string().as_bytes());
    let writer = Writer::new(&gaps.setting.oslo.bootstrap(), JOURNAL, &[]);
    writer.write([Record::new(0, HEAD, value)]).await;
}

async fn end(gaps: &Gaps) -> i64 {
    topics::watermarks(&gaps.setting.oslo.bootstrap(), JOURNAL, 0)
        .await
        .1
}

#[tokio::test]
async fn a_journal_for_later_readers_is_left_as_it_is() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    gaps.setting.farshore.sigterm().await;
    // A snapshot of groups was written, which the first layout stored in a different form.
    let last = heads(&gaps).await.pop().expect("a head");
    assert_eq!(
        (&last["layout"], &last["oldest_reader"]),
        (&json!(3), &json!(2))
    );

    append_head(
        &gaps,
        &json!({ "layout": 9, "oldest_reader": 8, "head": {} }),
    )
    .await;
    let before = end(&gaps).await;
    let both = "layout 9 for readers of layout 8 or later; this farshore reads up to layout 3";
    for verb in [&["rebuild"][..], &["export", "--from-journal"]] {
        let refused = store(&gaps.setting.farshore, verb, 3).await;
        assert!(refused.contains(both), "{refused}");
    }
    gaps.setting.farshore.launch();
    logs(&gaps.setting, "the link isn't started").await;
    gaps.write(5).await;
    let farshore = &gaps.setting.farshore;
    eventually(CATCH_UP, "the link says why it waits", async || {
        let link = farshore.get_json("/v1/links/paris-oslo").await?;
        let says = link["state"] == "waiting" && link.to_string().contains(both);
        says.then_some(()).ok_or(link.to_string())
    })
    .await;
    gaps.setting.farshore.sigterm().await;
    assert_eq!(end(&gaps).await, before, "something was appended");
}

#[tokio::test]
async fn what_needs_a_later_reader_is_said_by_db_journal_and_export() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    gaps.setting.farshore.sigterm().await;
    let farshore = &gaps.setting.farshore;
    let checked = store(farshore, &["check"], 0).await;
    assert!(
        checked.contains("layout 3, for readers of layout 2"),
        "{checked}"
    );

    // As if something had been written that layout 1 can't express.
    let mut exported = store(farshore, &["export"], 0).await;
    let requirement = json!({ "space": "topics", "key": REQUIREMENT, "text": "{}" });
    exported.push_str(&requirement.to_string());
    let file = farshore.checkpoint_path().with_extension("jsonl");
    fs::write(&file, &exported).expect("an export");
    lose_checkpoint(farshore);
    store(farshore, &["import", file.to_str().expect("a path")], 0).await;
    let checked = store(farshore, &["check", "--output", "json"], 0).await;
    assert!(checked.contains("\"oldest_reader\": 2"), "{checked}");
    let first = store(farshore, &["export"], 0).await;
    assert!(
        first.starts_with("{\"layout\":2,\"oldest_reader\":2}\n"),
        "{first}"
    );
    let newer = first.replacen("\"oldest_reader\":2", "\"oldest_reader\":4", 1);
    fs::write(&file, &newer).expect("an export");
    let other = farshore.checkpoint_path().with_extension("other");
    fs::rename(farshore.checkpoint_path(), &other).expect("the DB is kept");
    let refused = store(farshore, &["import", file.to_str().expect("a path")], 3).await;
    assert!(
        refused.contains("the export was written by a newer farshore"),
        "{refused}"
    );
    assert!(!farshore.checkpoint_path().exists(), "a DB was begun");
    fs::rename(&other, farshore.checkpoint_path()).expect("the DB is back");

    gaps.setting.farshore.launch();
    gaps.goes_on().await;
    gaps.setting.farshore.sigterm().await;
    let last = heads(&gaps).await.pop().expect("a head");
    assert_eq!(
        (&last["layout"], &last["oldest_reader"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(last["head"]["released"], json!(true), "{last}");
    // The journal alone reveals it, and contains everything for a DB that was lost.
    lose_checkpoint(&gaps.setting.farshore);
    gaps.setting.farshore.launch();
    gaps.goes_on().await;
}
