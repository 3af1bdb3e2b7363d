//! A cluster's brokers, topics and leaders: a snapshot of one broker's view.
//!
//! Promises: within a topic's life, a snapshot doesn't go backwards: a broker that lags behind cannot undo a leader
//! change seen earlier, unless most others agree with it. A response from another cluster is refused.
//! Doesn't: send requests; see [`Cluster`](super::Cluster).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use kafka_protocol::messages::metadata_response::{
    MetadataResponse, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{ApiKey, BrokerId as KafkaBroker, MetadataRequest};
use kafka_protocol::protocol::{Decodable, HeaderVersion};

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::model::{BrokerId, LeaderEpoch, Partition, TopicId, TopicName, TopicPartition};

use super::address_map::AddressMap;
use super::encode::{ThrottledResponse, take_header};
use super::error_codes::{code_of, describe};
use super::{Endpoint, HostPort, layout};

/// A snapshot of a cluster's metadata; generation 0 is the state before the first refresh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Increases by one with each refresh.
    pub generation: u64,
    /// Kafka's id of the cluster.
    pub cluster_id: Option<String>,
    /// The broker that takes requests for the controller.
    pub controller: Option<BrokerId>,
    /// The brokers, with the addresses they advertise and those to connect to.
    pub brokers: BTreeMap<BrokerId, Endpoint>,
    /// The topics farshore is authorized to see.
    pub topics: Arc<BTreeMap<TopicName, TopicMetadata>>,
}

/// The metadata of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicMetadata {
    pub id: TopicId,
    /// Whether it is one of Kafka's internal topics.
    pub internal: bool,
    /// The error in place of the rest of the topic's metadata.
    pub error: Option<BrokerCode>,
    pub partitions: BTreeMap<Partition, PartitionMetadata>,
}

/// The metadata of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionMetadata {
    /// `None` while there is no leader.
    pub leader: Option<BrokerId>,
    pub leader_epoch: LeaderEpoch,
    /// The replicas, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The replicas that are in sync.
    pub in_sync: Vec<BrokerId>,
    pub error: Option<BrokerCode>,
}

/// A partition's leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leader {
    pub broker: BrokerId,
    /// The leader epoch.
    pub epoch: LeaderEpoch,
    pub topic_id: TopicId,
    /// The generation of the metadata this was taken from.
    pub generation: u64,
}

/// The leader epochs below the known ones that brokers returned, by partition, and who returned them.
///
/// A broker that lags behind returns such an epoch, and so do all brokers of a cluster that lost its latest metadata.
#[derive(Debug, Default)]
pub(crate) struct EarlierEpochs(BTreeMap<TopicPartition, (LeaderEpoch, BTreeSet<BrokerId>)>);

/// How many brokers have to agree on an earlier epoch at most.
const AGREEING_MAX: usize = 3;

impl EarlierEpochs {
    /// Whether no broker disagrees with what is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Records that `teller`, one of `brokers`, returned an epoch below the known one. Returns whether enough of them
    /// agree on that.
    fn agree(
        &mut self,
        partition: &TopicPartition,
        epoch: LeaderEpoch,
        (teller, brokers): (Option<BrokerId>, usize),
    ) -> bool {
        let entry = self.0.entry(partition.clone());
        let (agreed, tellers) = entry.or_insert((epoch, BTreeSet::new()));
        if *agreed != epoch {
            (*agreed, *tellers) = (epoch, BTreeSet::new());
        }
        tellers.extend(teller);
        let enough = tellers.len() >= (brokers / 2 + 1).min(AGREEING_MAX);
        if enough {
            self.0.remove(partition);
        }
        enough
    }
}

const UNKNOWN_TOPIC_OR_PARTITION: BrokerCode = BrokerCode(3);
const LEADER_NOT_AVAILABLE: BrokerCode = BrokerCode(5);

/// Builds the request for the cluster's id alone.
pub(crate) fn request_of_id() -> MetadataRequest {
    request().with_topics(Some(Vec::new()))
}

/// Builds the request for all topics; it never creates one.
pub(crate) fn request() -> MetadataRequest {
    MetadataRequest::default()
        .with_topics(None)
        .with_allow_auto_topic_creation(false)
}

/// A response that hasn't been decoded: in large clusters decoding costs more than finding out that it equals the one
/// before.
#[derive(Debug, Clone)]
pub(crate) struct UndecodedMetadata {
    version: i16,
    body: Bytes,
}

