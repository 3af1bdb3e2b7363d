//! The consumer group that stops midway on one site and resumes on the other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::ledger::Fingerprint;
use crate::support::groups::TopicPartition;
use crate::support::read::Seen;
use crate::support::wait::blocking;
use crate::traffic::{TOPICS, partitions};

/// The name of the group.
pub(crate) const GROUP: &str = "billing";
const LIMIT: Duration = Duration::from_secs(60);

/// What the group has read, in order.
pub(crate) type Diary = BTreeMap<TopicPartition, Vec<Fingerprint>>;

/// The outcome of reading.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The records read.
    pub(crate) diary: Diary,
    /// The offset after the last record of each partition.
    pub(crate) next: BTreeMap<TopicPartition, i64>,
}

/// Subscribes, reads each partition up to the first record at or after its stop, commits what was read, and leaves the
/// group.
pub(crate) async fn read_until(bootstrap: &str, stops: BTreeMap<TopicPartition, i64>) -> Reading {
    let consumer = subscribe(bootstrap, "earliest");
    blocking(move || {
        let reading = read(&consumer, &stops);
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), next) in &reading.next {
            offsets
                .add_partition_offset(topic, *partition, Offset::Offset(*next))
                .expect("an offset");
        }
        consumer
            .commit(&offsets, CommitMode::Sync)
            .expect("the group commits");
        reading
    })
    .await
}

/// Subscribes and reads everything from the committed offsets to the end. A partition without a committed offset is an
/// error.
pub(crate) async fn read_rest(bootstrap: &str) -> Diary {
    let consumer = subscribe(bootstrap, "error");
    let stops = partitions()
        .map(|partition| (partition, i64::MAX))
        .collect();
    blocking(move || read(&consumer, &stops).diary).await
}

fn subscribe(bootstrap: &str, reset: &str) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", GROUP)
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", reset)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("a consumer");
    consumer
        .subscribe(&TOPICS.map(|topic| topic.name))
        .expect("a subscription");
    consumer
}

/// Reads until every partition has returned a record at or after its stop, or its end. Blocks.
fn read(consumer: &BaseConsumer, stops: &BTreeMap<TopicPartition, i64>) -> Reading {
    let mut reading = Reading {
        diary: BTreeMap::new(),
        next: BTreeMap::new(),
    };
    let mut stopped = BTreeMap::new();
    let mut ends = 0;
    let mut progress = Instant::now();
    // An end event doesn't name its topic, but each comes only once.
    while stopped.len() + ends < stops.len() {
        let message = match consumer.poll(Duration::from_secs(1)) {
            None => {
                assert!(
                    progress.elapsed() < LIMIT,
                    "the group reads nothing, and it is not the end"
                );
                continue;
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {
                ends += 1;
                continue;
            }
            Some(Err(error)) => panic!("the group cannot read: {error}"),
            Some(Ok(message)) => message,
        };
        progress = Instant::now();
        let partition = (message.topic().to_owned(), message.partition());
        if stopped.contains_key(&partition) {
            continue;
        }
        if message.offset() >= stops[&partition] {
            let mut done = TopicPartitionList::new();
            done.add_partition(&partition.0, partition.1);
            consumer.pause(&done).expect("a partition is paused");
            stopped.insert(partition, message.offset());
            continue;
        }
        reading.next.insert(partition.clone(), message.offset() + 1);
        let fingerprint = Fingerprint::of(&Seen::from(message));
        reading
            .diary
            .entry(partition)
            .or_default()
            .push(fingerprint);
    }
    reading
}
