//! Creating and deleting topics, adding partitions, distinguishing topics of the same name.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest,
};

use crate::error::{BrokerCode, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::error_codes::{Retry, code_of, retry_of_error};
use crate::kafka::client::names::{text, topic_name};
use crate::kafka::client::{Cluster, Connection, Recipient};
use crate::model::{TopicId, TopicName};
use crate::task::Ownership;

use super::{milliseconds, missing};

/// A topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    pub name: TopicName,
    /// The number of partitions; -1 for the broker's default.
    pub partitions: i32,
    /// The number of replicas of each partition; -1 for the broker's default.
    pub replication_factor: i16,
    /// The settings that differ from the broker's defaults.
    pub configs: BTreeMap<String, String>,
}

const TOPIC_ALREADY_EXISTS: BrokerCode = BrokerCode(36);
const UNKNOWN_TOPIC_OR_PARTITION: BrokerCode = BrokerCode(3);
const INVALID_PARTITIONS: BrokerCode = BrokerCode(37);
const LOOKS: u32 = 10;

/// Creates a topic; returns `false` if one of that name already exists (possibly created by a first attempt whose
/// response was lost). Brokers are notified of a new topic some time after this returns.
///
/// Errors: the broker's code with its explanation; `Refused` if `right` is not held.
pub async fn create_topic(cluster: &Cluster, topic: &NewTopic, right: &Ownership) -> Result<bool> {
    let topics = std::slice::from_ref(topic);
    let ask = cluster.ask_under(right, Recipient::Controller, |connection| async move {
        let timeout = cluster.settings().request_timeout;
        let mut created = create_on(&connection, topics, right, timeout).await?;
        created.results.pop().ok_or_else(|| missing("the topic"))?
    });
    ask.await
        .map_err(|error| cluster.explained(error, Need::CreateTopic, topic.name.as_str()))
}

/// The answer to a request that creates topics.
#[derive(Debug)]
pub struct CreatedTopics {
    /// For each topic in the order of the request: `true`, `false` if it exists, or the broker's code with its explanation.
    pub results: Vec<Result<bool>>,
    /// How long the controller admits no more creations (KIP-599).
    pub throttle: Duration,
}

/// Creates topics with one request. A topic that is refused doesn't hold up the others.
///
/// Errors: no controller answers; `Refused` if `right` is not held.
pub async fn create_topics(
    cluster: &Cluster,
    topics: &[NewTopic],
    right: &Ownership,
) -> Result<CreatedTopics> {
    let ask = cluster.ask_under(right, Recipient::Controller, |connection| async move {
        let timeout = cluster.settings().request_timeout;
        let answer = create_on(&connection, topics, right, timeout).await?;
        let mut results = Vec::with_capacity(topics.len());
        for (topic, result) in topics.iter().zip(answer.results) {
            let name = topic.name.as_str();
            let result = result.map_err(|it| cluster.explained(it, Need::CreateTopic, name));
            match result {
                // Another broker is the controller now.
                Err(error) if retry_of_error(&error) == Retry::RefreshMetadata => {
                    return Err(error);
                }
                result => results.push(result),
            }
        }
        Ok(CreatedTopics { results, ..answer })
    });
    ask.await
}

async fn create_on(
    connection: &Connection,
    topics: &[NewTopic],
    right: &Ownership,
    timeout: Duration,
) -> Result<CreatedTopics> {
    let request = CreateTopicsRequest::default()
        .with_topics(topics.iter().map(creatable).collect())
        .with_timeout_ms(milliseconds(timeout));
    let answer = connection.call_under(right, request, timeout).await?;
    let result_of = |topic: &NewTopic| {
        let mut results = answer.topics.iter();
        let result = results.find(|it| it.name.as_str() == topic.name.as_str());
        let result = result.ok_or_else(|| missing("the topic"))?;
        match code_of(result.error_code) {
            None => Ok(true),
            Some(TOPIC_ALREADY_EXISTS) => Ok(false),
            Some(code) => {
                let what = format!("create topic {}", topic.name);
                Err(connection.refusal(&what, code, result.error_message.as_deref()))
            }
        }
    };
    let throttle = u64::try_from(answer.throttle_time_ms).unwrap_or(0);
    Ok(CreatedTopics {
        results: topics.iter().map(result_of).collect(),
        throttle: Duration::from_millis(throttle),
    })
}

