//! Reading part of a partition once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::acl::{Need, is_not_permitted};
use crate::kafka::batch::{Batch, batches};
use crate::kafka::client::error_codes::{Retry, code_of, retry_of};
use crate::kafka::client::names::topic_name;
use crate::kafka::client::{Cluster, Leader, Slot, code_name};
use crate::model::{LeaderEpoch, ProducerId, TopicId, TopicPartition};

use super::{milliseconds, missing};

/// Long enough for an end offset that is about to advance.
const SHORTLY: Duration = Duration::from_millis(500);

/// The contents of a partition at an offset.
#[derive(Debug, Clone)]
pub struct ReadAt {
    /// -1 with an error.
    pub high_watermark: i64,
    /// -1 with an error.
    pub last_stable: i64,
    /// The log start offset; -1 with an error.
    pub log_start: i64,
    /// The batches, starting with the one that contains the offset (or the next one); empty at the end.
    pub batches: Vec<Batch>,
    /// Aborted transactions in the range, if only committed records were requested: the producer, and the offset of its
    /// first data record.
    pub aborted: Vec<(ProducerId, i64)>,
    /// The topic's id according to the metadata.
    pub topic_id: TopicId,
    /// An error that isn't retriable, such as `OFFSET_OUT_OF_RANGE`, but for that of a missing right.
    pub error: Option<BrokerCode>,
}

/// How to read.
#[derive(Debug, Clone, Copy)]
struct Manner {
    slot: Slot,
    /// 1 to read up to the last stable offset, 0 up to the high watermark.
    isolation: i8,
    max_wait: Duration,
}

/// Up to the high watermark, on a connection of its own, waiting briefly for data.
const PATIENTLY: Manner = Manner {
    slot: Slot::Verify,
    isolation: 0,
    max_wait: SHORTLY,
};

/// The number of connections to a broker for reading: a start reads a batch of each partition, and a broker handles the
/// requests of a connection one at a time.
const CONNECTIONS: u16 = 4;

/// Up to the high watermark, at once.
fn at_once(partition: &TopicPartition) -> Manner {
    let mut hasher = DefaultHasher::new();
    partition.hash(&mut hasher);
    let number = u16::try_from(hasher.finish() % u64::from(CONNECTIONS)).unwrap_or(0);
    Manner {
        slot: Slot::Read { number },
        isolation: 0,
        max_wait: Duration::ZERO,
    }
}

/// Fetches from `offset` up to the high watermark, without waiting for data. Returns at least one complete batch if
/// there is one, even if it is larger than `max_bytes`.
///
/// Errors: transient ones that lasted too long; a partition that doesn't exist, or that may not be read; batches that cannot
/// be decoded.
pub async fn read_at(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: i64,
    max_bytes: i32,
) -> Result<ReadAt> {
    let manner = at_once(partition);
    read_in(cluster, partition, (offset, max_bytes), manner).await
}

/// Like [`read_at`], but on a connection of its own, waiting briefly for data.
///
/// Errors: as for [`read_at`].
pub async fn read_patiently(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: i64,
    max_bytes: i32,
) -> Result<ReadAt> {
    read_in(cluster, partition, (offset, max_bytes), PATIENTLY).await
}

/// Like [`read_patiently`], but up to the last stable offset.
///
/// Errors: as for [`read_at`].
pub async fn read_committed(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: i64,
    max_bytes: i32,
) -> Result<ReadAt> {
    let manner = Manner {
        isolation: 1,
        ..PATIENTLY
    };
    read_in(cluster, partition, (offset, max_bytes), manner).await
}

/// The bytes of a log at an offset, sound or not.
#[derive(Debug, Clone)]
pub struct RawRead {
    pub high_watermark: i64,
    /// Batches; the last one may be incomplete.
    pub records: Bytes,
}

