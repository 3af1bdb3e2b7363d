//! Applications that continue on the other side with their existing offsets.

use std::time::Duration;

use super::{assert_same, is_the_same, preserving};
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::java::{self, Tool};
use crate::support::read::{Isolation, Partition};
use crate::support::topics;
use crate::support::wait::eventually;

/// The first partition as printed by Kafka's own consumer: times, offsets, headers, keys and values.
async fn printed(bootstrap: &str, isolation: &str, count: usize) -> String {
    let count = count.to_string();
    let arguments = [
        "--bootstrap-server",
        bootstrap,
        "--topic",
        "t",
        "--partition",
        "0",
        "--offset",
        "earliest",
        "--isolation-level",
        isolation,
        "--max-messages",
        &count,
        "--timeout-ms",
        "60000",
        "--property",
        "print.timestamp=true",
        "--property",
        "print.offset=true",
        "--property",
        "print.key=true",
        "--property",
        "print.headers=true",
    ];
    java::run(KafkaVersion::V4_1, Tool::ConsoleConsumer, &arguments).await
}

#[tokio::test]
async fn every_consumer_reads_the_same_and_goes_on_where_it_was() {
    let mut setting = preserving("topics = [\"t\"]\ngroup_sync_interval = \"200ms\"").await;
    setting.topic("t", 1, &[]).await;
    write_transactions(&setting, "t", 20).await;
    topics::delete_records(&setting.paris.bootstrap(), "t", 0, 50).await;
    setting.farshore.start().await;
    let count = is_the_same(&setting, "t", 1).await;
    let source = printed(&setting.paris.bootstrap(), "read_committed", count).await;
    assert_eq!(source.lines().count(), count);
    for isolation in ["read_committed", "read_uncommitted"] {
        let target = printed(&setting.oslo.bootstrap(), isolation, count).await;
        assert_eq!(source, target, "{isolation}");
    }
    keeps_stored_offsets(&setting).await;
    carries_groups_one_to_one(&setting).await;
    translates_to_itself(&setting).await;
}

/// Checks that every offset translates to itself on both sides, including those in gaps.
async fn translates_to_itself(setting: &Setting) {
    let (start, end) = topics::watermarks(&setting.paris.bootstrap(), "t", 0).await;
    let offsets: Vec<i64> = (start..=end).collect();
    for reverse in [false, true] {
        let pairs = setting.farshore.translate("t", offsets.clone(), reverse);
        for (pair, offset) in pairs.await.into_iter().zip(&offsets) {
            let told = (pair.source_offset, pair.target_offset, pair.exact);
            assert_eq!(told, (*offset, *offset, true));
        }
    }
}

/// Checks that a consumer with externally stored offsets reads the same from any of them.
async fn keeps_stored_offsets(setting: &Setting) {
    let (start, end) = topics::watermarks(&setting.paris.bootstrap(), "t", 0).await;
    let middle = i64::midpoint(start, end);
    for offset in [
        start,
        start + 1,
        middle,
        middle + 1,
        middle + 2,
        end - 1,
        end,
    ] {
        let from = async |bootstrap: &str| {
            let partition = Partition::new(bootstrap, "t", 0).from(offset);
            partition.read(Isolation::Committed).await
        };
        let source = from(&setting.paris.bootstrap()).await;
        let target = from(&setting.oslo.bootstrap()).await;
        assert_same(&source, &target);
    }
}

/// Checks that groups keep their offsets, including those in gaps and at the end.
async fn carries_groups_one_to_one(setting: &Setting) {
    let (start, end) = topics::watermarks(&setting.paris.bootstrap(), "t", 0).await;
    let offsets = [start, start + 1, start + 2, end - 2, end - 1, end];
    for (number, offset) in offsets.into_iter().enumerate() {
        setting
            .commits(&format!("g{number}"), ("t", 0), offset)
            .await;
    }
    for (number, offset) in offsets.into_iter().enumerate() {
        let group = format!("g{number}");
        let what = format!("{group} has offset {offset}");
        eventually(CATCH_UP, &what, async || {
            let carried = setting.farshore.group(&group).await?;
            let is_there = carried
                .iter()
                .any(|it| it.target_offset == Some(offset) && it.exact);
            is_there.then_some(()).ok_or_else(|| format!("{carried:?}"))
        })
        .await;
        eventually(Duration::from_secs(60), &what, async || {
            let found = setting.committed(&group, ("t", 0)).await;
            (found == offset)
                .then_some(())
                .ok_or_else(|| found.to_string())
        })
        .await;
    }
}
