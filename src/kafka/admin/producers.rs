//! Reading the producer state of a partition's leader.

use std::collections::BTreeMap;

use kafka_protocol::messages::DescribeProducersRequest;
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::describe_producers_response::PartitionResponse;

use crate::error::{Error, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::coalesce::Told;
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::{by_topic, topic_partition};
use crate::kafka::client::{ApiKey, Cluster, Connection, Slot};
use crate::model::{ProducerId, TopicPartition};

use super::missing;

/// A leader's state for one producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerState {
    pub producer_id: ProducerId,
    pub epoch: i32,
    /// The sequence number of its last record; -1 if only markers are left.
    pub last_sequence: i32,
    /// The newest timestamp in its last batch in milliseconds; its age decides when the state expires.
    pub last_timestamp: i64,
    /// The start offset of its open transaction; -1 if there is none.
    pub current_txn_start: i64,
}

/// Returns the producers that a partition's leader knows; `None` from brokers older than 2.8, which don't report them.
///
/// Errors: the broker's code; `TOPIC_AUTHORIZATION_FAILED` without `READ` on the topic.
pub async fn describe_producers(
    cluster: &Cluster,
    partition: &TopicPartition,
) -> Result<Option<Vec<ProducerState>>> {
    cluster
        .retry(None, || async move {
            let broker = cluster.leader(partition).await?.broker;
            let connection = cluster.connection(broker, Slot::Control).await?;
            if connection.version_of(ApiKey::DescribeProducers).is_none() {
                return Ok(None);
            }
            let coalescer = cluster.coalescers().producers.of(broker, ());
            let told = coalescer
                .ask(partition, (), |asked| {
                    answers_of(cluster, &connection, asked)
                })
                .await;
            let told = told.map_err(|cause| {
                Error::new(cause.kind(), "the producers cannot be described").caused_by(cause)
            })?;
            let (connection, one) = told.ok_or_else(|| missing("the partition"))?;
            if let Some(code) = code_of(one.error_code) {
                let detail = one.error_message.as_deref();
                return Err(connection.refusal("describe producers", code, detail));
            }
            let states = one.active_producers.into_iter().map(|state| ProducerState {
                producer_id: ProducerId(state.producer_id.0),
                epoch: state.producer_epoch,
                last_sequence: state.last_sequence,
                last_timestamp: state.last_timestamp,
                current_txn_start: state.current_txn_start_offset,
            });
            Ok(Some(states.collect()))
        })
        .await
        .map_err(|error| cluster.explained(error, Need::ReadRecords, partition.topic.as_str()))
        .map_err(|error| error.partition(partition))
}

/// Sends one request for all these partitions.
async fn answers_of(
    cluster: &Cluster,
    connection: &Connection,
    asked: Vec<(TopicPartition, ())>,
) -> Result<BTreeMap<TopicPartition, Told<PartitionResponse>>> {
    let partitions = asked.iter().map(|(of, ())| (of, of.partition.0));
    let topics = by_topic(partitions).into_iter().map(|(name, partitions)| {
        TopicRequest::default()
            .with_name(name)
            .with_partition_indexes(partitions)
    });
    let request = DescribeProducersRequest::default().with_topics(topics.collect());
    let timeout = cluster.settings().request_timeout;
    let answer = connection.call(request, timeout).await?;
    let answers = answer.topics.into_iter().flat_map(|topic| {
        let name = topic.name;
        let told = move |one: PartitionResponse| {
            let of = topic_partition(&name, one.partition_index);
            (of, (connection.clone(), one))
        };
        topic.partitions.into_iter().map(told)
    });
    Ok(answers.collect())
}

/// A partition leader's state for a given producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerStatus {
    pub(crate) epoch: i16,
    /// The sequence number of its last record; -1 if only markers are remembered.
    pub(crate) last_sequence: i32,
    /// The newest timestamp of its last batch in milliseconds; the leader expires the state by this clock.
    pub(crate) last_timestamp: i64,
}

impl ProducerStatus {
    /// The only sequence number that the leader accepts next.
    pub(crate) fn next_sequence(self) -> i64 {
        i64::from(self.last_sequence) + 1
    }
}
