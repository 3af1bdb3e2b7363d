//! Querying what farshore is permitted to do on a cluster, without doing it.

use std::collections::BTreeMap;
use std::fmt;

use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{CreateTopicsRequest, MetadataRequest};

use crate::error::{BrokerCode, Error, Result};
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::topic_name;
use crate::kafka::client::{Cluster, Recipient};
use crate::model::TopicName;

use super::topics::{NewTopic, creatable};
use super::{milliseconds, missing};

/// An operation on a topic: the part of Kafka's `AclOperation` that farshore needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclOperation {
    /// Read records.
    Read = 3,
    /// Write records.
    Write = 4,
    /// Create the topic.
    Create = 5,
    /// Delete records.
    Delete = 6,
    /// Add partitions.
    Alter = 7,
    /// See that it exists, its partitions and its offsets.
    Describe = 8,
    /// Read its settings.
    DescribeConfigs = 10,
    /// Change its settings.
    AlterConfigs = 11,
}

impl fmt::Display for AclOperation {
    /// The form that the `--operation` option of `kafka-acls` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The permitted operations on a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(i32);

impl Operations {
    /// Creates a set of operations.
    pub fn of(operations: &[AclOperation]) -> Self {
        Self(operations.iter().fold(0, |all, one| all | bit(*one)))
    }

    /// Whether `operation` is in the set.
    pub fn has(self, operation: AclOperation) -> bool {
        self.0 & bit(operation) != 0
    }
}

fn bit(operation: AclOperation) -> i32 {
    1 << (operation as i32)
}

/// Topics per request.
const CHUNK: usize = 500;
const TOPIC_ALREADY_EXISTS: BrokerCode = BrokerCode(36);

/// Returns the permitted operations on each topic. Brokers without an authorizer permit everything; a topic that
/// farshore may not even describe permits nothing.
///
/// Errors: those of [`Cluster::call`].
pub async fn topic_operations(
    cluster: &Cluster,
    topics: &[TopicName],
) -> Result<BTreeMap<TopicName, Operations>> {
    let mut permitted = BTreeMap::new();
    for chunk in topics.chunks(CHUNK) {
        let asked = chunk
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))));
        let request = MetadataRequest::default()
            .with_topics(Some(asked.collect()))
            .with_allow_auto_topic_creation(false)
            .with_include_topic_authorized_operations(true);
        let answer = cluster.call(Recipient::Any, request).await?;
        permitted.extend(answer.topics.into_iter().filter_map(|topic| {
            let name = TopicName::new(topic.name?.as_str());
            let told = topic.topic_authorized_operations;
            // The minimum value means "not returned".
            Some((name, Operations(if told == i32::MIN { 0 } else { told })))
        }));
    }
    Ok(permitted)
}

/// Makes the controller validate the creation of topics without creating them: permission, replicas, settings and
/// policies. Returns the refusals; a topic that already exists is not one.
///
/// Errors: those of [`Cluster::call`].
pub async fn refused_creations(
    cluster: &Cluster,
    topics: &[NewTopic],
) -> Result<BTreeMap<TopicName, Error>> {
    let timeout = cluster.settings().request_timeout;
    let mut refused = BTreeMap::new();
    for chunk in topics.chunks(CHUNK) {
        let request = CreateTopicsRequest::default()
            .with_topics(chunk.iter().map(creatable).collect())
            .with_timeout_ms(milliseconds(timeout))
            .with_validate_only(true);
        let ask = cluster.ask(Recipient::Controller, |connection| {
            let request = request.clone();
            async move {
                let answer = connection.call(request, timeout).await?;
                if answer.topics.len() < chunk.len() {
                    return Err(missing("a topic"));
                }
                let refusals = answer.topics.into_iter().filter_map(|result| {
                    let name = TopicName::new(result.name.as_str());
                    let code =
                        code_of(result.error_code).filter(|code| *code != TOPIC_ALREADY_EXISTS)?;
                    let what = format!("create topic {name}");
                    let detail = result.error_message.as_deref();
                    Some((name, connection.refusal(&what, code, detail)))
                });
                Ok(refusals.collect::<BTreeMap<_, _>>())
            }
        });
        refused.extend(ask.await?);
    }
    Ok(refused)
}
