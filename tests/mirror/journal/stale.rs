//! DB and journal have different ends: the one that goes further is right.

use std::fs;
use std::path::Path;

use super::{DB_LACKED, Gaps, JOURNAL, logs, lose_journal};
use crate::asking::lose_checkpoint;
use crate::setting::CATCH_UP;
use crate::support::read::{Isolation, Partition};
use crate::support::topics;
use crate::support::wait::eventually;

/// Copies the DB of a farshore that isn't running.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("the DB") {
        let entry = entry.expect("a file");
        let into = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &into);
        } else {
            fs::copy(entry.path(), into).expect("a copy");
        }
    }
}

#[tokio::test]
async fn a_db_restored_from_an_old_copy_gives_way_to_the_journal() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    gaps.setting.farshore.sigterm().await;
    let path = gaps.setting.farshore.checkpoint_path();
    let old = path.with_extension("old");
    copy(&path, &old);
    gaps.setting.farshore.launch();
    gaps.write(30).await;
    gaps.all_mirrored().await;
    gaps.setting.farshore.kill9();
    lose_checkpoint(&gaps.setting.farshore);
    copy(&old, &path);
    gaps.setting.farshore.launch();
    logs(&gaps.setting, DB_LACKED).await;
    gaps.goes_on().await;
}

/// Waits until the journal exists and has records.
async fn is_written(gaps: &Gaps) {
    eventually(CATCH_UP, "the journal is written", async || {
        let bootstrap = gaps.setting.oslo.bootstrap();
        let (_, end) = topics::try_watermarks(&bootstrap, JOURNAL, 0).await?;
        (end > 2).then_some(()).ok_or(format!("it ends at {end}"))
    })
    .await;
}

#[tokio::test]
async fn a_deleted_journal_is_written_anew_from_the_db() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    // While it is stopped.
    gaps.setting.farshore.sigterm().await;
    lose_journal(&gaps.setting).await;
    gaps.setting.farshore.launch();
    logs(
        &gaps.setting,
        "the journal lacked what the checkpoint DB holds",
    )
    .await;
    gaps.write(10).await;
    gaps.all_mirrored().await;
    // While it runs.
    lose_journal(&gaps.setting).await;
    logs(&gaps.setting, "the journal was deleted or lost its tail").await;
    is_written(&gaps).await;
    gaps.write(10).await;
    gaps.all_mirrored().await;
    // The rewritten journal is enough to resume from.
    gaps.setting.farshore.kill9();
    lose_checkpoint(&gaps.setting.farshore);
    gaps.setting.farshore.launch();
    gaps.goes_on().await;
}

#[tokio::test]
async fn a_compacted_journal_is_as_good_as_a_whole_one() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    let bootstrap = gaps.setting.oslo.bootstrap();
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    topics::configure(&bootstrap, JOURNAL, &configs).await;
    gaps.write(20).await;
    gaps.all_mirrored().await;
    eventually(CATCH_UP, "most of the journal is compacted", async || {
        let (_, end) = topics::watermarks(&bootstrap, JOURNAL, 0).await;
        let journal = Partition::new(&bootstrap, JOURNAL, 0);
        let left = journal.read(Isolation::Uncommitted).await.len();
        let is_small = i64::try_from(left).is_ok_and(|left| left < end / 2);
        is_small.then_some(()).ok_or(format!("{left} of {end}"))
    })
    .await;
    gaps.setting.farshore.kill9();
    lose_checkpoint(&gaps.setting.farshore);
    gaps.setting.farshore.launch();
    gaps.goes_on().await;
}
