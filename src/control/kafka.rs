//! A cluster behind the wire client, as control and moves use it.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::config::Start;
use crate::error::{Error, Kind, Result};
use crate::kafka::acl::Need;
use crate::kafka::admin::{
    self, ConfigValue, CreatedTopics, GroupKind, GroupOffset, ListedGroup, ListedOffset, NewTopic,
    OffsetSpec,
};
use crate::kafka::client::{Cluster, Metadata, TopicMetadata};
use crate::model::{GroupId, LeaderEpoch, ProducerId, SourceOffset, TopicName, TopicPartition};
use crate::task::Ownership;

use super::groups::cluster::{CommittedOffset, GroupActivity, LogEdge, Site};
use super::topics::cluster::{Look, SeenTopic, TopicSite};
use super::topics::configs::{self, TopicConfigs};
use super::topics::plan::NewMirror;

/// A Kafka cluster, the right to change it, and what groups' offsets are read for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct KafkaSite(Cluster, Ownership, Need);

const MINUTE_MS: i64 = 60_000;
/// How long a first look asks for the starts of partitions.
const STARTS_LIMIT: Duration = Duration::from_secs(10);
/// How long leaders are asked whether they serve new partitions.
const SERVED_LIMIT: Duration = Duration::from_secs(1);
/// The partitions of a topic whose newest batches show who writes it.
const NEWEST_BATCHES: usize = 8;

impl KafkaSite {
    /// Creates a site on the connections of `cluster`, which may always write.
    pub fn new(cluster: Cluster) -> Self {
        Self(cluster, Ownership::permanent(), Need::ReadOffsets)
    }

    /// Creates a site that commits group offsets and changes topics only while `right` is held.
    pub fn under(cluster: Cluster, right: Ownership) -> Self {
        Self(cluster, right, Need::CommitOffsets)
    }

    /// The cluster's metadata, asked for now.
    async fn latest(&self) -> Result<Arc<Metadata>> {
        self.0.refresh(self.0.metadata().generation).await
    }

    async fn activity(&self, group: &ListedGroup) -> Result<GroupActivity> {
        if group.kind == GroupKind::Share {
            return Ok(GroupActivity::Unsupported);
        }
        // Brokers older than 2.6 don't list states.
        let described;
        let state = if group.state.is_empty() {
            described = admin::describe_group(&self.0, &group.id).await?.state;
            described.as_str()
        } else {
            group.state.as_str()
        };
        Ok(match state {
            "Empty" | "Dead" => GroupActivity::AtRest,
            _ => GroupActivity::Active,
        })
    }

