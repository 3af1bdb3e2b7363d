//! Which groups there are and what state they are in.

use futures_util::future::try_join_all;
use kafka_protocol::messages::{
    ConsumerGroupDescribeRequest, DescribeGroupsRequest, ListGroupsRequest,
};

use crate::error::{BrokerCode, Result};
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::group_id;
use crate::kafka::client::{ApiKey, Cluster, Connection, Route, Slot};
use crate::model::{BrokerId, GroupId};

use super::missing;

/// What protocol a group's members speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// The classic protocol, or none so far; also where the broker is too old to tell.
    Classic,
    /// The consumer protocol of KIP-848.
    Consumer,
    /// A share group (KIP-932).
    Share,
    /// Something newer.
    Other,
}

/// A group as its coordinator lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedGroup {
    /// The group's id.
    pub id: GroupId,
    /// Its state in Kafka's words, such as `Stable` or `Empty`; empty text from brokers older than 2.6.
    pub state: String,
    /// What protocol its members speak.
    pub kind: GroupKind,
    /// `consumer`, `connect` or another application's word; empty if only offsets were ever committed.
    pub protocol_type: String,
}

/// A group's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// The state in Kafka's words; `Dead` for a group that doesn't exist, and for share groups.
    pub state: String,
    /// How many members it has.
    pub members: usize,
}

const UNSUPPORTED_VERSION: BrokerCode = BrokerCode(35);
const GROUP_ID_NOT_FOUND: BrokerCode = BrokerCode(69);

/// The groups of all brokers, each from its coordinator; nothing less, or an error.
///
/// Without an authorization there is no error: groups that farshore may not describe are missing.
pub async fn list_groups(cluster: &Cluster) -> Result<Vec<ListedGroup>> {
    cluster
        .retry(None, || async {
            let metadata = cluster.current_metadata().await?;
            let brokers = metadata.brokers.keys();
            let listed = brokers.map(|broker| list_groups_of(cluster, *broker));
            let mut groups: Vec<ListedGroup> =
                try_join_all(listed).await?.into_iter().flatten().collect();
            groups.sort_by(|a, b| a.id.cmp(&b.id));
            // A coordinator that moves in between is asked on both brokers.
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

/// A group's state, from its coordinator.
///
/// Errors: the broker's code; `GROUP_AUTHORIZATION_FAILED` without DESCRIBE.
pub async fn describe_group(cluster: &Cluster, group: &GroupId) -> Result<GroupDescription> {
    let ask = cluster.ask(Route::Coordinator(group.clone()), |connection| async move {
        // The classic request says `Dead` of a group of the newer protocol, so that one is asked first.
        if connection
            .version_of(ApiKey::ConsumerGroupDescribe)
            .is_some()
            && let Some(described) = describe_newer(cluster, &connection, group).await?
        {
            return Ok(described);
        }
        describe_classic(cluster, &connection, group).await
    });
    ask.await
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
