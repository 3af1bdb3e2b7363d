//! Querying what farshore is permitted to do on a cluster, without doing it, and naming what it isn't.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::{CreateTopicsRequest, MetadataResponse};

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::acl::{AclOperation, Grantee, Need, is_not_permitted};
use crate::kafka::client::error_codes::{code_of, describe};
use crate::kafka::client::{Cluster, Connection, Recipient};
use crate::model::TopicName;

use super::topics::{NewTopic, creatable, metadata_of};
use super::{milliseconds, missing};

impl Cluster {
    /// The principal under which its brokers know farshore; `ANONYMOUS` without a login and a certificate. Only brokers
    /// know what they make of a certificate.
    pub fn grantee(&self) -> Grantee {
        let settings = self.settings();
        let bootstrap: Vec<String> = settings.bootstrap.iter().map(ToString::to_string).collect();
        let is_certified = settings
            .tls
            .as_ref()
            .is_some_and(|tls| tls.identity.is_some());
        let told = settings.principal.as_deref();
        let told = told.and_then(|it| it.strip_prefix("User:"));
        let principal = match &settings.login {
            _ if told.is_some() => told.unwrap_or_default(),
            Some(login) => login.principal().unwrap_or("<principal of farshore>"),
            None if is_certified => "<principal of the certificate>",
            None => "ANONYMOUS",
        };
        Grantee {
            bootstrap: bootstrap.join(","),
            principal: principal.to_owned(),
        }
    }

    /// The principal under which its brokers know farshore, with its type; `None` if only they know it.
    pub fn own_principal(&self) -> Option<String> {
        let settings = self.settings();
        let is_certified = settings
            .tls
            .as_ref()
            .is_some_and(|tls| tls.identity.is_some());
        let of_login = || match &settings.login {
            Some(login) => login.principal().map(|name| format!("User:{name}")),
            None => (!is_certified).then(|| "User:ANONYMOUS".to_owned()),
        };
        settings.principal.clone().or_else(of_login)
    }

    /// Adds the command that grants the missing right, if `error` is a refusal without what `need` takes on the resource
    /// of this name.
    #[must_use]
    pub fn explained(&self, error: Error, need: Need, name: &str) -> Error {
        match error.code() {
            Some(code) if need.is_refused_by(code) => {
                let command = self.grantee().command_for(need, name);
                error.fixed_by(format!("grant {}: {command}", need.words(name)))
            }
            _ => error,
        }
    }
}

/// The permitted operations on a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(i32);

impl Operations {
    /// The set for a topic of which it isn't known what is permitted: it lacks nothing.
    pub const UNKNOWN: Self = Self(-1);

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
const UNKNOWN_TOPIC_OR_PARTITION: BrokerCode = BrokerCode(3);

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
        let request = metadata_of(chunk).with_include_topic_authorized_operations(true);
        let answer = cluster.call(Recipient::Any, request).await?;
        permitted.extend(permitted_by(answer));
    }
    Ok(permitted)
}

/// Like [`topic_operations`], asked of one broker; topics that don't exist are left out.
pub(super) async fn operations_of(
    connection: &Connection,
    timeout: Duration,
    topics: &[TopicName],
) -> Result<BTreeMap<TopicName, Operations>> {
    let mut permitted = BTreeMap::new();
    for chunk in topics.chunks(CHUNK) {
        let request = metadata_of(chunk).with_include_topic_authorized_operations(true);
        let mut answer = connection.call(request, timeout).await?;
        let is_missing = |code| code_of(code) == Some(UNKNOWN_TOPIC_OR_PARTITION);
        answer.topics.retain(|topic| !is_missing(topic.error_code));
        permitted.extend(permitted_by(answer));
    }
    Ok(permitted)
}

fn permitted_by(answer: MetadataResponse) -> impl Iterator<Item = (TopicName, Operations)> {
    answer.topics.into_iter().filter_map(|topic| {
        let name = TopicName::new(topic.name?.as_str());
        let told = topic.topic_authorized_operations;
        // The minimum value means "not returned".
        Some((name, Operations(if told == i32::MIN { 0 } else { told })))
    })
}

/// Returns those of these topics that brokers don't describe to farshore without a right, each with the error. Brokers
/// don't say whether such a topic exists.
///
/// Errors: those of [`Cluster::call`].
pub async fn hidden_topics(
    cluster: &Cluster,
    topics: &[TopicName],
) -> Result<BTreeMap<TopicName, Error>> {
    let mut hidden = BTreeMap::new();
    for chunk in topics.chunks(CHUNK) {
        let answer = cluster.call(Recipient::Any, metadata_of(chunk)).await?;
        hidden.extend(answer.topics.into_iter().filter_map(|topic| {
            let name = TopicName::new(topic.name?.as_str());
            let code = code_of(topic.error_code).filter(|code| is_not_permitted(*code))?;
            let text = format!("topic {name} is not shown: {}", describe(code));
            let error = Error::new(Kind::Broker(code), text).cluster(cluster.name());
            let error = cluster.explained(error, Need::ReadRecords, name.as_str());
            Some((name, error))
        }));
    }
    Ok(hidden)
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
                    let refusal = connection.refusal(&what, code, detail);
                    let refusal = cluster.explained(refusal, Need::CreateTopic, name.as_str());
                    Some((name, refusal))
                });
                Ok(refusals.collect::<BTreeMap<_, _>>())
            }
        });
        refused.extend(ask.await?);
    }
    Ok(refused)
}
