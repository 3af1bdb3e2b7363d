//! A refused batch: nothing behind it overtakes it (H1), and everything except for the refused record arrives (H7).

use super::sight::{caught_up, stands_still};
use super::{between, broker, noise, numbered, spec};
use crate::setting::Setting;
use crate::support::topics;
use crate::support::write::{Record, Writer};

/// The target's initial limit. Several batches of this size are in flight where the leader knows their producer.
const LIMIT: &str = "20000";
const TOO_LARGE: usize = 30_000;
const PARTITIONS: i32 = 4;

/// A topic whose mirror accepts only smaller batches than the source did: the source's limit was lowered later.
async fn smaller_mirror(setting: &Setting, topic: &str) {
    let keep = ("retention.ms", "-1");
    let configs = [keep, ("max.message.bytes", LIMIT)];
    broker::configure(&setting.paris.bootstrap(), topic, &configs).await;
    topics::create(&setting.oslo.bootstrap(), topic, PARTITIONS, 1, &configs).await;
}

/// Writes `count` batches as large as the target accepts.
async fn write_large_batches(writer: &Writer, partition: i32, count: usize) {
    for batch in 0..count {
        writer
            .write(numbered(partition, batch * 18..(batch + 1) * 18, 1_000))
            .await;
    }
}

fn huge(partition: i32) -> Record {
    Record::new(partition, "huge", noise(TOO_LARGE))
}

#[tokio::test]
async fn nothing_passes_a_refused_batch_on_a_fresh_topic() {
    let mut setting = between(spec(), spec(), "topics = [\"fresh\"]").await;
    setting.topic("fresh", PARTITIONS, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "fresh", &[]);
    // 0: a batch too large because of its number of records, then others. 1: one record too large, then others.
    writer.write((0..3).map(|_| huge(0))).await;
    writer.write([huge(1)]).await;
    // 2: the too large record is the 50th of 100 in a batch. 3: nothing is wrong.
    writer
        .write((0..100).map(|n| {
            if n == 50 {
                huge(2)
            } else {
                Record::new(2, format!("{n}"), vec![b'v'; 300])
            }
        }))
        .await;
    for partition in 0..PARTITIONS {
        write_large_batches(&writer, partition, 4).await;
    }
    smaller_mirror(&setting, "fresh").await;
    setting.farshore.start().await;
    for (partition, refused) in [(0, 0), (1, 0), (2, 50)] {
        let (state, reason) = stands_still(&setting.farshore, ("fresh", partition)).await;
        assert_eq!(
            (state.as_str(), reason.code.as_str()),
            ("halted", "record_refused"),
            "partition {partition}: {reason:?}"
        );
        assert_eq!(reason.source_offset, Some(refused), "partition {partition}");
        setting.holds("fresh", partition, 0..refused).await;
    }
    caught_up(&setting.farshore, ("fresh", 3), 72).await;

    let raised = [("retention.ms", "-1"), ("max.message.bytes", "100000")];
    broker::configure(&setting.oslo.bootstrap(), "fresh", &raised).await;
    for (partition, end) in [(0, 75), (1, 73), (2, 172)] {
        caught_up(&setting.farshore, ("fresh", partition), end).await;
    }
    assert_eq!(
        setting.compare("fresh", PARTITIONS).await,
        75 + 73 + 172 + 72
    );
}
