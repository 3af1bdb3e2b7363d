//! Reading the start and end offsets of partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, select_all};
use futures_util::{Stream, StreamExt};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest};
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{Error, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::coalesce::{OffsetDetails, OffsetKind, Told};
use crate::kafka::client::error_codes::{Retry, code_of, retry_of_error};
use crate::kafka::client::names::{by_topic, topic_name, topic_partition};
use crate::kafka::client::{Cluster, Connection, Metadata, Recipient, Slot};
use crate::model::{BrokerId, LeaderEpoch, TopicPartition};
use crate::task::Backoff;

use super::missing;

/// Which offset of a partition to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetSpec {
    /// The log start offset.
    Earliest,
    /// The high watermark: the end of what all in-sync replicas hold.
    HighWatermark,
    /// The last stable offset: no open transaction begins before it.
    LastStable,
    /// The end of the leader's log, which may be beyond the high watermark.
    TrueEnd,
    /// The first record with this timestamp (in milliseconds) or a later one; offset -1 if there is none.
    Timestamp(i64),
}

impl OffsetSpec {
    /// Returns the replica id, isolation level and timestamp of the request. Replica -2 is Kafka's debugging consumer,
    /// which sees the whole log.
    fn fields(self) -> (OffsetKind, i64) {
        match self {
            Self::Earliest => ((-1, 0), -2),
            Self::HighWatermark => ((-1, 0), -1),
            Self::LastStable => ((-1, 1), -1),
            Self::TrueEnd => ((-2, 0), -1),
            Self::Timestamp(milliseconds) => ((-1, 0), milliseconds),
        }
    }
}

/// An offset as the leader returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedOffset {
    pub offset: i64,
    /// The timestamp of its record in milliseconds for a lookup by timestamp, otherwise -1.
    pub timestamp: i64,
    /// The leader epoch of that record if there is one, otherwise the leader's.
    pub epoch: LeaderEpoch,
}

/// Offsets by partition, or the error for the partition.
pub type ListedOffsets = BTreeMap<TopicPartition, Result<ListedOffset>>;

/// The number of attempts for partitions whose leaders change.
const ROUNDS: u32 = 4;
const PAUSE_BASE: Duration = Duration::from_millis(100);
const PAUSE_CAP: Duration = Duration::from_secs(1);

/// Asks the leaders for offsets, with one request each. The epoch with a partition is the one its leader must have,
/// [`LeaderEpoch::UNKNOWN`] for any.
///
/// Errors: for individual partitions in the map (`FENCED_LEADER_EPOCH` if the leader has another epoch); for all of
/// them if the metadata cannot be read.
pub async fn list_offsets(
    cluster: &Cluster,
    partitions: &[(TopicPartition, LeaderEpoch)],
    at: OffsetSpec,
) -> Result<ListedOffsets> {
    let mut listed = ListedOffsets::new();
    let mut left = partitions.to_vec();
    let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
    let give_up = Instant::now() + cluster.settings().retry_limit;
    for round in 1..=ROUNDS {
        let metadata = cluster.current_metadata().await?;
        listed.extend(list_once(cluster, &left, at).await);
        left.retain(|(partition, _)| listed.get(partition).is_some_and(passes));
        if left.is_empty() || round == ROUNDS || Instant::now() >= give_up {
            break;
        }
        sleep(backoff.next()).await;
        cluster.refresh(metadata.generation).await?;
    }
    Ok(listed)
}

/// The number of partitions in one of the requests of [`list_offsets_until`].
const PARTITIONS_AT_ONCE: usize = 1_000;

/// Asks the leaders for the offsets of any number of partitions, in requests of limited size, one at a time for each leader.
/// Returns what they answered until `deadline`: partitions without a leader, and those whose leader refused or was silent,
/// are missing.
pub async fn list_offsets_until(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    at: OffsetSpec,
    deadline: Instant,
) -> BTreeMap<TopicPartition, ListedOffset> {
    let mut found = BTreeMap::new();
    let rounds = async {
        let mut left = partitions.to_vec();
        let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
        for round in 1..=ROUNDS {
            let metadata = cluster.current_metadata().await?;
            let (mut answers, mut next) = (ask_leaders(cluster, &metadata, left, at), Vec::new());
            while let Some(listed) = answers.next().await {
                for (partition, result) in listed {
                    if passes(&result) {
                        next.push(partition);
                    } else if let Ok(listed) = result {
                        found.insert(partition, listed);
                    }
                }
            }
            if next.is_empty() || round == ROUNDS {
                break;
            }
            left = next;
            sleep(backoff.next()).await;
            cluster.refresh(metadata.generation).await?;
        }
        Ok::<(), Error>(())
    };
    // Who isn't answered in time is missing, for whatever reason.
    let _ = timeout_at(deadline, rounds).await;
    found
}

