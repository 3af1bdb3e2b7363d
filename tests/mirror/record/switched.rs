//! A link changes its path between two starts, there and back, with kills on the way: each path knows what the other wrote.

use super::setting;
use crate::histories::write_transactions;
use crate::setting::{Setting, paris_oslo};

const PARTITIONS: i32 = 3;
const TOPICS: &str = "topics = [\"t\", \"txn\"]\ngroup_sync_interval = \"200ms\"";

async fn goes_on(setting: &mut Setting, path: &str, kill: bool) {
    if kill {
        setting.farshore.kill9();
    } else {
        setting.farshore.sigterm().await;
    }
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let link = format!("path = \"{path}\"\n{TOPICS}");
    setting
        .farshore
        .configure(&paris_oslo(&paris, &oslo, &link));
    setting.farshore.start().await;
}

#[tokio::test]
async fn either_path_goes_on_where_the_other_ended() {
    let mut setting = setting(TOPICS).await;
    setting.topic("t", PARTITIONS, &[]).await;
    setting.topic("txn", 1, &[]).await;
    setting.farshore.start().await;
    let mut written = 0;
    for (path, kill) in [
        ("raw", false),
        ("record", true),
        ("raw", true),
        ("record", false),
        ("record", true),
        ("raw", false),
    ] {
        for partition in 0..PARTITIONS {
            setting
                .write("t", partition, written..written + 2_000)
                .await;
        }
        written += 2_000;
        write_transactions(&setting, "txn", 4).await;
        if !kill {
            setting.mirrored("t", PARTITIONS).await;
        }
        goes_on(&mut setting, path, kill).await;
    }
    setting.mirrored("t", PARTITIONS).await;
    setting.mirrored("txn", 1).await;
    for partition in 0..PARTITIONS {
        translates(&setting, "t", partition).await;
    }
    translates(&setting, "txn", 0).await;
    let shown = crate::asking::partition(&setting.farshore, "t", 0).await;
    assert_eq!(shown.expect("a partition")["path"], "raw");
}

/// Checks that both sides are equal, and that every offset is translated to its record.
async fn translates(setting: &Setting, topic: &str, partition: i32) {
    let pairs = setting.pairs(topic, partition).await;
    if partition > 0 {
        return;
    }
    let (sources, targets): (Vec<i64>, Vec<i64>) = pairs.by_source.iter().unzip();
    let there = setting
        .farshore
        .translate(topic, sources.clone(), false)
        .await;
    for ((source, target), pair) in sources.iter().zip(&targets).zip(there) {
        assert_eq!(pair.target_offset, *target, "{topic} {source}: {pair:?}");
    }
    let back = setting
        .farshore
        .translate(topic, targets.clone(), true)
        .await;
    for ((source, target), pair) in sources.iter().zip(&targets).zip(back) {
        assert_eq!(pair.source_offset, *source, "{topic} {target}: {pair:?}");
    }
}
