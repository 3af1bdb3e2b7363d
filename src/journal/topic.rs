//! The journal's topic: creating it, reading it to its end, and appending to it.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::checkpoint::layout;
use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, NewTopic, OffsetSpec};
use crate::kafka::batch::Stamped;
use crate::kafka::client::{Cluster, Slot};
use crate::kafka::data::append_place::{AppendFailure, AppendPlace, NotAppended};
use crate::kafka::data::appender::Appender;
use crate::model::{LinkName, TopicName, TopicPartition};
use crate::task::Ownership;

use super::lease::Seen;
use super::{Contents, LEASE};

/// The replication factor if the configuration sets none and there are at least this many brokers.
const REPLICAS: i16 = 3;
const LOOKS: usize = 50;

/// A link's journal topic, under the id it was first seen with.
#[derive(Debug, Clone)]
pub struct Topic {
    log: Appender,
}

impl Topic {
    /// The prefix of journals' names, followed by the link's.
    pub const PREFIX: &str = "__farshore.";

    /// The name of a link's journal.
    pub fn name(link: &LinkName) -> TopicName {
        TopicName::new(format!("{}{link}", Self::PREFIX))
    }

    /// The link whose journal a topic is, by its name.
    pub fn link(topic: &TopicName) -> Option<LinkName> {
        topic.as_str().strip_prefix(Self::PREFIX).map(LinkName::new)
    }

    /// The existing topic; `None` if it doesn't exist.
    ///
    /// Errors: the cluster doesn't answer.
    pub async fn find(cluster: &Cluster, link: &LinkName) -> Result<Option<Self>> {
        if let Some(known) = Self::known(cluster, link) {
            return Ok(Some(known));
        }
        cluster.refresh(cluster.metadata().generation).await?;
        Ok(Self::known(cluster, link))
    }

    /// The topic according to the cluster's cached metadata.
    fn known(cluster: &Cluster, link: &LinkName) -> Option<Self> {
        let name = Self::name(link);
        let id = cluster.metadata().topics.get(&name)?.id;
        let log = Appender {
            cluster: cluster.clone(),
            partition: TopicPartition::new(name, 0),
            only: Some(id),
            slot: Slot::Journal,
            timeout: cluster.settings().request_timeout.min(LEASE),
            right: None,
            name: "the journal",
            refused: "appending to the journal failed",
        };
        Some(Self { log })
    }

    /// The topic to create.
    pub fn wanted(cluster: &Cluster, link: &LinkName, replicas: Option<i16>) -> NewTopic {
        let brokers = cluster.metadata().brokers.len();
        let brokers = i16::try_from(brokers).unwrap_or(i16::MAX).max(1);
        NewTopic {
            name: Self::name(link),
            partitions: 1,
            replication_factor: replicas.unwrap_or(REPLICAS.min(brokers)),
            configs: configs(),
        }
    }

    /// The topic's `cleanup.policy`; `None` if the topic doesn't exist.
    ///
    /// Errors: the cluster doesn't answer, or doesn't return it.
    pub async fn policy(cluster: &Cluster, link: &LinkName) -> Result<Option<String>> {
        let name = Self::name(link);
        let mut policies = admin::cleanup_policies(cluster, std::slice::from_ref(&name)).await?;
        Ok(policies.remove(&name))
    }

    /// The topic, created if it doesn't exist; it has a leader when this returns.
    pub(super) async fn ensure(
        cluster: &Cluster,
        link: &LinkName,
        replicas: Option<i16>,
    ) -> Result<Self> {
        if let Some(topic) = Self::find(cluster, link).await? {
            return Ok(topic);
        }
        let topic = Self::wanted(cluster, link, replicas);
        admin::create_topic(cluster, &topic, &Ownership::permanent()).await?;
        let name = std::slice::from_ref(&topic.name);
        if let Some(hidden) = admin::hidden_topics(cluster, name)
            .await?
            .remove(&topic.name)
        {
            return Err(hidden);
        }
        for _ in 0..LOOKS {
            if let Some(topic) = Self::find(cluster, link).await?
                && cluster.leader(&topic.log.partition).await.is_ok()
            {
                return Ok(topic);
            }
        }
        let message = "the journal's topic was created but has no leader yet";
        Err(Error::new(Kind::TimedOut, message).cluster(cluster.name()))
    }

    /// The log's high watermark, and the newest head before it.
    pub(super) async fn look(&self) -> Result<(i64, Option<Seen>)> {
        let end = self.log.offset(OffsetSpec::HighWatermark).await?;
        let start = self.log.offset(OffsetSpec::Earliest).await?;
        let mut tail = self.read(start.max(end - 1)..end).await?;
        if tail.heads.is_empty() {
            tail = self.read(start..end).await?;
        }
        Ok((end, tail.heads.pop()))
    }

    /// The whole contents of the journal.
    ///
    /// Errors: the cluster doesn't answer, the contents can't be understood, or the beginning is missing.
    pub async fn read_all(&self) -> Result<Contents> {
        let start = self.log.offset(OffsetSpec::Earliest).await?;
        if start > 0 {
            let message = "the beginning of the journal was deleted, so it is incomplete; set cleanup.policy=compact for its topic. If the checkpoint DB is complete, delete the topic: it will be written anew";
            return Err(Error::new(Kind::Refused, message)
                .partition(&self.log.partition)
                .offset(start));
        }
        let end = self.log.offset(OffsetSpec::HighWatermark).await?;
        self.read(0..end).await
    }

    /// The contents in a range of offsets.
    pub(super) async fn read(&self, range: Range<i64>) -> Result<Contents> {
        let mut contents = Contents::default();
        self.log.read(range, |it| contents.take(it)).await?;
        Ok(contents)
    }

    /// Appends a batch; returns its offset and the contents that decide whether it counts as appended.
    pub(super) async fn append(
        &self,
        batch: Stamped,
        place: AppendPlace,
    ) -> Result<(i64, Contents), NotAppended> {
        let mut contents = Contents::default();
        let appended = self.log.append(batch, place, |it| contents.take(it)).await;
        Ok((appended.map_err(fenced_if_newer)?, contents))
    }

    /// Looks up the leader again.
    pub(super) async fn look_again(&self) {
        // If this fails, so does the next append, which then reports why.
        let cluster = &self.log.cluster;
        let _ = cluster.refresh(cluster.metadata().generation).await;
    }
}

/// A journal for later readers counts as taken over: its writer claimed a later term before it wrote that.
pub(super) fn fenced_if_newer(failed: impl Into<NotAppended>) -> NotAppended {
    let mut failed = failed.into();
    if layout::is_newer(&failed.error) {
        failed.why = AppendFailure::Fenced;
    }
    failed
}

/// Small segments, because only closed ones are compacted; the broker's clock, because producer epochs expire by it.
fn configs() -> BTreeMap<String, String> {
    let configs = [
        ("cleanup.policy", "compact"),
        ("segment.bytes", "16777216"),
        ("segment.ms", "3600000"),
        ("min.cleanable.dirty.ratio", "0.2"),
        ("max.message.bytes", "8388608"),
        ("message.timestamp.type", "LogAppendTime"),
    ];
    configs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}
