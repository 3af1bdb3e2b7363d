//! Records in the target leader's log that no other replica has (H6): they don't count as mirrored, because the next leader
//! may not have them.

use std::path::Path;

use super::sight::{caught_up, look};
use super::{between, broker, spec, write_batches};
use crate::setting::CATCH_UP;
use crate::support::compare;
use crate::support::wait::eventually;

/// Longer than the test: the follower stays nominally in sync, so the high watermark waits for it.
const PATIENCE: &str = "300000";

#[tokio::test]
async fn nothing_counts_as_mirrored_before_the_high_watermark_is_there() {
    let oslo = spec()
        .brokers(2)
        .property("broker.session.timeout.ms", PATIENCE)
        .property("replica.lag.time.max.ms", PATIENCE);
    // A journal replicated on both brokers would also wait for the follower, and so would transactions over all partitions.
    let link =
        "path = \"raw\"\ntopics = [\"t\", \"beside\"]\njournal = false\nrequest_timeout = \"5s\"";
    let mut setting = between(spec(), oslo, link).await;
    let target = setting.oslo.bootstrap();
    for topic in ["t", "beside"] {
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [0..100], 20).await;
    }
    let configs = [("min.insync.replicas", "1"), ("retention.ms", "-1")];
    broker::place(&target, "t", &[1, 2], &configs).await;
    broker::place(&target, "beside", &[1], &configs).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 100).await;
    caught_up(&setting.farshore, ("beside", 0), 100).await;

    setting.oslo.pause(2);
    let log = setting
        .oslo
        .data_dir(1)
        .join("t-0/00000000000000000000.log");
    let size = size(&log);
    write_batches(&setting, "t", 0, [100..150], 20).await;
    grows(&log, size).await;
    setting.farshore.kill9();
    write_batches(&setting, "beside", 0, [100..150], 20).await;
    setting.farshore.start().await;
    // By the time the other partition was settled, this one could have been settled too.
    caught_up(&setting.farshore, ("beside", 0), 150).await;
    let sight = look(&setting.farshore, "t", 0)
        .await
        .expect("the partition");
    assert!(
        sight.position <= 100 && sight.target_end <= 100,
        "{sight:?}"
    );

    let (leader, follower) = target.split_once(',').expect("two brokers");
    // The leader hands over and dies; the follower never received the 50 records.
    tokio::select! {
        () = setting.oslo.stop(1) => {}
        () = broker::leads(leader, "t", 2) => {}
    }
    setting.oslo.resume(2);
    caught_up(&setting.farshore, ("t", 0), 150).await;
    let paris = setting.paris.bootstrap();
    let compared = compare::topics((&paris, "t"), (follower, "t"), 1).await;
    assert_eq!(compared.records, 150);
}

fn size(log: &Path) -> u64 {
    std::fs::metadata(log).expect("the log").len()
}

async fn grows(log: &Path, from: u64) {
    eventually(CATCH_UP, "the leader's log grows", async || {
        (size(log) > from)
            .then_some(())
            .ok_or_else(|| "it doesn't".to_owned())
    })
    .await;
}
