//! Ends and first records are asked of a source in memory.

use futures_util::StreamExt;

use crate::checkpoint::MemoryStore;
use crate::kafka::testing::FakeLog;
use crate::model::{HaltCode, Obstacle, Reason, TopicName, Unmirrored};
use crate::replicate::PartitionStatus;
use crate::replicate::testing::{link, sent_batch, worker};

use super::*;

/// A worker without mirrors whose source has a batch of three records, written at 1 s after 1970.
async fn bench(partitions: i32) -> (FakeLog, Worker) {
    let ((log, source), (_, target)) = (FakeLog::new("t"), FakeLog::new("t"));
    log.append(&sent_batch(0, 0));
    source.current_metadata().await.unwrap();
    let link = link(std::sync::Arc::new(MemoryStore::default()), source, target);
    (log, worker(link, partitions))
}

async fn handle_all(worker: &mut Worker) {
    while let Some(event) = worker.events.next().await {
        match event {
            Event::SourceEnds {
                broker,
                asked_at,
                ends,
            } => worker.source_ends(broker, asked_at, &ends),
            Event::FirstRecords(found) => worker.first_records(&found),
            _ => panic!("nothing else was asked"),
        }
    }
}

/// Looks as often as a worker does, until nothing new is asked.
async fn look(worker: &mut Worker) -> PartitionStatus {
    for _ in 0..2 {
        worker.ask_source_ends();
        worker.ask_first_records();
        handle_all(worker).await;
    }
    assert!(worker.events.is_empty());
    worker.link.view.partitions().pop().unwrap()
}

fn is_since_1970(lag_ms: i64) -> bool {
    let since = crate::telemetry::now_ms() - lag_ms;
    (1_000..60_000).contains(&since)
}

#[tokio::test]
async fn a_partition_without_a_mirror_lacks_everything_since_its_first_record() {
    let (log, mut worker) = bench(0).await;
    let unmirrored = Unmirrored {
        mirror_topic: "t".into(),
        partitions: 0..1,
        initial_partitions: 1,
        obstacle: Obstacle::Refused(Reason::new(HaltCode::NameCollision, "they collide")),
    };
    let topics = [(TopicName::new("t"), unmirrored)].into();
    worker.link.view.show_unmirrored(&topics);
    let row = look(&mut worker).await;
    assert_eq!((row.lag_records, row.held_records), (3, 0));
    assert_eq!((row.source_log_start, row.source_high_watermark), (0, 3));
    assert!(is_since_1970(row.lag_ms), "{}", row.lag_ms);
    assert!(row.as_of_ms.is_some());
    // As fresh as it has to be: nothing is asked.
    log.stop();
    worker.ask_source_ends();
    worker.ask_first_records();
    assert!(worker.events.is_empty());
}

/// After a start while nothing flows, nobody else reads the record.
#[tokio::test]
async fn the_first_missing_record_of_a_mirror_that_does_not_flow_is_read() {
    let (_log, mut worker) = bench(1).await;
    let row = look(&mut worker).await;
    assert_eq!(row.lag_records, 3);
    assert!(is_since_1970(row.lag_ms), "{}", row.lag_ms);
}
