//! The consumer's view of a partition, read with librdkafka.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::wait::blocking;

/// How long a partition may return nothing before its end.
const STALL: Duration = Duration::from_secs(60);

/// The isolation level of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Up to the last stable offset, without aborted records.
    Committed,
    /// Up to the high watermark, with aborted records.
    Uncommitted,
}

/// A partition to read.
#[derive(Debug, Clone)]
pub(crate) struct Partition {
    pub(crate) bootstrap: String,
    pub(crate) topic: String,
    pub(crate) number: i32,
    /// The first offset to read; `None` for the log start offset.
    pub(crate) from: Option<i64>,
    /// The isolation for comparisons, if not the default.
    pub(crate) isolation: Option<Isolation>,
}

impl Partition {
    /// A partition, read from its first offset.
    pub(crate) fn new(bootstrap: &str, topic: &str, number: i32) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            number,
            from: None,
            isolation: None,
        }
    }

    /// Sets the isolation for comparisons.
    pub(crate) fn seen(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Sets the first offset to read.
    pub(crate) fn from(mut self, offset: i64) -> Self {
        self.from = Some(offset);
        self
    }

    /// Every record up to the end that a consumer sees now. Shortly after a change of leader that may be below acknowledged
    /// records: use `eventually`.
    pub(crate) async fn read(&self, isolation: Isolation) -> Vec<Seen> {
        let partition = self.clone();
        blocking(move || Records::open(&partition, isolation).collect()).await
    }
}

/// A record as a consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) offset: i64,
    /// The timestamp, in milliseconds since 1970.
    pub(crate) timestamp: Option<i64>,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// The records without their offsets, so that both clusters' are equal.
pub(crate) fn contents(records: Vec<Seen>) -> Vec<Seen> {
    let anywhere = |seen: Seen| Seen { offset: -1, ..seen };
    records.into_iter().map(anywhere).collect()
}

impl From<BorrowedMessage<'_>> for Seen {
    fn from(message: BorrowedMessage<'_>) -> Self {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        Self {
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                .collect(),
        }
    }
}

/// The records of a partition one after another, in bounded memory. Blocks; panics if the partition can't be read.
pub(crate) struct Records(BaseConsumer);

impl Records {
    /// Opens a partition. Blocks.
    pub(crate) fn open(partition: &Partition, isolation: Isolation) -> Self {
        let isolation = match isolation {
            Isolation::Committed => "read_committed",
            Isolation::Uncommitted => "read_uncommitted",
        };
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &partition.bootstrap)
            .set("group.id", "test-bed-reader")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", isolation)
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.wait.max.ms", "10")
            .set("fetch.error.backoff.ms", "10")
            .create()
            .expect("a consumer");
        // With the leader known, reading begins at once instead of after a timer of librdkafka.
        consumer
            .fetch_metadata(Some(&partition.topic), STALL)
            .expect("the topic's metadata");
        let from = partition.from.map_or(Offset::Beginning, Offset::Offset);
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(&partition.topic, partition.number, from)
            .expect("an offset");
        consumer.assign(&assignment).expect("an assignment");
        Self(consumer)
    }
}

impl Iterator for Records {
    type Item = Seen;

    fn next(&mut self) -> Option<Seen> {
        loop {
            match self.0.poll(STALL) {
                Some(Ok(message)) => return Some(message.into()),
                Some(Err(KafkaError::PartitionEOF(_))) => return None,
                // Some broker is down, or all those tried so far. If that is the one to read from, nothing arrives.
                Some(Err(KafkaError::MessageConsumption(
                    BrokerTransportFailure | AllBrokersDown,
                ))) => {}
                Some(Err(error)) => panic!("the partition cannot be read: {error}"),
                None => panic!("nothing was read for {STALL:?}, and it is not the end"),
            }
        }
    }
}
