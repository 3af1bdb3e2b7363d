//! Deleting the oldest records of a partition.

use kafka_protocol::messages::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};

use super::{milliseconds, missing};
use crate::error::Result;
use crate::kafka::wire::codes::code_of;
use crate::kafka::wire::names::topic_name;
use crate::kafka::wire::{Cluster, Route};
use crate::model::TopicPartition;
use crate::task::Ownership;

/// Moves a partition's log start up to an offset, and gives the log start it has then. May be repeated.
///
/// Errors: the broker's code: `POLICY_VIOLATION` if the topic's `cleanup.policy` lacks `delete`, `OFFSET_OUT_OF_RANGE` beyond
/// the high watermark, `TOPIC_AUTHORIZATION_FAILED` without DELETE on the topic.
pub async fn delete_records(
    cluster: &Cluster,
    partition: &TopicPartition,
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
    let route = Route::Leader(partition.clone());
    cluster
        .ask(route, |connection| {
            let request = request.clone();
            async move {
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
        .map_err(|error| error.partition(partition).offset(before))
}
