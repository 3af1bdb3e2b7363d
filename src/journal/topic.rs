//! The journal's topic: creating it, reading it to its end, and appending to it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkpoint::layout;
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::admin::{self, NewTopic, OffsetSpec};
use crate::kafka::batch::{Batch, Record, Stamped};
use crate::kafka::client::{Cluster, Slot, code_name};
use crate::kafka::{ProducePart, start_produce};
use crate::model::{LeaderEpoch, LinkName, TopicId, TopicName, TopicPartition};
use crate::task::Ownership;

use super::lease::Seen;
use super::{Contents, LEASE};

/// The replication factor if the configuration sets none and there are at least this many brokers.
const REPLICAS: i16 = 3;
/// The maximum number of bytes per read.
const READ_BYTES: i32 = 4 << 20;
const LOOKS: usize = 50;

/// A link's journal topic, under the id it was first seen with.
#[derive(Debug, Clone)]
pub struct Topic {
    cluster: Cluster,
    partition: TopicPartition,
    id: TopicId,
}

impl Topic {
    /// The name of a link's journal.
    pub fn name(link: &LinkName) -> TopicName {
        TopicName::new(format!("__farshore.{link}"))
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
        Some(Self {
            cluster: cluster.clone(),
            partition: TopicPartition::new(name, 0),
            id,
        })
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
        let configs = admin::topic_configs(cluster, std::slice::from_ref(&name)).await?;
        let policy = configs.get(&name).and_then(|it| it.get("cleanup.policy"));
        Ok(policy.and_then(|it| it.value.clone()))
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
        for _ in 0..LOOKS {
            if let Some(topic) = Self::find(cluster, link).await?
                && cluster.leader(&topic.partition).await.is_ok()
            {
                return Ok(topic);
            }
        }
        let message = "the journal's topic was created but has no leader yet";
        Err(Error::new(Kind::TimedOut, message).cluster(cluster.name()))
    }

    /// The log's high watermark, and the newest head before it.
    pub(super) async fn look(&self) -> Result<(i64, Option<Seen>)> {
        let end = self.list(OffsetSpec::HighWatermark).await?;
        let start = self.list(OffsetSpec::Earliest).await?;
        if end <= start {
            return Ok((end, None));
        }
        let mut tail = Contents::default();
        let read = admin::read_at(&self.cluster, &self.partition, end - 1, 1).await?;
        for batch in &read.batches {
            self.take(&mut tail, batch)?;
        }
        if tail.heads.is_empty() {
            tail = self.read(start, end).await?;
        }
        Ok((end, tail.heads.pop()))
    }

    /// The whole contents of the journal.
    ///
    /// Errors: the cluster doesn't answer, the contents can't be understood, or the beginning is missing.
    pub async fn read_all(&self) -> Result<Contents> {
        let start = self.list(OffsetSpec::Earliest).await?;
        if start > 0 {
            let message = "the beginning of the journal was deleted, so it is incomplete; set cleanup.policy=compact for its topic. If the checkpoint DB is complete, delete the topic: it will be written anew";
            return Err(Error::new(Kind::Refused, message)
                .partition(&self.partition)
                .offset(start));
        }
        self.read(0, i64::MAX).await
    }

    async fn list(&self, at: OffsetSpec) -> Result<i64> {
        let any = LeaderEpoch::UNKNOWN;
        let listed = admin::list_offset(&self.cluster, &self.partition, any, at).await?;
        Ok(listed.offset)
    }

    /// The records from offset `from` up to but excluding `until`.
    pub(super) async fn read(&self, from: i64, until: i64) -> Result<Contents> {
        let mut contents = Contents::default();
        let mut next = from;
        while next < until {
            let read = admin::read_at(&self.cluster, &self.partition, next, READ_BYTES).await?;
            if let Some(code) = read.error {
                let text = format!("the journal can't be read: {}", code_name(code));
                return Err(Error::new(Kind::Broker(code), text).offset(next));
            }
            for batch in read.batches.iter().filter(|it| it.base_offset() < until) {
                self.take(&mut contents, batch)?;
            }
            match read.batches.last() {
                Some(last) => next = last.next_offset(),
                None => break,
            }
        }
        Ok(contents)
    }

    /// Applies the records of a batch to `contents`.
    fn take(&self, contents: &mut Contents, batch: &Batch) -> Result<()> {
        if batch.header().attributes.is_control() {
            return Ok(());
        }
        for record in &batch.records()? {
            let Record {
                offset, key, value, ..
            } = record?.to_record()?;
            let key = key.unwrap_or_default().to_vec();
            contents
                .take(offset, key, value.as_deref())
                .map_err(|error| error.partition(&self.partition).offset(offset))?;
        }
        Ok(())
    }

    /// Appends a batch, acknowledged by all in-sync replicas; returns its offset.
    pub(super) async fn append(&self, batch: Stamped) -> Result<i64, NotAppended> {
        let leader = self.cluster.leader(&self.partition).await?;
        if leader.topic_id.is_known() && self.id.is_known() && leader.topic_id != self.id {
            let message = "the journal's topic was deleted and created again";
            return Err(NotAppended::Gone(Error::new(Kind::Refused, message)));
        }
        let connection = self
            .cluster
            .connection(leader.broker, Slot::Journal)
            .await?;
        let part = ProducePart {
            partition: self.partition.clone(),
            topic_id: self.id,
            batch,
        };
        let answers = start_produce(&connection, vec![part], self.lease_watch(), None)?.await?;
        let answer = answers.into_iter().next();
        let answer =
            answer.ok_or_else(|| Error::new(Kind::Protocol, "no answer for the journal"))?;
        match answer.error {
            None => Ok(answer.base_offset),
            Some(code) => {
                let detail = answer.message.map(|text| format!(" ({text})"));
                let text = format!(
                    "appending to the journal failed: {}{}",
                    code_name(code),
                    detail.unwrap_or_default()
                );
                Err(NotAppended::of(code, Error::new(Kind::Broker(code), text)))
            }
        }
    }

    /// Looks up the leader again.
    pub(super) async fn look_again(&self) {
        // If this fails, so does the next append, which then reports why.
        let _ = self
            .cluster
            .refresh(self.cluster.metadata().generation)
            .await;
    }

    fn lease_watch(&self) -> Duration {
        self.cluster.settings().request_timeout.min(LEASE)
    }
}

/// Why a batch isn't in the journal, or isn't known to be.
#[derive(Debug)]
pub(super) enum NotAppended {
    /// A later term was claimed.
    Fenced(Error),
    /// The journal lost its tail, or its topic was replaced.
    Gone(Error),
    /// The broker doesn't know the topic, which may be temporary if it has just started.
    Missing(Error),
    /// Possibly temporary.
    Unknown(Error),
}

impl NotAppended {
    fn of(code: BrokerCode, error: Error) -> Self {
        match code.0 {
            // INVALID_PRODUCER_EPOCH, PRODUCER_FENCED
            47 | 90 => Self::Fenced(error),
            // OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID
            45 | 59 => Self::Gone(error),
            // UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID
            3 | 100 => Self::Missing(error),
            _ => Self::Unknown(error),
        }
    }
}

impl From<Error> for NotAppended {
    fn from(error: Error) -> Self {
        if layout::is_newer(&error) {
            // Its writer claimed a later term before it wrote that.
            return Self::Fenced(error);
        }
        match error.code() {
            Some(code) => Self::of(code, error),
            None => Self::Unknown(error),
        }
    }
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