    /// The configs that all brokers should share; `None` if describing them isn't permitted.
    async fn broker_configs(&self) -> Result<Option<admin::ConfigValues>> {
        match admin::broker_configs(&self.0).await {
            Ok(configs) => Ok(Some(configs)),
            Err(error) if matches!(error.kind(), Kind::Broker(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The value of a config that all brokers should share; `None` if it isn't reported.
    async fn broker_config<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let configs = self.broker_configs().await?.unwrap_or_default();
        let value = configs.get(name).and_then(|config| config.value.as_ref());
        Ok(value.and_then(|value| value.parse().ok()))
    }

    /// Reads configs topic by topic, after the request for all topics was refused because of one of them.
    async fn configs_one_by_one(
        &self,
        topics: &[TopicName],
    ) -> Result<BTreeMap<TopicName, Result<TopicConfigs>>> {
        let mut told = BTreeMap::new();
        for topic in topics {
            match admin::topic_configs(&self.0, std::slice::from_ref(topic), &configs::names())
                .await
            {
                Ok(described) => told.extend(described.into_iter().map(plain)),
                Err(error) if matches!(error.kind(), Kind::Broker(_)) => {
                    told.insert(topic.clone(), Err(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(told)
    }
}

/// The effective values of the configs that matter to mirroring.
fn plain(
    (topic, described): (TopicName, admin::ConfigValues),
) -> (TopicName, Result<TopicConfigs>) {
    let value = |name: &str, config: &ConfigValue| Some((name.to_owned(), config.value.clone()?));
    let wanted = configs::names()
        .into_iter()
        .filter_map(|name| value(name, described.get(name)?));
    (topic, Ok(wanted.collect()))
}

fn seen(topic: &TopicMetadata) -> SeenTopic {
    let replicas = topic.partitions.values().map(|p| p.replicas.len()).max();
    SeenTopic {
        id: topic.id,
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(replicas.unwrap_or(1)).unwrap_or(i16::MAX),
        is_internal: topic.internal,
        is_clear: topic.error.is_none(),
    }
}

impl TopicSite for KafkaSite {
    fn look(&self) -> BoxFuture<'_, Result<Look>> {
        async {
            let metadata = self.latest().await?;
            let topics = metadata.topics.iter();
            let topics = topics.map(|(name, topic)| (name.clone(), seen(topic)));
            Ok(Look {
                brokers: metadata.brokers.len(),
                topics: topics.collect(),
            })
        }
        .boxed()
    }

    fn configs<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Result<TopicConfigs>>>> {
        async move {
            match admin::topic_configs(&self.0, topics, &configs::names()).await {
                Ok(described) => Ok(described.into_iter().map(plain).collect()),
                Err(error) if matches!(error.kind(), Kind::Broker(_)) => {
                    self.configs_one_by_one(topics).await
                }
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn hidden<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Error>>> {
        admin::hidden_topics(&self.0, topics).boxed()
    }

    fn broker_config_names(&self) -> BoxFuture<'_, Result<BTreeSet<String>>> {
        async {
            let configs = self.broker_configs().await?.unwrap_or_default();
            Ok(configs.into_keys().collect())
        }
        .boxed()
    }

    fn starts<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        start: Start,
    ) -> BoxFuture<'a, BTreeMap<TopicPartition, SourceOffset>> {
        async move {
            let deadline = Instant::now() + STARTS_LIMIT;
            let list = |at| admin::list_offsets_until(&self.0, partitions, at, deadline);
            // First, because records may be written between the requests.
            let mut starts = list(OffsetSpec::LastStable).await;
            if let Some(time_ms) = start.time_ms() {
                let mut found = list(OffsetSpec::Timestamp(time_ms)).await;
                starts.retain(|partition, _| found.contains_key(partition));
                // Where no record is that young, it is the next one.
                found.retain(|_, listed| listed.offset >= 0);
                starts.extend(found);
            }
            let starts = starts.into_iter();
            let offset =
                |(partition, listed): (_, ListedOffset)| (partition, SourceOffset(listed.offset));
            starts.map(offset).collect()
        }
        .boxed()
    }

    fn served<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, BTreeSet<TopicPartition>> {
        admin::served(&self.0, partitions, Instant::now() + SERVED_LIMIT).boxed()
    }

    fn is_mirror<'a>(
        &'a self,
        topic: &'a TopicName,
        partitions: i32,
    ) -> BoxFuture<'a, Result<Option<bool>>> {
        async move {
            let partitions = (0..partitions).map(|it| TopicPartition::new(topic.clone(), it));
            let asked: Vec<_> = partitions.map(|it| (it, LeaderEpoch::UNKNOWN)).collect();
            let ends = admin::list_offsets(&self.0, &asked, OffsetSpec::HighWatermark).await?;
            let ends = ends
                .into_iter()
                .filter_map(|(it, end)| Some((it, end.ok()?.offset)));
            let mut found = None;
            for (partition, end) in ends.filter(|(_, end)| *end > 0).take(NEWEST_BATCHES) {
                let read = admin::read_at(&self.0, &partition, end - 1, 1).await?;
                let mut written = read.batches.iter().map(|it| it.header().producer_id);
                if written.any(ProducerId::is_farshore) {
                    return Ok(Some(true));
                }
                found = Some(false);
            }
            Ok(found)
        }
        .boxed()
    }

    fn create<'a>(&'a self, mirrors: &'a [NewMirror]) -> BoxFuture<'a, Result<CreatedTopics>> {
        async move {
            let topics = mirrors.iter().map(|mirror| NewTopic {
                name: mirror.name.clone(),
                partitions: mirror.partitions,
                replication_factor: mirror.replication_factor,
                configs: mirror.configs.clone(),
            });
            let topics: Vec<NewTopic> = topics.collect();
            admin::create_topics(&self.0, &topics, &self.1).await
        }
        .boxed()
    }

    fn grow<'a>(&'a self, topic: &'a TopicName, count: i32) -> BoxFuture<'a, Result<()>> {
        admin::create_partitions(&self.0, topic, count, &self.1).boxed()
    }

    fn delete<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>> {
        admin::delete_topic(&self.0, topic, &self.1).boxed()
    }

    fn alter<'a>(
        &'a self,
        topic: &'a TopicName,
        changes: &'a TopicConfigs,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let changes = changes.iter();
            let changes = changes.map(|(name, value)| (name.clone(), Some(value.clone())));
            admin::alter_topic_configs(&self.0, topic, &changes.collect(), &self.1).await
        }
        .boxed()
    }
}

impl Site for KafkaSite {
    fn is_lost(&self) -> bool {
        self.0.is_lost()
    }

    fn groups(&self) -> BoxFuture<'_, Result<BTreeMap<GroupId, GroupActivity>>> {
        async {
            let mut groups = BTreeMap::new();
            for group in admin::list_groups(&self.0).await? {
                let activity = self.activity(&group).await?;
                groups.insert(group.id, activity);
            }
            Ok(groups)
        }
        .boxed()
    }

    fn offsets<'a>(
        &'a self,
        group: &'a GroupId,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, CommittedOffset>>> {
        async move {
            let offsets = admin::group_offsets(&self.0, group, self.2)
                .await?
                .into_iter();
            let committed = offsets.map(|(partition, committed)| {
                let (offset, metadata) = (committed.offset, committed.metadata);
                (partition, CommittedOffset { offset, metadata })
            });
            Ok(committed.collect())
        }
        .boxed()
    }

    fn hidden_topics<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Error>>> {
        admin::hidden_topics(&self.0, topics).boxed()
    }

    fn commit<'a>(
        &'a self,
        group: &'a GroupId,
        offsets: &'a BTreeMap<TopicPartition, CommittedOffset>,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, Result<()>>>> {
        async move {
            let offset = |committed: &CommittedOffset| GroupOffset {
                offset: committed.offset,
                epoch: LeaderEpoch::UNKNOWN,
                metadata: committed.metadata.clone(),
            };
            let offsets = offsets
                .iter()
                .map(|(p, c)| (p.clone(), offset(c)))
                .collect();
            admin::commit_group_offsets(&self.0, group, &offsets, &self.1).await
        }
        .boxed()
    }

