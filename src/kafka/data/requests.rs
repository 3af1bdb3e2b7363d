//! The two requests of the data plane, in farshore's own words.
//!
//! Promises: answers come in the order of what was asked, whatever order the broker gives them; records are slices of the
//! response. Doesn't: look into batches, or decide what an error code means.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition as AskedPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProduceResponse};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::batch::Stamped;
use crate::kafka::client::{Connection, ProduceBatches, ProduceTopic};
use crate::model::{
    LeaderEpoch, Partition, ProducerId, SourceOffset, TopicId, TopicName, TopicPartition,
};
use crate::task::Ownership;

/// The epoch of a fetch that wants no session (KIP-227).
pub(super) const SESSIONLESS: i32 = -1;

/// How long a fetch may take beyond the wait it asks for is the caller's timeout; this is what it asks for.
#[derive(Debug, Clone)]
pub struct FetchOrder {
    /// How far the answer may go.
    pub limits: FetchLimits,
    /// What to fetch, the most wanted first.
    pub partitions: Vec<FetchPartition>,
}

/// How far a fetch's answer may go.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// How long the broker may wait for a first byte.
    pub max_wait: Duration,
    /// Bytes of the whole answer; the first batch comes whole even if it is larger (KIP-74).
    pub max_bytes: usize,
}

/// The caller's number for a partition, and which time it wants it: another time has everything told anew.
pub type FetchTicket = (usize, u32);

/// What a caller that fetches again and again wants otherwise than before.
#[derive(Debug, Clone)]
pub enum FetchChange {
    /// This partition is wanted, or from elsewhere.
    Want(FetchTicket, FetchPartition),
    /// The partition of this number isn't wanted any more.
    Leave(usize),
}

/// One partition of a fetch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetchPartition {
    /// The partition.
    pub partition: TopicPartition,
    /// Its topic's id.
    pub topic_id: TopicId,
    /// The first offset wanted.
    pub offset: SourceOffset,
    /// Bytes at most.
    pub max_bytes: usize,
    /// The leader epoch the partition is believed to be in.
    pub leader_epoch: LeaderEpoch,
    /// The epoch of the record before `offset`; lets the broker tell a truncation (KIP-595).
    pub fetched_epoch: LeaderEpoch,
}

/// One partition of a fetch's answer.
#[derive(Debug, Clone)]
pub struct FetchedPartition {
    /// The broker's refusal, if it refused.
    pub error: Option<BrokerCode>,
    /// The high watermark; -1 if unknown.
    pub high_watermark: i64,
    /// The last stable offset; -1 if unknown.
    pub last_stable: i64,
    /// The log's start; -1 if unknown.
    pub log_start: i64,
    /// Transactions that ended in an abort and lie in what was fetched.
    pub aborted: Vec<(ProducerId, SourceOffset)>,
    /// Where the broker's log parts from what was fetched before, if it does.
    pub diverging: Option<Diverging>,
    /// Batches, the last one perhaps cut off.
    pub records: Bytes,
}

/// The last epoch both logs share, and where the broker's ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diverging {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// Its end in the broker's log.
    pub end: i64,
}

/// Sends a sessionless `read_committed` fetch; the broker has `max_wait` plus `timeout` to answer.
///
/// Each partition of the answer comes with its place in the order. Cancellation: dropping the future forgets the answer.
pub fn start_fetch(
    connection: &Connection,
    order: &FetchOrder,
    timeout: Duration,
) -> Result<impl Future<Output = Result<Vec<(usize, FetchedPartition)>>> + Send + 'static> {
    let request = fetch_request(order.limits, &order.partitions)?.with_session_epoch(SESSIONLESS);
    let pending = connection.start(request, order.limits.max_wait + timeout)?;
    let places = Places::of(
        order
            .partitions
            .iter()
            .map(|it| (&it.partition, it.topic_id)),
    );
    Ok(async move {
        let response = pending.await?;
        if response.error_code != 0 {
            return Err(fetch_refused(BrokerCode(response.error_code)));
        }
        Ok(fetched(response, |topic, id, partition| {
            places.find(topic, id, partition)
        }))
    })
}

