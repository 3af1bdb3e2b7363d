//! The two requests of the data plane, in farshore's own types.
//!
//! Promises: answers are in the order of the request, whatever order the broker uses; records are slices of the
//! response.
//! Doesn't: decode batches, or decide what an error code means.

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
    BrokerId, LeaderEpoch, Partition, ProducerId, SourceOffset, TopicId, TopicName, TopicPartition,
};
use crate::task::Ownership;

/// The session epoch of a fetch without a session (KIP-227).
pub(super) const SESSIONLESS: i32 = -1;

/// What a fetch requests. The time it may take beyond `max_wait` is the caller's timeout.
#[derive(Debug, Clone)]
pub struct FetchOrder {
    /// The limits of the response.
    pub limits: FetchLimits,
    /// The partitions to fetch, the most wanted first.
    pub partitions: Vec<FetchPartition>,
}

/// The limits of a fetch response.
#[derive(Debug, Clone, Copy)]
pub struct FetchLimits {
    /// How long the broker may wait for the first byte.
    pub max_wait: Duration,
    /// Size of the whole response in bytes; the first batch is returned whole even if it is larger (KIP-74).
    pub max_bytes: usize,
}

/// The caller's number for a partition, and a round: a new round makes the broker return everything about it again.
pub type FetchTicket = (usize, u32);

/// A change to what a repeated fetch wants.
#[derive(Debug, Clone)]
pub enum FetchChange {
    /// This partition is wanted, or wanted from another offset.
    Want(FetchTicket, FetchPartition),
    /// The partition with this number is no longer wanted.
    Leave(usize),
}

/// One partition of a fetch request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetchPartition {
    pub partition: TopicPartition,
    pub topic_id: TopicId,
    /// The first offset wanted.
    pub offset: SourceOffset,
    /// Maximum size in bytes.
    pub max_bytes: usize,
    /// The leader epoch that the partition is assumed to be in.
    pub leader_epoch: LeaderEpoch,
    /// The epoch of the record before `offset`, with which the broker detects a truncation (KIP-595).
    pub fetched_epoch: LeaderEpoch,
}

/// One partition of a fetch response.
#[derive(Debug, Clone)]
pub struct FetchedPartition {
    /// The broker's error code, if it refused.
    pub error: Option<BrokerCode>,
    /// -1 if unknown.
    pub high_watermark: i64,
    /// -1 if unknown.
    pub last_stable: i64,
    /// The log start offset; -1 if unknown.
    pub log_start: i64,
    /// Aborted transactions within the fetched range.
    pub aborted: Vec<(ProducerId, SourceOffset)>,
    /// Where the broker's log diverges from what was fetched before, if it does.
    pub diverging: Option<Diverging>,
    /// The base offset and producer of the first batch found to be a farshore link's, where `records` don't show it: they
    /// keep their producers on the raw path, and have lost them on the record path.
    pub marked: Option<(i64, ProducerId)>,
    /// The follower that the leader names to fetch from, in an answer without batches (KIP-392).
    pub preferred: Option<BrokerId>,
    /// Batches; the last one may be incomplete.
    pub records: Bytes,
}

/// The last epoch that both logs share, and its end in the broker's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diverging {
    pub epoch: LeaderEpoch,
    /// The end of `epoch` in the broker's log.
    pub end: i64,
}

/// Sends a sessionless `read_committed` fetch; the broker has `max_wait` plus `timeout` to answer.
///
/// Each partition in the result comes with its index in `order`. Cancellation: dropping the future discards the
/// response.
pub fn start_fetch(
    connection: &Connection,
    order: &FetchOrder,
    timeout: Duration,
) -> Result<impl Future<Output = Result<Vec<(usize, FetchedPartition)>>> + Send + 'static> {
    let request = fetch_request(order.limits, &order.partitions)?.with_session_epoch(SESSIONLESS);
    let pending = connection.start(request, order.limits.max_wait + timeout)?;
    let places = PartitionIndex::of(
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

/// Builds a `read_committed` fetch of these partitions, without the session fields.
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
            format!("{bytes} bytes exceed the limit of a fetch"),
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

/// Returns the partitions of a response that `find` recognizes.
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
        preferred: (data.preferred_read_replica.0 >= 0)
            .then_some(BrokerId(data.preferred_read_replica.0)),
        marked: None,
        records: data.records.unwrap_or_default(),
    }
}

