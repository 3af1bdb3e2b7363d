//! Reading groups' committed offsets, and committing on their behalf.

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
};

use crate::error::{BrokerCode, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::error_codes::{Retry, code_of, retry_of};
use crate::kafka::client::names::{by_topic, group_id, text, topic_partition};
use crate::kafka::client::{ApiKey, Cluster, Connection, Recipient};
use crate::model::{GroupId, LeaderEpoch, TopicPartition};
use crate::task::Ownership;

use super::missing;

/// A group's committed offset for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOffset {
    /// The offset its consumer will read next.
    pub offset: i64,
    /// The leader epoch of the record before it, if the consumer knew it.
    pub epoch: LeaderEpoch,
    /// The application's own text.
    pub metadata: Option<String>,
}

/// The first `OffsetFetch` version in which a request asks about several groups.
const FIRST_BATCHED: i16 = 8;

/// Returns all committed offsets of a group; empty for a group that doesn't exist. Commits in open transactions are not
/// included, and brokers leave out those in topics that farshore may not describe. `need` is what the offsets are read for,
/// and named where a right is missing.
///
/// Errors: the broker's code, even for a single partition.
pub async fn group_offsets(
    cluster: &Cluster,
    group: &GroupId,
    need: Need,
) -> Result<BTreeMap<TopicPartition, GroupOffset>> {
    let ask = cluster.ask(
        Recipient::Coordinator(group.clone()),
        |connection| async move {
            let version = connection.version_of(ApiKey::OffsetFetch);
            let batched = version.is_some_and(|version| version >= FIRST_BATCHED);
            let request = if batched {
                let one = OffsetFetchRequestGroup::default()
                    .with_group_id(group_id(group))
                    .with_topics(None);
                OffsetFetchRequest::default().with_groups(vec![one])
            } else {
                OffsetFetchRequest::default()
                    .with_group_id(group_id(group))
                    .with_topics(None)
            };
            let timeout = cluster.settings().request_timeout;
            let answer = connection.call(request, timeout).await?;
            read(&connection, group, answer)
        },
    );
    ask.await
        .map_err(|error| cluster.explained(error, need, group.as_str()))
}

/// One partition of a response, in either layout.
struct Fetched {
    partition: TopicPartition,
    offset: GroupOffset,
    code: i16,
}

fn read(
    connection: &Connection,
    group: &GroupId,
    answer: OffsetFetchResponse,
) -> Result<BTreeMap<TopicPartition, GroupOffset>> {
    let what = format!("read the offsets of group {group}");
    let codes = answer.groups.iter().map(|group| group.error_code);
    let mut codes = std::iter::once(answer.error_code).chain(codes);
    if let Some(code) = codes.find_map(code_of) {
        return Err(connection.refusal(&what, code, None));
    }
    let mut offsets = BTreeMap::new();
    for fetched in all_fetched(answer) {
        if let Some(code) = code_of(fetched.code) {
            let error = connection.refusal(&what, code, None);
            return Err(error.partition(&fetched.partition));
        }
        if fetched.offset.offset >= 0 {
            offsets.insert(fetched.partition, fetched.offset);
        }
    }
    Ok(offsets)
}

fn all_fetched(answer: OffsetFetchResponse) -> impl Iterator<Item = Fetched> {
    let single = answer.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |one| Fetched {
            partition: topic_partition(&topic.name, one.partition_index),
            offset: GroupOffset {
                offset: one.committed_offset,
                epoch: LeaderEpoch(one.committed_leader_epoch),
                metadata: one.metadata.map(|text| text.to_string()),
            },
            code: one.error_code,
        })
    });
    let groups = answer.groups.into_iter();
    let batched = groups.flat_map(|group| group.topics).flat_map(|topic| {
        topic.partitions.into_iter().map(move |one| Fetched {
            partition: topic_partition(&topic.name, one.partition_index),
            offset: GroupOffset {
                offset: one.committed_offset,
                epoch: LeaderEpoch(one.committed_leader_epoch),
                metadata: one.metadata.map(|text| text.to_string()),
            },
            code: one.error_code,
        })
    });
    single.chain(batched)
}

/// Commits offsets, without leader epochs, for a group without members; returns one result for each partition.
///
/// Written only while `right` is held. A group with members refuses with `UNKNOWN_MEMBER_ID`. Brokers store any offset:
/// checking bounds is up to the caller. The whole call fails if the coordinator cannot be found or stays unavailable.
pub async fn commit_group_offsets(
    cluster: &Cluster,
    group: &GroupId,
    offsets: &BTreeMap<TopicPartition, GroupOffset>,
    right: &Ownership,
) -> Result<BTreeMap<TopicPartition, Result<()>>> {
    let partitions = offsets.iter().map(|(partition, offset)| {
        let one = OffsetCommitRequestPartition::default()
            .with_partition_index(partition.partition.0)
            .with_committed_offset(offset.offset)
            .with_committed_leader_epoch(LeaderEpoch::UNKNOWN.0)
            .with_committed_metadata(offset.metadata.as_deref().map(text));
        (partition, one)
    });
    let topics = by_topic(partitions).into_iter().map(|(name, partitions)| {
        OffsetCommitRequestTopic::default()
            .with_name(name)
            .with_partitions(partitions)
    });
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(-1)
        .with_group_instance_id(None)
        .with_topics(topics.collect());
    let timeout = cluster.settings().request_timeout;
    let ask = cluster.ask_under(right, Recipient::Coordinator(group.clone()), |connection| {
        let request = request.clone();
        async move {
            let answer = connection.call_under(right, request, timeout).await?;
            let mut outcomes = committed(&connection, group, answer)?;
            for (partition, outcome) in &mut outcomes {
                if let Err(error) = outcome {
                    let error = std::mem::replace(error, missing("the partition"));
                    let error = cluster.explained(error, Need::CommitOffsets, group.as_str());
                    let topic = partition.topic.as_str();
                    *outcome = Err(cluster.explained(error, Need::ReadRecords, topic));
                }
            }
            for partition in offsets.keys() {
                let outcome = outcomes.entry(partition.clone());
                outcome.or_insert_with(|| Err(missing("the partition").partition(partition)));
            }
            Ok(outcomes)
        }
    });
    ask.await
        .map_err(|error| cluster.explained(error, Need::CommitOffsets, group.as_str()))
}

fn committed(
    connection: &Connection,
    group: &GroupId,
    answer: OffsetCommitResponse,
) -> Result<BTreeMap<TopicPartition, Result<()>>> {
    let what = format!("commit offsets of group {group}");
    let mut outcomes = BTreeMap::new();
    for topic in answer.topics {
        for one in topic.partitions {
            let partition = topic_partition(&topic.name, one.partition_index);
            let outcome = match code_of(one.error_code) {
                None => Ok(()),
                Some(code) => Err((
                    code,
                    connection.refusal(&what, code, None).partition(&partition),
                )),
            };
            match outcome {
                Err((code, error)) if is_coordinators(code) => return Err(error),
                outcome => drop(outcomes.insert(partition, outcome.map_err(|(_, error)| error))),
            }
        }
    }
    Ok(outcomes)
}

/// Whether a code is about the coordinator, and so about the whole request, rather than about one partition.
fn is_coordinators(code: BrokerCode) -> bool {
    match retry_of(code) {
        Retry::Backoff | Retry::FindCoordinator => true,
        Retry::None | Retry::RefreshMetadata => false,
    }
}
