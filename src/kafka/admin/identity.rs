//! Finding out which broker answers at an address: metadata doesn't say who sent it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::{
    BrokerId as KafkaBroker, DescribeConfigsRequest, ListOffsetsRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::error::{BrokerCode, Result};
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::{by_topic, text, topic_partition};
use crate::kafka::client::{Connection, Metadata};
use crate::model::{BrokerId, TopicPartition};

/// Which broker answers on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    Is(BrokerId),
    /// None of those that it could be.
    Other,
    /// farshore may not ask for anything that would tell.
    Unknown,
}

/// The type of a broker in requests about settings.
const BROKER: i8 = 4;
/// The setting asked for, which every broker has; the answer's code is what matters.
const SETTING: &str = "log.retention.hours";
/// The answer of another broker than the one whose settings are asked for.
const INVALID_REQUEST: BrokerCode = BrokerCode(42);
const NOT_LEADER_OR_FOLLOWER: BrokerCode = BrokerCode(6);
const HIGH_WATERMARK: i64 = -1;

/// Returns which of the brokers `among` answers on a connection: the one that describes its own settings, or, where
/// farshore may not ask for those, the one that answers as the leader of a partition.
///
/// Errors: the connection breaks, or there is no response within `limit`.
pub async fn identity(
    connection: &Connection,
    metadata: &Metadata,
    among: &BTreeSet<BrokerId>,
    limit: Duration,
) -> Result<Identity> {
    let of_settings = by_settings(connection, among, limit).await?;
    match of_settings {
        Identity::Unknown => by_leadership(connection, metadata, among, limit).await,
        known => Ok(known),
    }
}

async fn by_settings(
    connection: &Connection,
    among: &BTreeSet<BrokerId>,
    limit: Duration,
) -> Result<Identity> {
    let keys = Some(vec![StrBytes::from_static_str(SETTING)]);
    let resource = |broker: &BrokerId| {
        DescribeConfigsResource::default()
            .with_resource_type(BROKER)
            .with_resource_name(text(&broker.to_string()))
            .with_configuration_keys(keys.clone())
    };
    let resources = among.iter().map(resource).collect();
    let request = DescribeConfigsRequest::default().with_resources(resources);
    let answer = connection.call(request, limit).await?;
    let told = answer.results.iter().filter_map(|result| {
        let broker = result.resource_name.parse().ok().map(BrokerId)?;
        Some((broker, code_of(result.error_code)))
    });
    Ok(judge(among, told, INVALID_REQUEST))
}

async fn by_leadership(
    connection: &Connection,
    metadata: &Metadata,
    among: &BTreeSet<BrokerId>,
    limit: Duration,
) -> Result<Identity> {
    let led = led_by(metadata, among);
    let partitions = led.keys().map(|partition| {
        let asked = ListOffsetsPartition::default()
            .with_partition_index(partition.partition.0)
            .with_timestamp(HIGH_WATERMARK);
        (partition, asked)
    });
    let topics = by_topic(partitions).into_iter().map(|(name, asked)| {
        let topic = ListOffsetsTopic::default().with_name(name);
        topic.with_partitions(asked)
    });
    let request = ListOffsetsRequest::default()
        .with_replica_id(KafkaBroker(-1))
        .with_topics(topics.collect());
    let answer = connection.call(request, limit).await?;
    let told = answer.topics.iter().flat_map(|topic| {
        let of_topic = topic.partitions.iter();
        of_topic.map(|it| {
            let partition = topic_partition(&topic.name, it.partition_index);
            (partition, code_of(it.error_code))
        })
    });
    let told = told.filter_map(|(partition, code)| Some((*led.get(&partition)?, code)));
    Ok(judge(among, told, NOT_LEADER_OR_FOLLOWER))
}

/// A partition that each of these brokers leads, as far as it leads any.
fn led_by(metadata: &Metadata, among: &BTreeSet<BrokerId>) -> BTreeMap<TopicPartition, BrokerId> {
    let mut found: BTreeMap<BrokerId, TopicPartition> = BTreeMap::new();
    for (name, topic) in metadata.topics.iter() {
        for (number, partition) in &topic.partitions {
            let leader = partition.leader.filter(|it| among.contains(it));
            if let Some(leader) = leader {
                let one = || TopicPartition::new(name.clone(), number.0);
                found.entry(leader).or_insert_with(one);
            }
        }
        if found.len() == among.len() {
            break;
        }
    }
    found.into_iter().map(|(broker, it)| (it, broker)).collect()
}

/// Judges the answers to questions that only one broker each answers without an error, and others with the code `other`.
fn judge(
    among: &BTreeSet<BrokerId>,
    told: impl Iterator<Item = (BrokerId, Option<BrokerCode>)>,
    other: BrokerCode,
) -> Identity {
    let mut others = BTreeSet::new();
    for (broker, code) in told.filter(|(broker, _)| among.contains(broker)) {
        match code {
            None => return Identity::Is(broker),
            Some(code) if code == other => drop(others.insert(broker)),
            Some(_) => {}
        }
    }
    if others == *among {
        Identity::Other
    } else {
        Identity::Unknown
    }
}

#[cfg(test)]
mod tests;