/// One batch of a produce request.
#[derive(Debug, Clone)]
pub struct ProducePart {
    /// The target partition; no partition may appear twice in a request.
    pub partition: TopicPartition,
    pub topic_id: TopicId,
    pub batch: Stamped,
}

/// One partition's part of a produce response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProduceAnswer {
    /// The broker's error code, if it refused.
    pub error: Option<BrokerCode>,
    /// The broker's error message.
    pub message: Option<String>,
    /// The offset of the first record; only valid on success.
    pub base_offset: i64,
    /// The timestamp that the broker assigned to the batch, in milliseconds; `None` if the batch was appended with its
    /// records' own timestamps.
    ///
    /// A topic with `CreateTime` has none for a batch that was appended now. For a duplicate of an earlier batch the
    /// broker returns the largest timestamp of the earlier one (`UnifiedLog.append`, the branch for duplicates).
    pub append_time: Option<i64>,
    /// The log start offset; -1 if unknown.
    pub log_start: i64,
}

/// Sends batches to be acknowledged by all in-sync replicas. Answers are in the order of the parts.
///
/// If `right` is given, they are written only while it is held. Cancellation: dropping the future discards the answers;
/// the batches are still appended.
pub fn start_produce(
    connection: &Connection,
    parts: Vec<ProducePart>,
    timeout: Duration,
    right: Option<&Ownership>,
) -> Result<impl Future<Output = Result<Vec<ProduceAnswer>>> + Send + 'static> {
    let places = PartitionIndex::of(parts.iter().map(|it| (&it.partition, it.topic_id)));
    let count = parts.len();
    let mut topics: Vec<ProduceTopic> = Vec::new();
    for part in parts {
        let entry = (part.partition.partition, part.batch);
        // The broker doesn't require topics to be grouped, but a request with fewer of them is smaller.
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
    // The broker times out first, so that its response reports what it knows.
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
    places: &PartitionIndex,
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

/// The index of each partition in a request: responses name topics by name or by id, depending on the version.
#[derive(Debug, Default)]
pub(super) struct PartitionIndex(HashMap<(Topic, Partition), usize>);

#[derive(Debug, PartialEq, Eq, Hash)]
enum Topic {
    Named(TopicName),
    Known(Uuid),
}

impl PartitionIndex {
    fn of<'a>(asked: impl Iterator<Item = (&'a TopicPartition, TopicId)>) -> Self {
        let mut places = Self::default();
        for (place, (partition, id)) in asked.enumerate() {
            places.add(partition, id, place);
        }
        places
    }

    /// Assigns `place` to a partition.
    pub(super) fn add(&mut self, partition: &TopicPartition, id: TopicId, place: usize) {
        for topic in Topic::both(partition, id) {
            self.0.insert((topic, partition.partition), place);
        }
    }

    /// Removes a partition's place.
    pub(super) fn remove(&mut self, partition: &TopicPartition, id: TopicId) {
        for topic in Topic::both(partition, id) {
            self.0.remove(&(topic, partition.partition));
        }
    }

    /// Returns the place of a partition in a response.
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
    /// The topic by name, and by its id if it has one.
    fn both(partition: &TopicPartition, id: TopicId) -> impl Iterator<Item = Self> {
        let named = Self::Named(partition.topic.clone());
        let known = id.is_known().then_some(Self::Known(id.0));
        std::iter::once(named).chain(known)
    }
}

#[cfg(test)]
mod tests;
