//! What topic discovery asks of a cluster, and a cache of the topics' configs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::config::Start;
use crate::control::mirrored::Mirrored;
use crate::error::{Error, Result};
use crate::kafka::admin::CreatedTopics;
use crate::model::{PartitionState, SourceOffset, TopicId, TopicName, TopicPartition};

use super::configs::TopicConfigs;
use super::plan::NewMirror;
use super::sight::TargetTopic;

/// The age at which all configs are read again.
const CONFIGS_VALID_FOR: Duration = Duration::from_secs(30);

/// A cluster as the store of topics.
///
/// Every call but `starts` and `served` is one request with a timeout. A change whose answer is lost may have been made, and
/// may be requested again.
pub trait TopicSite: Send + Sync + Debug {
    /// The current topics.
    fn look(&self) -> BoxFuture<'_, Result<Look>>;
    /// Those of these topics that may not be seen, each with the error. Whether they exist isn't known.
    fn hidden<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Error>>>;
    /// The effective configs of topics, or why they can't be read; a topic that doesn't exist is left out.
    fn configs<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Result<TopicConfigs>>>>;
    /// The names of the brokers' configs; empty if they may not be described.
    fn broker_config_names(&self) -> BoxFuture<'_, Result<BTreeSet<String>>>;
    /// The first offsets to mirror of partitions that start at `latest` or at a time, in a limited time; partitions whose leader
    /// doesn't answer are left out.
    fn starts<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        start: Start,
    ) -> BoxFuture<'a, BTreeMap<TopicPartition, SourceOffset>>;
    /// The partitions whose leaders serve them, in a limited time.
    fn served<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, BTreeSet<TopicPartition>>;
    /// Whether a farshore link wrote the newest batch of a partition of a topic; `None` if the topic is empty.
    fn is_mirror<'a>(
        &'a self,
        topic: &'a TopicName,
        partitions: i32,
    ) -> BoxFuture<'a, Result<Option<bool>>>;
    /// Creates topics.
    fn create<'a>(&'a self, mirrors: &'a [NewMirror]) -> BoxFuture<'a, Result<CreatedTopics>>;
    /// Extends a topic to `count` partitions in total.
    fn grow<'a>(&'a self, topic: &'a TopicName, count: i32) -> BoxFuture<'a, Result<()>>;
    /// Deletes a topic; succeeds if it doesn't exist.
    fn delete<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>>;
    /// Sets configs of a topic.
    fn alter<'a>(
        &'a self,
        topic: &'a TopicName,
        changes: &'a TopicConfigs,
    ) -> BoxFuture<'a, Result<()>>;
}

/// One observation of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The number of brokers.
    pub brokers: usize,
    pub topics: BTreeMap<TopicName, SeenTopic>,
}

/// A topic as observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenTopic {
    pub id: TopicId,
    pub partitions: i32,
    pub replication_factor: i16,
    /// Whether the brokers say that it is one of Kafka's internal topics.
    pub is_internal: bool,
    /// Whether the brokers could report all of this; otherwise nothing may be concluded from it.
    pub is_clear: bool,
}

impl SeenTopic {
    /// The topic on the target, without its configs.
    pub(super) fn on_target(&self) -> TargetTopic {
        TargetTopic {
            id: self.id,
            partitions: self.partitions,
            configs: TopicConfigs::new(),
        }
    }
}

/// The topics of which every partition is live.
pub(super) fn live(
    mirrored: Option<&dyn Mirrored>,
    selected: &BTreeMap<&TopicName, &SeenTopic>,
) -> BTreeSet<TopicName> {
    let mut count: BTreeMap<TopicName, i32> = BTreeMap::new();
    let partitions = mirrored.map(Mirrored::partitions).unwrap_or_default();
    for one in partitions {
        if one.state == PartitionState::Live {
            *count.entry(one.partition.topic).or_default() += 1;
        }
    }
    let is_live = |(name, seen): &(&&TopicName, &&SeenTopic)| {
        count
            .get(**name)
            .is_some_and(|live| *live >= seen.partitions)
    };
    let live = selected.iter().filter(is_live);
    live.map(|(name, _)| (*name).clone()).collect()
}

/// The configs of one cluster's topics as last read, or the cluster's error; shared with the API, which shows them.
#[derive(Debug, Clone, Default)]
pub struct SeenConfigs(Arc<RwLock<BTreeMap<TopicName, Result<TopicConfigs, String>>>>);

impl SeenConfigs {
    /// Those of a topic; `None` unless they could be read.
    pub fn of(&self, topic: &TopicName) -> Option<TopicConfigs> {
        self.0.read().get(topic)?.as_ref().ok().cloned()
    }

    /// Puts in what was read of a topic.
    #[cfg(test)]
    pub(crate) fn put(&self, topic: &str, configs: &[(&str, &str)]) {
        let configs = configs.iter();
        let configs = configs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.0.write().insert(topic.into(), Ok(configs.collect()));
    }
}

/// The configs of one cluster's topics, or the cluster's error. They rarely change and are long, so they aren't read with
/// every look.
#[derive(Debug, Default)]
pub(super) struct ConfigMemory {
    known: SeenConfigs,
    read_at: Option<Instant>,
}

impl ConfigMemory {
    /// Creates an empty cache that is shown through `known`.
    pub(super) fn shown(known: SeenConfigs) -> Self {
        Self {
            known,
            read_at: None,
        }
    }

    /// Reads the configs of `topics` that aren't cached, or all of them once the cache has expired.
    pub(super) async fn read(&mut self, site: &dyn TopicSite, topics: &[TopicName]) -> Result<()> {
        let is_old = self
            .read_at
            .is_none_or(|at| at.elapsed() >= CONFIGS_VALID_FOR);
        let is_wanted = |topic: &&TopicName| is_old || !self.known.0.read().contains_key(*topic);
        let wanted: Vec<TopicName> = topics.iter().filter(is_wanted).cloned().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let read = site.configs(&wanted).await?.into_iter();
        let read = read.map(|(topic, configs)| (topic, configs.map_err(|e| e.chain())));
        if is_old {
            *self.known.0.write() = read.collect();
            self.read_at = Some(Instant::now());
        } else {
            self.known.0.write().extend(read);
        }
        Ok(())
    }

    /// The cached configs of `topic`.
    pub(super) fn of(&self, topic: &TopicName) -> Option<Result<TopicConfigs, String>> {
        self.known.0.read().get(topic).cloned()
    }

    /// Drops a topic from the cache, after it was changed.
    pub(super) fn forget(&mut self, topic: &TopicName) {
        self.known.0.write().remove(topic);
    }
}
