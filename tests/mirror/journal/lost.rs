//! The checkpoint DB is gone or unreadable.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{DB_LACKED, Gaps, logs};
use crate::asking::{lose_checkpoint, reaches_state};
use crate::histories::write_compacted;
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::read::{Isolation, Partition};

#[tokio::test]
async fn a_topic_with_gaps_goes_on_exactly_whenever_the_db_is_lost() {
    const LOSSES: usize = 3;
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    let mut mirrored = 0;
    for _ in 0..LOSSES {
        // Killed while transactions are mirrored, more of them each time.
        logs(&gaps.setting, "this process owns the link").await;
        gaps.reach(mirrored + 10).await;
        let former = gaps.process();
        gaps.setting.farshore.kill9();
        lose_checkpoint(&gaps.setting.farshore);
        mirrored = gaps.visible;
        gaps.write(10).await;
        gaps.setting.farshore.launch();
        // Without the DB the process can't know that it was the owner itself, so it waits for the former owner.
        gaps.waits_for(former).await;
    }
    logs(&gaps.setting, "it is complete again").await;
    gaps.goes_on().await;
    // The same at rest.
    gaps.setting.farshore.sigterm().await;
    lose_checkpoint(&gaps.setting.farshore);
    gaps.setting.farshore.launch();
    gaps.goes_on().await;
}

#[tokio::test]
async fn a_compacted_topic_goes_on_without_its_db() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"compacted\"]").await;
    write_compacted(&setting, "compacted").await;
    setting.farshore.start().await;
    setting.mirrored("compacted", 1).await;
    setting.farshore.kill9();
    lose_checkpoint(&setting.farshore);
    setting.farshore.start().await;
    setting.write("compacted", 0, 0..500).await;
    setting.mirrored("compacted", 1).await;
    // Both sides continue to compact independently; the latest value of each key is the same.
    let newest = async |bootstrap: String| -> BTreeMap<_, _> {
        let partition = Partition::new(&bootstrap, "compacted", 0);
        let records = partition.read(Isolation::Committed).await.into_iter();
        records
            .map(|it| (it.key, (it.value, it.timestamp)))
            .collect()
    };
    let on_source = newest(setting.paris.bootstrap()).await;
    assert!(on_source.len() >= 500);
    assert_eq!(newest(setting.oslo.bootstrap()).await, on_source);
    reaches_state(&setting.farshore, "compacted", 0, "live").await;
}

/// The largest file of the DB.
fn largest(gaps: &Gaps) -> PathBuf {
    let path = gaps.setting.farshore.checkpoint_path();
    let files = fs::read_dir(path)
        .expect("the DB")
        .map(|it| it.expect("a file"));
    let files = files.filter(|it| it.metadata().is_ok_and(|it| it.is_file()));
    let largest = files.max_by_key(|it| it.metadata().map_or(0, |it| it.len()));
    largest.expect("the DB has files").path()
}

#[tokio::test]
async fn a_damaged_db_is_made_whole_from_the_journal() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    gaps.setting.farshore.sigterm().await;
    let path = largest(&gaps);
    let mut bytes = fs::read(&path).expect("the file");
    let written = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .expect("something");
    // sled's first page must stay intact, or nothing would be found at all.
    for place in (4096..written).step_by(512) {
        bytes[place] ^= 0x55;
    }
    fs::write(&path, bytes).expect("the file");
    gaps.setting.farshore.launch();
    // sled silently falls back to what it can read.
    logs(&gaps.setting, DB_LACKED).await;
    gaps.goes_on().await;

    // Files that sled can't read at all are set aside.
    gaps.setting.farshore.sigterm().await;
    let path = gaps.setting.farshore.checkpoint_path();
    fs::write(path.join("conf"), [0x5a; 5000]).expect("the file");
    gaps.setting.farshore.launch();
    logs(&gaps.setting, "the checkpoint DB is damaged").await;
    gaps.goes_on().await;
    let entries = fs::read_dir(path).expect("the DB");
    let names = entries.map(|it| it.expect("a file").file_name());
    let kept = names.filter(|it| it.to_string_lossy().starts_with("damaged-"));
    assert_eq!(kept.count(), 1);

    // The same with part of a file missing.
    gaps.setting.farshore.sigterm().await;
    let path = largest(&gaps);
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("the file");
    gaps.setting.farshore.launch();
    gaps.goes_on().await;
}
