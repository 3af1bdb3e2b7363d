//! Deleting the oldest records of a partition.

use std::time::Duration;

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};

use crate::error::{Error, Kind, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::topic_name;
use crate::kafka::client::{Cluster, Connection, Recipient};
use crate::model::{TopicId, TopicPartition};
use crate::task::Ownership;

use super::{milliseconds, missing, topic_ids};

/// Advances a partition's log start offset to `before`, and returns the resulting log start offset. May be repeated.
///
/// The request can only name the topic, so the topic's id is compared right before, if it is known.
///
/// Errors: `Disconnected`, with nothing deleted, if the topic has been replaced by another one. The broker's code:
/// `POLICY_VIOLATION` if the topic's `cleanup.policy` lacks `delete`, `OFFSET_OUT_OF_RANGE` beyond the high watermark,
/// `TOPIC_AUTHORIZATION_FAILED` without `DELETE` on the topic.
pub async fn delete_records(
    cluster: &Cluster,
    (partition, topic_id): (&TopicPartition, TopicId),
    before: i64,
    right: &Ownership,
) -> Result<i64> {
    let one = DeleteRecordsPartition::default()
        .with_partition_index(partition.partition.0)
        .with_offset(before);
    let topic = DeleteRecordsTopic::default()
        .with_name(topic_name(&partition.topic))
        .with_partitions(vec![one]);
    let timeout = cluster.settings().request_timeout;
    let request = DeleteRecordsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(milliseconds(timeout.mul_f32(0.8)));
    let route = Recipient::Leader(partition.clone());
    cluster
        .ask_under(right, route, |connection| {
            let request = request.clone();
            async move {
                is_still(&connection, partition, topic_id, timeout).await?;
                let answer = connection.call_under(right, request, timeout).await?;
                let mut answers = answer.topics.into_iter().flat_map(|topic| topic.partitions);
                let one = answers.next().ok_or_else(|| missing("the partition"))?;
                match code_of(one.error_code) {
                    None => Ok(one.low_watermark),
                    Some(code) => Err(connection.refusal("delete records", code, None)),
                }
            }
        })
        .await
        .map_err(|error| cluster.explained(error, Need::DeleteRecords, partition.topic.as_str()))
        .map_err(|error| error.partition(partition).offset(before))
}

/// Checks that the topic still has the id `meant`, as far as brokers have ids.
async fn is_still(
    connection: &Connection,
    partition: &TopicPartition,
    meant: TopicId,
    timeout: Duration,
) -> Result<()> {
    let names = [partition.topic.clone()];
    let ids = topic_ids(connection, timeout, &names).await?;
    let is_other = |id: &TopicId| id.is_known() && *id != meant;
    if meant.is_known() && ids.get(&partition.topic).is_some_and(is_other) {
        let message = "the topic has been recreated; nothing was deleted";
        return Err(Error::new(Kind::Disconnected, message));
    }
    Ok(())
}
