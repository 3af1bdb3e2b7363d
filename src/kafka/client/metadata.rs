//! A cluster's brokers, topics and leaders, as one broker told them at one moment.
//!
//! Promises: a snapshot never takes a step back within a topic's life: a broker that lags behind cannot undo a leader
//! change seen before. Another cluster's answer is refused.
//! Doesn't: ask; see the cluster for that.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::metadata_response::{
    MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId as KafkaBroker, MetadataRequest, ResponseHeader};
use kafka_protocol::protocol::{Decodable, HeaderVersion};

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::model::{BrokerId, LeaderEpoch, Partition, TopicId, TopicName, TopicPartition};

use super::HostPort;
use super::encode::Answer;
use super::error_codes::{code_of, describe};

/// What a cluster looked like at one moment; generation 0 is before the first look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Grows by one with every look.
    pub generation: u64,
    /// Kafka's id of the cluster.
    pub cluster_id: Option<String>,
    /// The broker that takes requests for the controller.
    pub controller: Option<BrokerId>,
    /// The brokers with the addresses to connect to.
    pub brokers: BTreeMap<BrokerId, HostPort>,
    /// The topics farshore may see.
    pub topics: Arc<BTreeMap<TopicName, TopicMetadata>>,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMetadata {
    /// The topic's id.
    pub id: TopicId,
    /// Whether it is one of Kafka's own.
    pub internal: bool,
    /// Why nothing else is known about it.
    pub error: Option<BrokerCode>,
    /// Its partitions.
    pub partitions: BTreeMap<Partition, PartitionMetadata>,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// The leader; `None` while there is none.
    pub leader: Option<BrokerId>,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
    /// Brokers that hold it, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// Those of them that are in sync.
    pub in_sync: Vec<BrokerId>,
    /// What is wrong with it.
    pub error: Option<BrokerCode>,
}

/// Who leads a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leader {
    /// The broker.
    pub broker: BrokerId,
    /// Its epoch as the leader.
    pub epoch: LeaderEpoch,
    /// The topic's id.
    pub topic_id: TopicId,
    /// The generation of the metadata that says so.
    pub generation: u64,
}

const UNKNOWN_TOPIC_OR_PARTITION: BrokerCode = BrokerCode(3);
const LEADER_NOT_AVAILABLE: BrokerCode = BrokerCode(5);

/// The request for all of it; it never creates a topic.
pub(crate) fn request() -> MetadataRequest {
    MetadataRequest::default()
        .with_topics(None)
        .with_allow_auto_topic_creation(false)
}

/// An answer that nobody has read: in large clusters that costs more than to see that it says what the one before did.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    version: i16,
    body: Bytes,
}

/// In all versions farshore speaks, an answer begins with the time for which the broker asks to be left alone.
const THROTTLE_BYTES: usize = 4;

impl Told {
    /// Takes an answer as it is.
    pub(crate) fn take(mut frame: Bytes, version: i16) -> anyhow::Result<Answer<Self>> {
        ResponseHeader::decode(&mut frame, MetadataResponse::header_version(version))?;
        let throttle = frame.as_ref().try_get_i32()?;
        let body = frame;
        Ok((Self { version, body }, throttle))
    }

    /// Whether both say the same.
    pub(crate) fn repeats(&self, before: &Self) -> bool {
        self.version == before.version
            && self.body.get(THROTTLE_BYTES..) == before.body.get(THROTTLE_BYTES..)
    }

    /// What it says.
    pub(crate) fn read(&self) -> anyhow::Result<MetadataResponse> {
        MetadataResponse::decode(&mut self.body.clone(), self.version)
    }
}

impl Metadata {
    /// The snapshot that follows where nothing changed.
    pub(crate) fn again(&self) -> Self {
        Self {
            generation: self.generation + 1,
            ..self.clone()
        }
    }

