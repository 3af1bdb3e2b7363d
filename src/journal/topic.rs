//! The journal's topic: made, read to its end, appended to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checkpoint::envelope;
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::admin::{self, At, NewTopic};
use crate::kafka::batch::{Batch, Record, Stamped};
use crate::kafka::client::{Cluster, Slot, code_name};
use crate::kafka::{ProducePart, start_produce};
use crate::model::{LeaderEpoch, LinkName, TopicId, TopicName, TopicPartition};
use crate::task::Ownership;

use super::lease::Seen;
use super::{Head, LEASE};

/// Replicas where the configuration says nothing, if there are as many brokers.
const REPLICAS: i16 = 3;
/// Bytes read at once.
const READ_BYTES: i32 = 4 << 20;
const LOOKS: usize = 50;

/// The journal's topic of one link, under the id it was first seen with.
#[derive(Debug, Clone)]
pub struct Topic {
    cluster: Cluster,
    partition: TopicPartition,
    id: TopicId,
}

/// Values by full key.
pub(crate) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// Everything a journal holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The link's entries by the DB's full keys.
    pub(crate) entries: Entries,
    /// The heads that were read, oldest first.
    pub(super) heads: Vec<Seen>,
}

impl Contents {
    /// The newest head; none in an empty journal.
    pub fn head(&self) -> Option<&Head> {
        self.heads.last().map(|seen| &seen.head)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Topic {
    /// The name of a link's journal.
    pub fn name(link: &LinkName) -> TopicName {
        TopicName::new(format!("__farshore.{link}"))
    }

    /// The topic as it is; none if it doesn't exist.
    ///
    /// Errors: the cluster doesn't answer.
    pub async fn find(cluster: &Cluster, link: &LinkName) -> Result<Option<Self>> {
        if let Some(known) = Self::known(cluster, link) {
            return Ok(Some(known));
        }
        cluster.refresh(cluster.metadata().generation).await?;
        Ok(Self::known(cluster, link))
    }

    /// The topic as the cluster's metadata last had it.
    fn known(cluster: &Cluster, link: &LinkName) -> Option<Self> {
        let name = Self::name(link);
        let id = cluster.metadata().topics.get(&name)?.id;
        Some(Self {
            cluster: cluster.clone(),
            partition: TopicPartition::new(name, 0),
            id,
        })
    }

    /// The topic as it is made.
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

    /// The topic's `cleanup.policy`; none if there is no such topic.
    ///
    /// Errors: the cluster doesn't answer, or doesn't tell.
    pub async fn policy(cluster: &Cluster, link: &LinkName) -> Result<Option<String>> {
        let name = Self::name(link);
        let configs = admin::topic_configs(cluster, std::slice::from_ref(&name)).await?;
        let policy = configs.get(&name).and_then(|it| it.get("cleanup.policy"));
        Ok(policy.and_then(|it| it.value.clone()))
    }

    /// The topic, made if it doesn't exist; it is led when this returns.
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
        let message = "the journal's topic was made and has no leader yet";
        Err(Error::new(Kind::TimedOut, message).cluster(cluster.name()))
    }

    /// Where the log ends, as far as it is replicated, and the newest head before that.
    pub(super) async fn look(&self) -> Result<(i64, Option<Seen>)> {
        let end = self.list(At::HighWatermark).await?;
        let start = self.list(At::Earliest).await?;
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

    /// Everything the journal holds.
    ///
    /// Errors: the cluster doesn't answer, what is there can't be understood, or its beginning is missing.
    pub async fn read_all(&self) -> Result<Contents> {
        let start = self.list(At::Earliest).await?;
        if start > 0 {
            let message = "the beginning of the journal was deleted, so that it tells less than it held; set cleanup.policy=compact for its topic. With a checkpoint DB that is whole delete the topic: it is written anew";
            return Err(Error::new(Kind::Refused, message)
                .partition(&self.partition)
                .offset(start));
        }
        self.read(0, i64::MAX).await
    }

    async fn list(&self, at: At) -> Result<i64> {
        let any = LeaderEpoch::UNKNOWN;
        let listed = admin::list_offset(&self.cluster, &self.partition, any, at).await?;
        Ok(listed.offset)
    }

    /// What was appended from an offset on and before another.
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

    /// Takes in what a batch holds; of what isn't in an envelope of farshore's it says so.
    fn take(&self, contents: &mut Contents, batch: &Batch) -> Result<()> {
        if batch.header().attributes.is_control() {
            return Ok(());
        }
        for record in &batch.records()? {
            let Record {
                offset, key, value, ..
            } = record?.to_record()?;
            let key = key.unwrap_or_default().to_vec();
            let Some(sealed) = value else {
                contents.entries.remove(&key);
                continue;
            };
            let value = envelope::open(&key, &sealed).map_err(|damage| {
                let message = "a record of the journal can't be used; deny everybody else to write to its topic, and delete the topic: it is written anew";
                Error::new(Kind::Invalid, message)
                    .partition(&self.partition)
                    .offset(offset)
                    .caused_by(damage)
            })?;
            if key == Head::key() {
                let head = serde_json::from_slice(value).map_err(|cause| {
                    let message = "the journal was written by a newer farshore";
                    Error::new(Kind::Invalid, message).caused_by(cause)
                })?;
                contents.heads.push(Seen { offset, head });
            } else {
                contents.entries.insert(key, value.to_vec());
            }
        }
        Ok(())
    }

    /// Appends a batch, acknowledged by all in-sync replicas; gives its offset.
    pub(super) async fn append(&self, batch: Stamped) -> Result<i64, NotAppended> {
        let leader = self.cluster.leader(&self.partition).await?;
        if leader.topic_id.is_known() && self.id.is_known() && leader.topic_id != self.id {
            let message = "the journal's topic was deleted and made again";
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
        let answers = start_produce(&connection, vec![part], self.patience(), None)?.await?;
        let answer = answers.into_iter().next();
        let answer =
            answer.ok_or_else(|| Error::new(Kind::Protocol, "no answer for the journal"))?;
        match answer.error {
            None => Ok(answer.base_offset),
            Some(code) => {
                let detail = answer.message.map(|text| format!(" ({text})"));
                let text = format!(
                    "the journal was not appended to: {}{}",
                    code_name(code),
                    detail.unwrap_or_default()
                );
                Err(NotAppended::of(code, Error::new(Kind::Broker(code), text)))
            }
        }
    }

    /// Looks for the leader anew.
    pub(super) async fn look_again(&self) {
        // If this fails, so does the next append, which then says why.
        let _ = self
            .cluster
            .refresh(self.cluster.metadata().generation)
            .await;
    }

    fn patience(&self) -> Duration {
        self.cluster.settings().request_timeout.min(LEASE)
    }
}

/// Why a batch isn't in the journal, or isn't known to be.
#[derive(Debug)]
pub(super) enum NotAppended {
    /// A later term was claimed.
    Fenced(Error),
    /// The journal isn't the one it was: it lost its tail or its topic.
    Gone(Error),
    /// The broker doesn't know the topic, which passes if it has just started.
    Missing(Error),
    /// It may pass.
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
        match error.code() {
            Some(code) => Self::of(code, error),
            None => Self::Unknown(error),
        }
    }
}

/// Small segments, because only closed ones are compacted; the broker's clock, because by it producer epochs are forgotten.
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
