//! A librdkafka consumer and what it has read of each partition. It blocks, so it is used where blocking is allowed.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};

use crate::error::{Error, Kind, Result};
use crate::kafka::batch::BatchError;
use crate::kafka::client::ClusterSettings;
use crate::kafka::data::requests::FetchPartition;
use crate::model::{LeaderEpoch, TopicPartition};

use super::client::{MESSAGE_BYTES, ReadContext, config, failed};
use super::epochs::Epochs;
use super::gathering::{Gathering, NamedBytes, ReadRecord};

/// How much librdkafka may read ahead for all partitions of a consumer, in KiB.
const AHEAD_KIB: usize = 16 * 1024;
/// How much it may fetch of one partition at a time, in bytes.
const PARTITION_BYTES: usize = 1 << 20;
/// Reading of a partition that isn't wanted pauses once this much is buffered, in bytes.
const LEFT_OUT_BYTES: usize = 1 << 20;

/// A partition that is being read.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) gathering: Gathering,
    leader_epoch: LeaderEpoch,
    /// Whether reading this partition is paused.
    paused: bool,
    /// Whether the next record can't be carried.
    pub(super) unreadable: bool,
    /// Since when a record seen on the wire hasn't been returned by librdkafka.
    pub(super) missing_since: Option<Instant>,
}

/// A consumer with its partitions.
pub(super) struct Streams {
    consumer: BaseConsumer<ReadContext>,
    by_partition: HashMap<TopicPartition, Stream>,
    /// The last error that librdkafka reported.
    pub(super) complaint: Option<KafkaError>,
}

impl Streams {
    /// Opens a consumer without partitions; librdkafka requires `group`, in which nothing is stored.
    pub(super) fn open(cluster: &ClusterSettings, group: &str) -> Result<Self> {
        let (mut config, tokens) = config(cluster)?;
        let consumer = config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", AHEAD_KIB.to_string())
            .set("fetch.message.max.bytes", PARTITION_BYTES.to_string())
            .set("receive.message.max.bytes", MESSAGE_BYTES.to_string())
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.error.backoff.ms", "50")
            .create_with_context(ReadContext(tokens))
            .map_err(|error| failed(Kind::Invalid, "librdkafka can't be set up", error))?;
        let mut streams = Self {
            consumer,
            by_partition: HashMap::new(),
            complaint: None,
        };
        streams.serve_tokens(cluster.request_timeout)?;
        Ok(streams)
    }

    /// Whether a partition is being read at the wanted offset and leader epoch.
    pub(super) fn reads(&self, wanted: &FetchPartition) -> bool {
        let found = self.by_partition.get(&wanted.partition);
        found.is_some_and(|stream| {
            stream.gathering.from() == wanted.offset.get()
                && stream.leader_epoch == wanted.leader_epoch
        })
    }

    pub(super) fn stream(&mut self, partition: &TopicPartition) -> Option<&mut Stream> {
        self.by_partition.get_mut(partition)
    }

    /// Starts reading a partition at the wanted offset.
    pub(super) fn begin(
        &mut self,
        wanted: &FetchPartition,
        epochs: Epochs,
        timeout: Duration,
    ) -> Result<()> {
        let (partition, offset) = (&wanted.partition, wanted.offset.get());
        self.end(partition)?;
        self.serve_tokens(timeout)?;
        let topic = partition.topic.as_str();
        // With the leader known, reading begins at once rather than at the next tick of a timer.
        self.consumer
            .fetch_metadata(Some(topic), timeout)
            .map_err(|error| failed(Kind::Disconnected, "a topic can't be looked up", error))?;
        let mut assigned = TopicPartitionList::new();
        assigned
            .add_partition_offset(topic, partition.partition.0, Offset::Offset(offset))
            .and_then(|()| self.consumer.incremental_assign(&assigned))
            .map_err(|error| failed(Kind::Invalid, "a partition can't be read", error))?;
        let stream = Stream {
            gathering: Gathering::new(offset, epochs),
            leader_epoch: wanted.leader_epoch,
            paused: false,
            unreadable: false,
            missing_since: None,
        };
        self.by_partition.insert(partition.clone(), stream);
        Ok(())
    }

    /// Stops reading a partition and discards what was read of it.
    pub(super) fn end(&mut self, partition: &TopicPartition) -> Result<()> {
        if self.by_partition.remove(partition).is_none() {
            return Ok(());
        }
        let mut one = TopicPartitionList::new();
        one.add_partition(partition.topic.as_str(), partition.partition.0);
        self.consumer
            .incremental_unassign(&one)
            .map_err(|error| failed(Kind::Invalid, "a partition can't be released", error))
    }