/// Converts a topic to create to the protocol's type.
pub(super) fn creatable(topic: &NewTopic) -> CreatableTopic {
    let configs = topic.configs.iter().map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(text(name))
            .with_value(Some(text(value)))
    });
    CreatableTopic::default()
        .with_name(topic_name(&topic.name))
        .with_num_partitions(topic.partitions)
        .with_replication_factor(topic.replication_factor)
        .with_configs(configs.collect())
}

/// Deletes a topic by name; succeeds if there is none. Brokers are notified of the deletion some time after this
/// returns.
///
/// Errors: the broker's code with its explanation; `Refused` if `right` is not held.
pub async fn delete_topic(cluster: &Cluster, topic: &TopicName, right: &Ownership) -> Result<()> {
    let timeout = cluster.settings().request_timeout;
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name(topic)])
        .with_timeout_ms(milliseconds(timeout));
    let ask = cluster.ask_under(right, Recipient::Controller, |connection| {
        let request = request.clone();
        async move {
            let answer = connection.call_under(right, request, timeout).await?;
            let result = answer.responses.into_iter().next();
            let result = result.ok_or_else(|| missing("the topic"))?;
            match code_of(result.error_code) {
                None | Some(UNKNOWN_TOPIC_OR_PARTITION) => Ok(()),
                Some(code) => {
                    let what = format!("delete topic {topic}");
                    Err(connection.refusal(&what, code, result.error_message.as_deref()))
                }
            }
        }
    });
    ask.await
        .map_err(|error| cluster.explained(error, Need::DeleteTopic, topic.as_str()))
}

/// Increases a topic's number of partitions to `count`; succeeds if it has as many or more.
///
/// Errors: the broker's code with its explanation; `Refused` if `right` is not held.
pub async fn create_partitions(
    cluster: &Cluster,
    topic: &TopicName,
    count: i32,
    right: &Ownership,
) -> Result<()> {
    let growing = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(count)
        .with_assignments(None);
    let timeout = cluster.settings().request_timeout;
    let request = CreatePartitionsRequest::default()
        .with_topics(vec![growing])
        .with_timeout_ms(milliseconds(timeout));
    let ask = cluster.ask_under(right, Recipient::Controller, |connection| {
        let request = request.clone();
        async move {
            let answer = connection.call_under(right, request, timeout).await?;
            let result = answer.results.into_iter().next();
            let result = result.ok_or_else(|| missing("the topic"))?;
            match code_of(result.error_code) {
                None => Ok(()),
                Some(INVALID_PARTITIONS) if has_partitions(cluster, topic, count).await? => Ok(()),
                Some(code) => {
                    let what = format!("raise topic {topic} to {count} partitions");
                    Err(connection.refusal(&what, code, result.error_message.as_deref()))
                }
            }
        }
    });
    ask.await
        .map_err(|error| cluster.explained(error, Need::GrowTopic, topic.as_str()))
}

/// Whether the metadata shows at least `count` partitions, after some attempts: brokers are notified of new ones later
/// than the controller.
async fn has_partitions(cluster: &Cluster, topic: &TopicName, count: i32) -> Result<bool> {
    for _ in 0..LOOKS {
        let metadata = cluster.refresh(cluster.metadata().generation).await?;
        let have = metadata
            .topics
            .get(topic)
            .map_or(0, |topic| topic.partitions.len());
        if i32::try_from(have).is_ok_and(|have| have >= count) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A request for the metadata of topics, which creates none.
pub(super) fn metadata_of(topics: &[TopicName]) -> MetadataRequest {
    let named = |name| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    MetadataRequest::default()
        .with_topics(Some(topics.iter().map(named).collect()))
        .with_allow_auto_topic_creation(false)
}

/// Returns a broker's current ids for topics. They are read anew, not from the cache, for requests that can only name a
/// topic and must not affect another one of the same name.
///
/// Errors: the broker's code for a topic it doesn't know.
pub async fn topic_ids(
    connection: &Connection,
    timeout: Duration,
    topics: &[TopicName],
) -> Result<BTreeMap<TopicName, TopicId>> {
    let answer = connection.call(metadata_of(topics), timeout).await?;
    let ids = answer.topics.into_iter().map(|topic| {
        let name = TopicName::new(topic.name.as_ref().map_or("", |name| name.as_str()));
        match code_of(topic.error_code) {
            None => Ok((name, TopicId(topic.topic_id))),
            Some(code) => Err(connection.refusal(&format!("find topic {name}"), code, None)),
        }
    });
    ids.collect()
}