/// Returns the partitions whose leaders have said until `deadline` that they lead them, or refuse to say for a reason that
/// lasts. Metadata shows a new partition before its leader serves it.
pub async fn served(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    deadline: Instant,
) -> BTreeSet<TopicPartition> {
    let mut served = BTreeSet::new();
    let asking = async {
        let (metadata, all) = (cluster.metadata(), partitions.to_vec());
        let mut answers = ask_leaders(cluster, &metadata, all, OffsetSpec::Earliest);
        while let Some(listed) = answers.next().await {
            let lasting = listed.into_iter().filter(|(_, result)| !passes(result));
            served.extend(lasting.map(|(partition, _)| partition));
        }
    };
    let _ = timeout_at(deadline, asking).await;
    served
}

/// Asks the leaders, in requests of limited size, one at a time for each leader; a leader that isn't known is an error for its
/// partitions.
fn ask_leaders<'a>(
    cluster: &'a Cluster,
    metadata: &Metadata,
    partitions: Vec<TopicPartition>,
    at: OffsetSpec,
) -> impl Stream<Item = ListedOffsets> + Unpin + use<'a> {
    let (mut by_leader, mut listed) = (BTreeMap::<BrokerId, Asked>::new(), ListedOffsets::new());
    for partition in partitions {
        match metadata.leader(&partition) {
            Ok(leader) => {
                let asked = by_leader.entry(leader.broker).or_default();
                asked.push((partition, LeaderEpoch::UNKNOWN));
            }
            Err(error) => drop(listed.insert(partition, Err(error))),
        }
    }
    let leaders = by_leader.into_iter().map(move |(broker, asked)| {
        let parts: Vec<Asked> = asked.chunks(PARTITIONS_AT_ONCE).map(Vec::from).collect();
        stream::iter(parts).then(move |part| list_of(cluster, broker, part, at))
    });
    let answers = select_all(leaders.map(Box::pin));
    stream::iter([listed]).chain(answers)
}

fn passes(result: &Result<ListedOffset>) -> bool {
    matches!(result, Err(error) if retry_of_error(error) != Retry::None)
}

/// Asks a partition's leader for an offset; otherwise like [`list_offsets`].
pub async fn list_offset(
    cluster: &Cluster,
    partition: &TopicPartition,
    epoch: LeaderEpoch,
    at: OffsetSpec,
) -> Result<ListedOffset> {
    let mut listed = list_offsets(cluster, &[(partition.clone(), epoch)], at).await?;
    let result = listed.remove(partition);
    result.unwrap_or_else(|| Err(missing("the partition").partition(partition)))
}

async fn list_once(
    cluster: &Cluster,
    partitions: &[(TopicPartition, LeaderEpoch)],
    at: OffsetSpec,
) -> ListedOffsets {
    if let [(partition, epoch)] = partitions {
        let result = list_coalesced(cluster, partition, *epoch, at).await;
        return [(partition.clone(), result)].into();
    }
    let mut listed = ListedOffsets::new();
    let mut by_leader: BTreeMap<BrokerId, Asked> = BTreeMap::new();
    for (partition, epoch) in partitions {
        match cluster.leader(partition).await {
            Ok(leader) => {
                let asked = by_leader.entry(leader.broker).or_default();
                asked.push((partition.clone(), *epoch));
            }
            Err(error) => drop(listed.insert(partition.clone(), Err(error))),
        }
    }
    let leaders = by_leader.into_iter();
    let answers = join_all(leaders.map(|(broker, asked)| list_of(cluster, broker, asked, at)));
    listed.extend(answers.await.into_iter().flatten());
    listed
}

type Asked = Vec<(TopicPartition, LeaderEpoch)>;

/// Asks a partition's leader, together with others who ask it at the same time.
async fn list_coalesced(
    cluster: &Cluster,
    partition: &TopicPartition,
    epoch: LeaderEpoch,
    at: OffsetSpec,
) -> Result<ListedOffset> {
    let broker = cluster.leader(partition).await?.broker;
    let (kind, timestamp) = at.fields();
    let coalescer = cluster.coalescers().offsets.of(broker, kind);
    let told = coalescer
        .ask(partition, (epoch, timestamp), |asked| async move {
            answers_of(cluster, broker, kind, &asked).await
        })
        .await;
    match told {
        Ok(Some((connection, one))) => read(cluster, &connection, partition, &one),
        Ok(None) => Err(unlisted(partition, &Arc::new(missing("the partition")))),
        Err(cause) => Err(unlisted(partition, &cause)),
    }
}