/// In all versions farshore speaks, a response body begins with the throttle time.
const THROTTLE_BYTES: usize = 4;

impl UndecodedMetadata {
    /// Takes a response from its frame without decoding the body.
    pub(crate) fn take(mut frame: Bytes, version: i16) -> anyhow::Result<ThrottledResponse<Self>> {
        take_header(&mut frame, MetadataResponse::header_version(version))?;
        let throttle = frame.as_ref().try_get_i32()?;
        let body = frame;
        Ok((Self { version, body }, throttle))
    }

    /// The version of the response.
    pub(crate) fn version(&self) -> i16 {
        self.version
    }

    /// Whether both responses are equal apart from their throttle time.
    pub(crate) fn repeats(&self, before: &Self) -> bool {
        self.version == before.version
            && self.body.get(THROTTLE_BYTES..) == before.body.get(THROTTLE_BYTES..)
    }

    /// Decodes the response.
    pub(crate) fn read(&self) -> anyhow::Result<MetadataResponse> {
        layout::check(ApiKey::Metadata, self.version, &self.body)?;
        MetadataResponse::decode(&mut self.body.clone(), self.version)
    }
}

impl Metadata {
    /// Returns the snapshot that follows if nothing has changed.
    pub(crate) fn again(&self) -> Self {
        Self {
            generation: self.generation + 1,
            ..self.clone()
        }
    }

    /// Returns the leader of a partition.
    ///
    /// Errors: the broker's code for the topic or partition, `UNKNOWN_TOPIC_OR_PARTITION` if the metadata doesn't list
    /// it, `LEADER_NOT_AVAILABLE` if it has no leader.
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

    /// Returns the snapshot that follows this one, given the response of `teller`.
    ///
    /// Errors: `Refused` for a response from another cluster, `Disconnected` for one from a broker that has no metadata
    /// yet.
    pub(crate) fn next(
        &self,
        (teller, response): (Option<BrokerId>, MetadataResponse),
        address_map: &AddressMap,
        earlier: &mut EarlierEpochs,
    ) -> Result<Self> {
        let cluster_id = response.cluster_id.map(|id| id.to_string());
        check_cluster(self.cluster_id.as_deref(), cluster_id.as_deref())?;
        let advertised = response.brokers.iter().filter_map(|broker| {
            let port = u16::try_from(broker.port).ok()?;
            let host = broker.host.trim_start_matches('[').trim_end_matches(']');
            Some((BrokerId(broker.node_id.0), HostPort::new(host, port)))
        });
        let brokers = Endpoint::of_brokers(advertised, address_map);
        if brokers.is_empty() {
            let text = "the broker knows no brokers yet; it is probably starting";
            return Err(Error::new(Kind::Disconnected, text));
        }
        let by = (teller, brokers.len());
        let before = std::mem::take(earlier);
        let topics = response.topics.into_iter().filter_map(|topic| {
            let name = TopicName::new(topic.name.as_ref()?.as_str());
            let previous = self.topics.get(&name);
            let topic = TopicMetadata::next(topic, previous, |partition, epoch| {
                let partition = TopicPartition {
                    topic: name.clone(),
                    partition,
                };
                if let Some(claim) = before.0.get(&partition) {
                    earlier.0.insert(partition.clone(), claim.clone());
                }
                earlier.agree(&partition, epoch, by)
            });
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
}

/// Checks that an answer comes from the cluster that is known; passes if an id is unknown.
pub(crate) fn check_cluster(known: Option<&str>, answered: Option<&str>) -> Result<()> {
    match (known, answered) {
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

impl TopicMetadata {
    /// Returns the topic as a response has it. `agreed` decides whether an epoch below the known one is believed.
    fn next(
        response: MetadataResponseTopic,
        previous: Option<&Self>,
        mut agreed: impl FnMut(Partition, LeaderEpoch) -> bool,
    ) -> Self {
        let id = TopicId(response.topic_id);
        let same = previous.filter(|previous| id.is_known() && previous.id == id);
        let partitions = response.partitions.into_iter().map(|partition| {
            let number = Partition(partition.partition_index);
            let now = PartitionMetadata::from(partition);
            let newer = same
                .and_then(|topic| topic.partitions.get(&number))
                .filter(|before| before.leader_epoch > now.leader_epoch)
                .filter(|_| !agreed(number, now.leader_epoch));
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