/// A `read_committed` fetch of these partitions, without a word of a session.
pub(super) fn fetch_request(
    limits: FetchLimits,
    partitions: &[FetchPartition],
) -> Result<FetchRequest> {
    let mut topics: Vec<FetchTopic> = Vec::new();
    for wanted in partitions {
        let asked = AskedPartition::default()
            .with_partition(wanted.partition.partition.0)
            .with_current_leader_epoch(wanted.leader_epoch.0)
            .with_fetch_offset(wanted.offset.get())
            .with_last_fetched_epoch(wanted.fetched_epoch.0)
            .with_partition_max_bytes(to_i32(wanted.max_bytes)?);
        let name = wanted.partition.topic.as_str();
        match topics.last_mut().filter(|topic| **topic.topic == *name) {
            Some(topic) => topic.partitions.push(asked),
            None => topics.push(
                FetchTopic::default()
                    .with_topic(StrBytes::from_string(name.to_owned()).into())
                    .with_topic_id(wanted.topic_id.0)
                    .with_partitions(vec![asked]),
            ),
        }
    }
    let wait = i32::try_from(limits.max_wait.as_millis()).unwrap_or(i32::MAX);
    Ok(FetchRequest::default()
        .with_max_wait_ms(wait)
        .with_min_bytes(1)
        .with_max_bytes(to_i32(limits.max_bytes)?)
        .with_isolation_level(1)
        .with_topics(topics))
}

fn to_i32(bytes: usize) -> Result<i32> {
    i32::try_from(bytes).map_err(|_| {
        Error::new(
            Kind::Invalid,
            format!("{bytes} bytes are too many for one fetch"),
        )
    })
}

/// The error for a fetch that was refused as a whole.
pub(super) fn fetch_refused(code: BrokerCode) -> Error {
    let text = format!(
        "the broker refused a fetch: {}",
        crate::kafka::client::code_name(code)
    );
    Error::new(Kind::Broker(code), text)
}

/// The partitions of an answer that somebody waits for.
pub(super) fn fetched<T>(
    response: FetchResponse,
    find: impl Fn(&str, Uuid, i32) -> Option<T>,
) -> Vec<(T, FetchedPartition)> {
    let mut fetched = Vec::new();
    for topic in response.responses {
        for data in topic.partitions {
            if let Some(found) = find(&topic.topic, topic.topic_id, data.partition_index) {
                fetched.push((found, partition(data)));
            }
        }
    }
    fetched
}

fn partition(data: PartitionData) -> FetchedPartition {
    let diverging = (data.diverging_epoch.end_offset >= 0).then_some(Diverging {
        epoch: LeaderEpoch(data.diverging_epoch.epoch),
        end: data.diverging_epoch.end_offset,
    });
    let aborted = data.aborted_transactions.unwrap_or_default();
    FetchedPartition {
        error: (data.error_code != 0).then_some(BrokerCode(data.error_code)),
        high_watermark: data.high_watermark,
        last_stable: data.last_stable_offset,
        log_start: data.log_start_offset,
        aborted: aborted
            .iter()
            .map(|it| (ProducerId(it.producer_id.0), SourceOffset(it.first_offset)))
            .collect(),
        diverging,
        records: data.records.unwrap_or_default(),
    }
}

/// One batch of a produce request.
#[derive(Debug, Clone)]
pub struct ProducePart {
    /// Where it goes; no partition may appear twice in a request.
    pub partition: TopicPartition,
    /// Its topic's id.
    pub topic_id: TopicId,
    /// The batch.
    pub batch: Stamped,
}

/// One partition's part of a produce answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceAnswer {
    /// The broker's refusal, if it refused.
    pub error: Option<BrokerCode>,
    /// What the broker said about it.
    pub message: Option<String>,
    /// The offset of the first record; only a success carries a true one.
    pub base_offset: i64,
    /// The time the broker gave the batch, in milliseconds; none if it appended it with the times of its records.
    ///
    /// A topic with `CreateTime` has none for a batch that was appended now. For one that repeats an earlier one the broker
    /// answers with the earlier one's newest time (`UnifiedLog.append`, the branch for a duplicate).
    pub append_time: Option<i64>,
    /// The log's start; -1 if unknown.
    pub log_start: i64,
}