/// Asks one leader; the result has an entry for every partition in `asked`.
async fn list_of(
    cluster: &Cluster,
    broker: BrokerId,
    asked: Asked,
    at: OffsetSpec,
) -> ListedOffsets {
    let (kind, timestamp) = at.fields();
    let details = asked
        .iter()
        .map(|(of, epoch)| (of.clone(), (*epoch, timestamp)));
    let details: Vec<_> = details.collect();
    let (mut listed, failure) = match answers_of(cluster, broker, kind, &details).await {
        Ok(answers) => {
            let results = answers.into_iter().map(|(of, (connection, one))| {
                let result = read(cluster, &connection, &of, &one);
                (of, result)
            });
            (results.collect(), missing("the partition"))
        }
        Err(error) => (ListedOffsets::new(), error),
    };
    let failure = Arc::new(failure);
    for (partition, _) in asked {
        let unlisted = |partition: &TopicPartition| Err(unlisted(partition, &failure));
        listed.entry(partition).or_insert_with_key(unlisted);
    }
    listed
}

/// Sends one request.
async fn answers_of(
    cluster: &Cluster,
    broker: BrokerId,
    (replica, isolation): OffsetKind,
    asked: &[(TopicPartition, OffsetDetails)],
) -> Result<BTreeMap<TopicPartition, Told<ListOffsetsPartitionResponse>>> {
    let partitions = asked.iter().map(|(partition, (epoch, timestamp))| {
        let one = ListOffsetsPartition::default()
            .with_partition_index(partition.partition.0)
            .with_current_leader_epoch(epoch.0)
            .with_timestamp(*timestamp);
        (partition, one)
    });
    let topics = by_topic(partitions).into_iter().map(|(name, partitions)| {
        ListOffsetsTopic::default()
            .with_name(name)
            .with_partitions(partitions)
    });
    let request = ListOffsetsRequest::default()
        .with_replica_id(replica.into())
        .with_isolation_level(isolation)
        .with_topics(topics.collect());
    let connection = cluster.connection(broker, Slot::Control).await?;
    let timeout = cluster.settings().request_timeout;
    let answer = connection.call(request, timeout).await?;
    let answers = answer.topics.into_iter().flat_map(|topic| {
        let (name, from) = (topic.name, connection.clone());
        let told = move |one: ListOffsetsPartitionResponse| {
            let of = topic_partition(&name, one.partition_index);
            (of, (from.clone(), one))
        };
        topic.partitions.into_iter().map(told)
    });
    Ok(answers.collect())
}

fn read(
    cluster: &Cluster,
    connection: &Connection,
    partition: &TopicPartition,
    one: &ListOffsetsPartitionResponse,
) -> Result<ListedOffset> {
    match code_of(one.error_code) {
        Some(code) => {
            let refusal = connection.refusal("list the offset", code, None);
            let name = partition.topic.as_str();
            let refusal = cluster.explained(refusal, Need::ReadRecords, name);
            Err(refusal.partition(partition))
        }
        None => Ok(ListedOffset {
            offset: one.offset,
            timestamp: one.timestamp,
            epoch: LeaderEpoch(one.leader_epoch),
        }),
    }
}

fn unlisted(partition: &TopicPartition, cause: &Arc<Error>) -> Error {
    let error = Error::new(cause.kind(), "the offset cannot be listed");
    error.partition(partition).caused_by(Arc::clone(cause))
}

/// Returns the largest epoch up to `asked` that the partition's leader knows, and the offset after its last record;
/// (-1, -1) if it knows none.
///
/// Errors: the broker's code.
pub async fn end_of_epoch(
    cluster: &Cluster,
    partition: &TopicPartition,
    asked: LeaderEpoch,
) -> Result<(LeaderEpoch, i64)> {
    let route = Recipient::Leader(partition.clone());
    let what = "find the end of a leader epoch";
    cluster
        .ask(route, |connection| async move {
            let leader = cluster.leader(partition).await?;
            let one = OffsetForLeaderPartition::default()
                .with_partition(partition.partition.0)
                .with_current_leader_epoch(leader.epoch.0)
                .with_leader_epoch(asked.0);
            let topic = OffsetForLeaderTopic::default()
                .with_topic(topic_name(&partition.topic))
                .with_partitions(vec![one]);
            let request = OffsetForLeaderEpochRequest::default()
                .with_replica_id((-1).into())
                .with_topics(vec![topic]);
            let timeout = cluster.settings().request_timeout;
            let answer = connection.call(request, timeout).await?;
            let mut answers = answer.topics.into_iter().flat_map(|topic| topic.partitions);
            let one = answers.next().ok_or_else(|| missing("the partition"))?;
            match code_of(one.error_code) {
                None => Ok((LeaderEpoch(one.leader_epoch), one.end_offset)),
                Some(code) => Err(connection.refusal(what, code, None)),
            }
        })
        .await
        .map_err(|error| cluster.explained(error, Need::ReadRecords, partition.topic.as_str()))
        .map_err(|error| error.partition(partition))
}