    fn partitions<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, i32>>> {
        async move {
            let metadata = self.latest().await?;
            let found = topics.iter().filter_map(|name| {
                let topic = metadata.topics.get(name)?;
                Some((name.clone(), seen(topic).partitions))
            });
            Ok(found.collect())
        }
        .boxed()
    }

    fn ends<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        end: LogEdge,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, i64>>> {
        async move {
            let at = match end {
                LogEdge::Log => OffsetSpec::TrueEnd,
                LogEdge::HighWatermark => OffsetSpec::HighWatermark,
                LogEdge::LastStable => OffsetSpec::LastStable,
            };
            let any_epoch = |partition: &TopicPartition| (partition.clone(), LeaderEpoch::UNKNOWN);
            let asked: Vec<_> = partitions.iter().map(any_epoch).collect();
            let listed = admin::list_offsets(&self.0, &asked, at).await?.into_iter();
            let told = listed.filter_map(|(p, listed)| Some((p, listed.ok()?.offset)));
            Ok(told.collect())
        }
        .boxed()
    }

    fn has_open_transaction<'a>(
        &'a self,
        partition: &'a TopicPartition,
    ) -> BoxFuture<'a, Result<Option<bool>>> {
        async move {
            let producers = admin::describe_producers(&self.0, partition).await?;
            let is_open = |p: &admin::ProducerState| p.current_txn_start >= 0;
            Ok(producers.map(|producers| producers.iter().any(is_open)))
        }
        .boxed()
    }

    fn offsets_retention_ms(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        async {
            let minutes: Option<i64> = self.broker_config("offsets.retention.minutes").await?;
            Ok(minutes.map(|minutes| minutes.saturating_mul(MINUTE_MS)))
        }
        .boxed()
    }

    fn metadata_limit(&self) -> BoxFuture<'_, Result<Option<usize>>> {
        self.broker_config("offset.metadata.max.bytes").boxed()
    }
}