/// Like [`read_at`], without a look at the batches. The first one is complete if its length is right.
///
/// Errors: transient ones that lasted too long; a partition or offset that doesn't exist.
pub async fn read_raw(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: i64,
    max_bytes: i32,
) -> Result<RawRead> {
    let (data, _) = fetch(cluster, partition, (offset, max_bytes), at_once(partition)).await?;
    if let Some(code) = code_of(data.error_code) {
        let text = format!("a read was refused: {}", code_name(code));
        let error = Error::new(Kind::Broker(code), text);
        return Err(error.partition(partition).offset(offset));
    }
    Ok(RawRead {
        high_watermark: data.high_watermark,
        records: data.records.unwrap_or_default(),
    })
}

async fn read_in(
    cluster: &Cluster,
    partition: &TopicPartition,
    (offset, max_bytes): (i64, i32),
    manner: Manner,
) -> Result<ReadAt> {
    let (data, leader) = fetch(cluster, partition, (offset, max_bytes), manner).await?;
    read(data, leader, offset).map_err(|error| error.partition(partition).offset(offset))
}

async fn fetch(
    cluster: &Cluster,
    partition: &TopicPartition,
    (offset, max_bytes): (i64, i32),
    manner: Manner,
) -> Result<(PartitionData, Leader)> {
    let read = cluster.retry(None, || async move {
        let leader = cluster.leader(partition).await?;
        let connection = cluster.connection(leader.broker, manner.slot).await?;
        let request = request(partition, leader, (offset, max_bytes), manner);
        let timeout = cluster.settings().request_timeout + manner.max_wait;
        let answer = connection.call(request, timeout).await?;
        let mut answers = answer.responses.into_iter().flat_map(|one| one.partitions);
        let data = answers.next();
        let code = data.as_ref().map_or(0, |data| data.error_code);
        let codes = [answer.error_code, code];
        if let Some(code) = codes.into_iter().find_map(code_of)
            && (retry_of(code) != Retry::None || is_not_permitted(code))
        {
            return Err(connection.refusal("read", code, None));
        }
        Ok((data.ok_or_else(|| missing("the partition"))?, leader))
    });
    read.await
        .map_err(|error| cluster.explained(error, Need::ReadRecords, partition.topic.as_str()))
        .map_err(|error| error.partition(partition).offset(offset))
}

fn request(
    partition: &TopicPartition,
    leader: Leader,
    (offset, max_bytes): (i64, i32),
    manner: Manner,
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
        .with_max_wait_ms(milliseconds(manner.max_wait))
        .with_min_bytes(1)
        .with_max_bytes(max_bytes)
        .with_isolation_level(manner.isolation)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

fn read(data: PartitionData, leader: Leader, offset: i64) -> Result<ReadAt> {
    let aborted = data.aborted_transactions.unwrap_or_default();
    let records: Bytes = data.records.unwrap_or_default();
    Ok(ReadAt {
        high_watermark: data.high_watermark,
        last_stable: data.last_stable_offset,
        log_start: data.log_start_offset,
        batches: in_order(records, offset, data.high_watermark)?,
        aborted: aborted
            .iter()
            .map(|it| (ProducerId(it.producer_id.0), it.first_offset))
            .collect(),
        topic_id: leader.topic_id,
        error: code_of(data.error_code),
    })
}

/// Splits an answer to a read at `offset` into batches, up to the first one that can't be one. No checksum covers their
/// offsets, which have to follow each other.
fn in_order(records: Bytes, offset: i64, high_watermark: i64) -> Result<Vec<Batch>> {
    let mut found: Vec<Batch> = Vec::new();
    for batch in batches(records) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) if found.is_empty() => return Err(error.into()),
            Err(_) => break,
        };
        let end = found.last().map_or(i64::MIN, Batch::next_offset);
        // An old message that holds many is returned as a whole.
        let is_old = batch.header().leader_epoch == LeaderEpoch::UNKNOWN;
        let reaches = batch.next_offset() > offset || is_old || !found.is_empty();
        let is_visible = high_watermark < 0 || batch.next_offset() <= high_watermark;
        if batch.base_offset() < end || !reaches || !is_visible {
            let message = format!(
                "a batch claims the offsets {} to {} where {} is next and readers see offsets below {high_watermark}",
                batch.base_offset(),
                batch.last_offset(),
                end.max(offset)
            );
            return Err(Error::new(Kind::Protocol, message));
        }
        found.push(batch);
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
