//! The record path where the alternative would be to guess: no checkpoint is left, or a record is refused.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "each range is the offsets of one batch"
)]

use super::setting;
use crate::asking::lose_checkpoint;
use crate::hazards::sight::{caught_up, stands_still, translate};
use crate::hazards::{noise, numbered, write_batches};
use crate::histories::refused::stricter;
use crate::histories::told::{content, is_mapped, resolve};
use crate::journal::lose_journal;
use crate::setting::{Setting, paris_oslo};
use crate::support::topics;
use crate::support::write::{Record, Writer};

const T: (&str, i32) = ("t", 0);

async fn lose_everything(setting: &mut Setting) {
    setting.farshore.kill9();
    lose_checkpoint(&setting.farshore);
    lose_journal(setting).await;
}

/// The raw path's batches identify their writer and their place. A transaction's don't, so nothing is guessed about them.
#[tokio::test]
async fn without_any_checkpoint_it_goes_on_behind_the_raw_path_and_not_behind_itself() {
    let mut setting = setting("path = \"raw\"\ntopics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    write_batches(&setting, "t", 0, [0..100], 20).await;
    topics::delete_records(&setting.paris.bootstrap(), "t", 0, 40).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, T, 100).await;
    lose_everything(&mut setting).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let link = "path = \"record\"\ntopics = [\"t\"]";
    setting.farshore.configure(&paris_oslo(&paris, &oslo, link));
    write_batches(&setting, "t", 0, [100..200], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, T, 200).await;
    assert_eq!(is_mapped(&setting, "t", 0, &[]).await, 160);
    let there = translate(&setting.farshore, T, 50, false).await;
    assert_eq!((there.target_offset, there.exact), (10, true));

    lose_everything(&mut setting).await;
    let (_, end) = topics::watermarks(&oslo, "t", 0).await;
    write_batches(&setting, "t", 0, [200..210], 20).await;
    setting.farshore.start().await;
    let (_, reason) = stands_still(&setting.farshore, T).await;
    assert_eq!(reason.code, "map_unknown", "{reason:?}");
    assert_eq!(topics::watermarks(&oslo, "t", 0).await.1, end);
}

#[tokio::test]
async fn a_refused_record_stands_still_alone_until_it_is_passed_with_a_receipt() {
    let mut setting = setting("topics = [\"large\", \"t\"]").await;
    setting.topic("large", 1, &[]).await;
    setting.topic("t", 1, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "large", &[]);
    let huge = Record::new(0, "huge", noise(30_000));
    let records = numbered(0, 0..5, 200).chain([huge]);
    writer.write(records.chain(numbered(0, 6..10, 200))).await;
    stricter(&setting, "large", ("max.message.bytes", "20000")).await;
    setting.farshore.start().await;
    let (state, reason) = stands_still(&setting.farshore, ("large", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str(), reason.source_offset),
        ("halted", "record_refused", Some(5))
    );
    write_batches(&setting, "t", 0, [0..10], 20).await;
    caught_up(&setting.farshore, T, 10).await;

    let passed = resolve(&setting.farshore, "large", &["skip_with_receipt"]).await;
    assert_eq!(passed, Some(0));
    caught_up(&setting.farshore, ("large", 0), 10).await;
    assert_eq!(is_mapped(&setting, "large", 0, &[5]).await, 9);
    let quarantine = "farshore-quarantine-paris-oslo";
    let receipts = content(&setting.oslo.bootstrap(), quarantine, 0).await;
    assert_eq!(receipts.len(), 1);
}
