//! Listing groups and reading their state.

use futures_util::future::try_join_all;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeGroupsRequest, ListGroupsRequest,
};

use crate::error::{BrokerCode, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::group_id;
use crate::kafka::client::{ApiKey, Cluster, Connection, Recipient, Slot};
use crate::model::{BrokerId, GroupId};

use super::missing;

/// The protocol that a group's members use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// The classic protocol, or none so far; also if the broker is too old to report it.
    Classic,
    /// The consumer protocol of KIP-848.
    Consumer,
    /// A share group (KIP-932).
    Share,
    /// A newer protocol.
    Other,
}

/// A group as its coordinator lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    pub id: GroupId,
    /// The state in Kafka's terms, such as `Stable` or `Empty`; an empty string from brokers older than 2.6.
    pub state: String,
    pub kind: GroupKind,
    /// `consumer`, `connect` or another application's protocol type; empty if only offsets were ever committed.
    pub protocol_type: String,
}

/// A group's state and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// The state in Kafka's terms; `Dead` for a group that doesn't exist, and for share groups.
    pub state: String,
    /// The number of members.
    pub members: usize,
}

const UNSUPPORTED_VERSION: BrokerCode = BrokerCode(35);
const GROUP_ID_NOT_FOUND: BrokerCode = BrokerCode(69);

/// Lists the groups of all brokers, each from its coordinator: the complete list or an error.
///
/// Missing authorization is not an error: groups that farshore may not describe are left out.
pub async fn list_groups(cluster: &Cluster) -> Result<Vec<ListedGroup>> {
    cluster
        .retry(None, || async {
            let metadata = cluster.current_metadata().await?;
            let brokers = metadata.brokers.keys();
            let listed = brokers.map(|broker| list_groups_of(cluster, *broker));
            let mut groups: Vec<ListedGroup> =
                try_join_all(listed).await?.into_iter().flatten().collect();
            groups.sort_by(|a, b| a.id.cmp(&b.id));
            // A group whose coordinator moves meanwhile is listed by both brokers.
            groups.dedup_by(|a, b| a.id == b.id);
            Ok(groups)
        })
        .await
}

async fn list_groups_of(cluster: &Cluster, broker: BrokerId) -> Result<Vec<ListedGroup>> {
    let connection = cluster.connection(broker, Slot::Control).await?;
    let timeout = cluster.settings().request_timeout;
    let request = ListGroupsRequest::default();
    let answer = connection.call(request, timeout).await?;
    if let Some(code) = code_of(answer.error_code) {
        return Err(connection.refusal("list groups", code, None));
    }
    let groups = answer.groups.into_iter().map(|group| ListedGroup {
        id: GroupId::new(group.group_id.as_str()),
        state: group.group_state.to_string(),
        kind: match group.group_type.to_ascii_lowercase().as_str() {
            "" | "classic" => GroupKind::Classic,
            "consumer" => GroupKind::Consumer,
            "share" => GroupKind::Share,
            _ => GroupKind::Other,
        },
        protocol_type: group.protocol_type.to_string(),
    });
    Ok(groups.collect())
}

/// Returns a group's state, from its coordinator.
///
/// Errors: the broker's code; `GROUP_AUTHORIZATION_FAILED` without `DESCRIBE`.
pub async fn describe_group(cluster: &Cluster, group: &GroupId) -> Result<GroupDescription> {
    let ask = cluster.ask(
        Recipient::Coordinator(group.clone()),
        |connection| async move {
            // The classic request reports groups of the newer protocol as `Dead`, so the newer request is tried first.
            if connection
                .version_of(ApiKey::ConsumerGroupDescribe)
                .is_some()
                && let Some(described) = describe_newer(cluster, &connection, group).await?
            {
                return Ok(described);
            }
            describe_classic(cluster, &connection, group).await
        },
    );
    ask.await
        .map_err(|error| cluster.explained(error, Need::ReadOffsets, group.as_str()))
}

async fn describe_newer(
    cluster: &Cluster,
    connection: &Connection,
    group: &GroupId,
) -> Result<Option<GroupDescription>> {
    let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(group)]);
    let timeout = cluster.settings().request_timeout;
    let answer = connection.call(request, timeout).await?;
    let one = answer.groups.into_iter().next();
    let one = one.ok_or_else(|| missing("the group"))?;
    match code_of(one.error_code) {
        None => Ok(Some(GroupDescription {
            state: one.group_state.to_string(),
            members: one.members.len(),
        })),
        Some(GROUP_ID_NOT_FOUND | UNSUPPORTED_VERSION) => Ok(None),
        Some(code) => {
            let detail = one.error_message.as_deref();
            Err(connection.refusal(&format!("describe group {group}"), code, detail))
        }
    }
}

async fn describe_classic(
    cluster: &Cluster,
    connection: &Connection,
    group: &GroupId,
) -> Result<GroupDescription> {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    let timeout = cluster.settings().request_timeout;
    let answer = connection.call(request, timeout).await?;
    let one = answer.groups.into_iter().next();
    let one = one.ok_or_else(|| missing("the group"))?;
    match code_of(one.error_code) {
        None => Ok(GroupDescription {
            state: one.group_state.to_string(),
            members: one.members.len(),
        }),
        Some(code) => Err(connection.refusal(&format!("describe group {group}"), code, None)),
    }
}