    /// Reads until something wanted is there, then whatever comes without waiting, up to `max_bytes` bytes.
    pub(super) fn gather(
        &mut self,
        wanted: &[FetchPartition],
        max_wait: Duration,
        max_bytes: usize,
    ) -> Result<()> {
        self.hold_back(wanted)?;
        let until = Instant::now() + max_wait;
        let mut read = 0;
        while read < max_bytes {
            let ready = wanted.iter().any(|it| self.has_read(it));
            let wait = if ready {
                Duration::ZERO
            } else {
                until.saturating_duration_since(Instant::now())
            };
            match self.poll(wait)? {
                Some(bytes) => read += bytes,
                None if wait.is_zero() => break,
                None => {}
            }
        }
        Ok(())
    }

    /// Takes what comes next; returns its size in bytes, or `None` if nothing came.
    fn poll(&mut self, wait: Duration) -> Result<Option<usize>> {
        match self.consumer.poll(wait) {
            Some(Ok(message)) => {
                let partition = TopicPartition::new(message.topic(), message.partition());
                if let Some(stream) = self.by_partition.get_mut(&partition) {
                    stream.take(&message).map_err(undecodable)?;
                }
                Ok(Some(message.payload_len() + message.key_len()))
            }
            Some(Err(error)) => {
                self.complaint = Some(error);
                Ok(Some(0))
            }
            None => Ok(None),
        }
    }

    /// Whether the consumer logs in by tokens.
    pub(super) fn takes_tokens(&self) -> bool {
        self.consumer.context().0.is_needed()
    }

    /// Gives librdkafka the token for which it may be waiting.
    pub(super) fn serve_tokens(&mut self, timeout: Duration) -> Result<()> {
        let context = Arc::clone(self.consumer.context());
        context.0.serve(timeout, |wait| self.poll(wait).map(drop))
    }

    /// Whether something of a partition can be handed over, as far as can be determined without checking its log.
    fn has_read(&self, wanted: &FetchPartition) -> bool {
        let found = self.by_partition.get(&wanted.partition);
        found.is_some_and(|stream| stream.gathering.bytes() > 0 || stream.unreadable)
    }

    /// Pauses partitions that aren't wanted and resumes those that are.
    fn hold_back(&mut self, wanted: &[FetchPartition]) -> Result<()> {
        let (mut pause, mut resume) = (TopicPartitionList::new(), TopicPartitionList::new());
        for (partition, stream) in &mut self.by_partition {
            let is_wanted = wanted.iter().any(|it| it.partition == *partition);
            let full = stream.gathering.bytes() >= LEFT_OUT_BYTES || stream.unreadable;
            let (topic, number) = (partition.topic.as_str(), partition.partition.0);
            if !is_wanted && full && !stream.paused {
                pause.add_partition(topic, number);
                stream.paused = true;
            } else if is_wanted && stream.paused && !stream.unreadable {
                resume.add_partition(topic, number);
                stream.paused = false;
            }
        }
        let failed = |error| failed(Kind::Invalid, "a partition can't be held back", error);
        if pause.count() > 0 {
            self.consumer.pause(&pause).map_err(failed)?;
        }
        if resume.count() > 0 {
            self.consumer.resume(&resume).map_err(failed)?;
        }
        Ok(())
    }
}

impl Stream {
    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<(), BatchError> {
        if self.unreadable {
            return Ok(());
        }
        let Some(headers) = headers(message) else {
            self.unreadable = true;
            return Ok(());
        };
        self.gathering.take(ReadRecord {
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key(),
            value: message.payload(),
            headers,
        })
    }
}

/// Names and values of the headers, in order; `None` if a name isn't valid UTF-8, on which the binding panics.
fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Option<Vec<NamedBytes<'a>>> {
    let Some(headers) = message.headers() else {
        return Some(Vec::new());
    };
    let read = || {
        let each = headers.iter();
        each.map(|header| (header.key.as_bytes(), header.value))
            .collect()
    };
    catch_unwind(AssertUnwindSafe(read)).ok()
}

fn undecodable(error: BatchError) -> Error {
    Error::new(Kind::Protocol, "what was read can't be put in a batch").caused_by(error)
}

impl std::fmt::Debug for Streams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streams")
            .field("by_partition", &self.by_partition)
            .finish_non_exhaustive()
    }
}
