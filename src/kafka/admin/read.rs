//! Reading a stretch of a partition once.

use bytes::Bytes;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;

use super::missing;
use crate::error::{BrokerCode, Result};
use crate::kafka::batch::{Batch, batches};
use crate::kafka::wire::codes::{Retry, code_of, retry_of};
use crate::kafka::wire::names::topic_name;
use crate::kafka::wire::{Cluster, Leader, Route};
use crate::model::TopicPartition;

/// What lies at an offset.
#[derive(Debug, Clone)]
pub struct ReadAt {
    /// The partition's high watermark; -1 with an error.
    pub high_watermark: i64,
    /// Its last stable offset; -1 with an error.
    pub last_stable: i64,
    /// Its first offset that is left; -1 with an error.
    pub log_start: i64,
    /// The batches from the one that holds the offset (or the next one) on; empty at the end.
    pub batches: Vec<Batch>,
    /// A code that stays, such as `OFFSET_OUT_OF_RANGE`.
    pub error: Option<BrokerCode>,
}

/// Fetches from an offset on, up to the high watermark, without waiting for data. At least one whole batch comes if
/// there is one, even if it is larger than `max_bytes`.
///
/// Errors: those that pass but didn't in time; a partition that doesn't exist; batches that cannot be read.
pub async fn read_at(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: i64,
    max_bytes: i32,
) -> Result<ReadAt> {
    let route = Route::Leader(partition.clone());
    let read = cluster.ask(route, |connection| async move {
        let leader = cluster.leader(partition).await?;
        let request = request(partition, leader, offset, max_bytes);
        let timeout = cluster.settings().request_timeout;
        let answer = connection.start(request, timeout)?.await?;
        let mut answers = answer.responses.into_iter().flat_map(|one| one.partitions);
        let data = answers.next();
        let code = data.as_ref().map_or(0, |data| data.error_code);
        let codes = [answer.error_code, code];
        if let Some(code) = codes.into_iter().find_map(code_of)
            && retry_of(code) != Retry::None
        {
            return Err(connection.refusal("read", code, None));
        }
        read(data.ok_or_else(|| missing("the partition"))?)
    });
    read.await
        .map_err(|error| error.partition(partition).offset(offset))
}

fn request(
    partition: &TopicPartition,
    leader: Leader,
    offset: i64,
    max_bytes: i32,
) -> FetchRequest {
    let one = FetchPartition::default()
        .with_partition(partition.partition.0)
        .with_current_leader_epoch(leader.epoch.0)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(max_bytes);
    let topic = FetchTopic::default()
        .with_topic(topic_name(&partition.topic))
        .with_topic_id(leader.topic_id.0)
        .with_partitions(vec![one]);
    FetchRequest::default()
        .with_max_wait_ms(0)
        .with_min_bytes(0)
        .with_max_bytes(max_bytes)
        .with_isolation_level(0)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

fn read(data: PartitionData) -> Result<ReadAt> {
    let records: Bytes = data.records.unwrap_or_default();
    Ok(ReadAt {
        high_watermark: data.high_watermark,
        last_stable: data.last_stable_offset,
        log_start: data.log_start_offset,
        batches: batches(records).collect::<Result<_, _>>()?,
        error: code_of(data.error_code),
    })
}