    /// Who leads a partition.
    ///
    /// Errors: the broker's code for the topic or partition, `UNKNOWN_TOPIC_OR_PARTITION` if the metadata doesn't have it,
    /// `LEADER_NOT_AVAILABLE` if nobody leads.
    pub fn leader(&self, of: &TopicPartition) -> Result<Leader> {
        let refuse = |code| {
            let text = format!("no leader is known: {}", describe(code));
            Err(Error::new(Kind::Broker(code), text).partition(of))
        };
        let Some(topic) = self.topics.get(&of.topic) else {
            return refuse(UNKNOWN_TOPIC_OR_PARTITION);
        };
        let Some(partition) = topic.partitions.get(&of.partition) else {
            return refuse(topic.error.unwrap_or(UNKNOWN_TOPIC_OR_PARTITION));
        };
        match partition.leader {
            Some(broker) => Ok(Leader {
                broker,
                epoch: partition.leader_epoch,
                topic_id: topic.id,
                generation: self.generation,
            }),
            None => refuse(partition.error.unwrap_or(LEADER_NOT_AVAILABLE)),
        }
    }

    /// The snapshot that follows this one.
    ///
    /// Errors: `Refused` for another cluster's answer, `Disconnected` for that of a broker that knows nothing yet.
    pub(crate) fn next(
        &self,
        response: MetadataResponse,
        address_map: &BTreeMap<HostPort, HostPort>,
    ) -> Result<Self> {
        let cluster_id = response.cluster_id.map(|id| id.to_string());
        self.check_cluster(cluster_id.as_deref())?;
        let brokers: BTreeMap<_, _> = response
            .brokers
            .iter()
            .filter_map(|broker| {
                let port = u16::try_from(broker.port).ok()?;
                let advertised = HostPort::new(broker.host.as_str(), port);
                let address = address_map.get(&advertised).cloned();
                Some((BrokerId(broker.node_id.0), address.unwrap_or(advertised)))
            })
            .collect();
        if brokers.is_empty() {
            let text = "the broker knows no brokers yet; it is probably starting";
            return Err(Error::new(Kind::Disconnected, text));
        }
        let topics = response.topics.into_iter().filter_map(|topic| {
            let name = TopicName::new(topic.name.as_ref()?.as_str());
            let topic = TopicMetadata::next(topic, self.topics.get(&name));
            Some((name, topic))
        });
        Ok(Self {
            generation: self.generation + 1,
            controller: some_broker(response.controller_id),
            topics: Arc::new(topics.collect()),
            cluster_id,
            brokers,
        })
    }

    fn check_cluster(&self, answered: Option<&str>) -> Result<()> {
        match (self.cluster_id.as_deref(), answered) {
            (Some(known), Some(answered)) if known != answered => Err(Error::new(
                Kind::Refused,
                format!(
                    "an address of this cluster (id {known}) now leads to another one (id {answered}); \
                     check bootstrap_servers and address_map, then restart"
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl TopicMetadata {
    fn next(response: MetadataResponseTopic, previous: Option<&Self>) -> Self {
        let id = TopicId(response.topic_id);
        let same = previous.filter(|previous| id.is_known() && previous.id == id);
        let partitions = response.partitions.into_iter().map(|partition| {
            let number = Partition(partition.partition_index);
            let now = PartitionMetadata::from(partition);
            let newer = same
                .and_then(|topic| topic.partitions.get(&number))
                .filter(|before| before.leader_epoch > now.leader_epoch);
            (number, newer.cloned().unwrap_or(now))
        });
        Self {
            id,
            internal: response.is_internal,
            error: code_of(response.error_code),
            partitions: partitions.collect(),
        }
    }
}

impl From<MetadataResponsePartition> for PartitionMetadata {
    fn from(response: MetadataResponsePartition) -> Self {
        let ids =
            |nodes: Vec<KafkaBroker>| nodes.into_iter().map(|node| BrokerId(node.0)).collect();
        Self {
            leader: some_broker(response.leader_id),
            leader_epoch: LeaderEpoch(response.leader_epoch),
            replicas: ids(response.replica_nodes),
            in_sync: ids(response.isr_nodes),
            error: code_of(response.error_code),
        }
    }
}

fn some_broker(id: KafkaBroker) -> Option<BrokerId> {
    (id.0 >= 0).then_some(BrokerId(id.0))
}

#[cfg(test)]
mod tests;