/// Sends batches, to be acknowledged by all in-sync replicas. Answers come in the order of the parts.
///
/// They are written only while the right is held, if one is given. Cancellation: dropping the future forgets the answer;
/// the batches are appended all the same.
pub fn start_produce(
    connection: &Connection,
    parts: Vec<ProducePart>,
    timeout: Duration,
    right: Option<&Ownership>,
) -> Result<impl Future<Output = Result<Vec<ProduceAnswer>>> + Send + 'static> {
    let places = Places::of(parts.iter().map(|it| (&it.partition, it.topic_id)));
    let count = parts.len();
    let mut topics: Vec<ProduceTopic> = Vec::new();
    for part in parts {
        let entry = (part.partition.partition, part.batch);
        // Topics need not be grouped for the broker, but a request with fewer of them is smaller.
        match topics
            .iter_mut()
            .find(|topic| topic.name == part.partition.topic)
        {
            Some(topic) => topic.partitions.push(entry),
            None => topics.push(ProduceTopic {
                name: part.partition.topic,
                id: part.topic_id,
                partitions: vec![entry],
            }),
        }
    }
    // The broker gives up first, so that its answer says what it knows.
    let batches = ProduceBatches {
        acks: -1,
        timeout: timeout.mul_f32(0.8),
        topics,
    };
    let pending = connection.start_produce(batches, timeout, right)?;
    Ok(async move { read_produce(pending.await?, &places, count) })
}

fn read_produce(
    response: ProduceResponse,
    places: &Places,
    count: usize,
) -> Result<Vec<ProduceAnswer>> {
    let mut answers = vec![None; count];
    for topic in response.responses {
        for part in topic.partition_responses {
            let place = places.find(&topic.name, topic.topic_id, part.index);
            if let Some(answer) = place.and_then(|place| answers.get_mut(place)) {
                *answer = Some(ProduceAnswer {
                    error: (part.error_code != 0).then_some(BrokerCode(part.error_code)),
                    message: part.error_message.map(|text| text.to_string()),
                    base_offset: part.base_offset,
                    append_time: (part.log_append_time_ms >= 0).then_some(part.log_append_time_ms),
                    log_start: part.log_start_offset,
                });
            }
        }
    }
    let all: Option<Vec<ProduceAnswer>> = answers.into_iter().collect();
    all.ok_or_else(|| {
        Error::new(
            Kind::Protocol,
            "the broker left partitions out of its answer to a produce request",
        )
    })
}

/// Where each partition stands in a request: answers name topics by name or by id, as the version has it.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<(Topic, Partition), usize>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum Topic {
    Named(TopicName),
    Known(Uuid),
}

impl Places {
    fn of<'a>(asked: impl Iterator<Item = (&'a TopicPartition, TopicId)>) -> Self {
        let mut places = Self::default();
        for (place, (partition, id)) in asked.enumerate() {
            places.add(partition, id, place);
        }
        places
    }

    /// Gives a partition its place.
    pub(super) fn add(&mut self, partition: &TopicPartition, id: TopicId, place: usize) {
        for topic in Topic::both(partition, id) {
            self.0.insert((topic, partition.partition), place);
        }
    }

    /// Takes a partition's place away.
    pub(super) fn remove(&mut self, partition: &TopicPartition, id: TopicId) {
        for topic in Topic::both(partition, id) {
            self.0.remove(&(topic, partition.partition));
        }
    }

    /// The place of a partition of an answer.
    pub(super) fn find(&self, name: &str, id: Uuid, partition: i32) -> Option<usize> {
        let topic = if id.is_nil() {
            Topic::Named(name.into())
        } else {
            Topic::Known(id)
        };
        self.0.get(&(topic, Partition(partition))).copied()
    }
}

impl Topic {
    /// By name, and by its id if it has one.
    fn both(partition: &TopicPartition, id: TopicId) -> impl Iterator<Item = Self> {
        let named = Self::Named(partition.topic.clone());
        let known = id.is_known().then_some(Self::Known(id.0));
        std::iter::once(named).chain(known)
    }
}
