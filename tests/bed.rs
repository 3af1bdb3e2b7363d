//! The test bed itself: clusters start, keep their data across a SIGKILL, and leave nothing behind.

mod support;

use support::brokers::{Cluster, KafkaVersion, Spec};
use support::read::{Isolation, Partition};
use support::topics;
use support::write::{Record, Writer};

#[tokio::test]
async fn kafka_4_1_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V4_1).await;
}

#[tokio::test]
async fn kafka_3_9_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V3_9).await;
}

#[tokio::test]
async fn kafka_3_9_with_zookeeper_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V3_9Zk).await;
}

async fn keeps_records_across_sigkill(version: KafkaVersion) {
    let t = std::time::Instant::now();
    let mut cluster = Cluster::start(Spec::new(version)).await;
    eprintln!("{version:?} up {:?}", t.elapsed());
    topics::create(&cluster.bootstrap(), "kept", 1, 1, &[]).await;
    eprintln!("{version:?} created {:?}", t.elapsed());
    let writer = Writer::new(&cluster.bootstrap(), "kept", &[]);
    writer.write([Record::new(0, "key", "value")]).await;
    eprintln!("{version:?} written {:?}", t.elapsed());

    cluster.kill(1);
    cluster.restart(1).await;
    eprintln!("{version:?} restarted {:?}", t.elapsed());

    let partition = Partition::new(&cluster.bootstrap(), "kept", 0);
    let records = partition.read(Isolation::Committed).await;
    eprintln!("{version:?} read {:?}", t.elapsed());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].key.as_deref(), Some(&b"key"[..]));
    assert_eq!(records[0].value.as_deref(), Some(&b"value"[..]));
}
