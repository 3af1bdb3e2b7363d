//! Reading, adding and removing ACLs.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::describe_acls_response::DescribeAclsResource;
use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DescribeAclsRequest,
};

use crate::error::{BrokerCode, Error, Result};
use crate::kafka::acl::entry::{AclEntry, kind_of, operation_of, pattern_of, permission_of};
use crate::kafka::acl::{Need, Resource};
use crate::kafka::client::error_codes::{Retry, code_of, retry_of};
use crate::kafka::client::names::text;
use crate::kafka::client::{Cluster, Connection, Recipient, Request};
use crate::model::TopicName;
use crate::task::Ownership;

use super::missing;
use super::permissions::{Operations, operations_of};

/// The number that stands for any kind, pattern, operation or permission.
const ANY: i8 = 1;
/// Entries per request. An authorizer takes a request as a whole, up to a limit of metadata records (10,000).
const CHUNK: usize = 500;
const SECURITY_DISABLED: BrokerCode = BrokerCode(54);

/// What a broker's authorizer holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclsSeen {
    pub entries: BTreeSet<AclEntry>,
    /// The number of entries of kinds that this version doesn't know.
    pub unknown: usize,
}

/// What one broker's authorizer holds, and what it permits farshore on topics by that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenOnTopics {
    pub acls: AclsSeen,
    pub permitted: BTreeMap<TopicName, Operations>,
}

/// Whether an error says that the brokers have no authorizer.
pub fn is_without_authorizer(error: &Error) -> bool {
    error.code() == Some(SECURITY_DISABLED)
}

/// Returns every entry of the authorizer, as one broker knows them.
///
/// Errors: the broker's code, see [`is_without_authorizer`].
pub async fn describe_acls(cluster: &Cluster) -> Result<AclsSeen> {
    let ask = cluster.ask(Recipient::Any, |connection| async move {
        describe_on(cluster, &connection).await
    });
    ask.await
}

/// Returns every entry of the authorizer, and what is permitted on `topics` by them: both from the same broker, the entries
/// first.
///
/// Errors: the broker's code.
pub async fn describe_acls_and_topics(
    cluster: &Cluster,
    topics: &[TopicName],
) -> Result<SeenOnTopics> {
    let ask = cluster.ask(Recipient::Any, |connection| async move {
        Ok(SeenOnTopics {
            acls: describe_on(cluster, &connection).await?,
            permitted: operations_of(&connection, cluster.settings().request_timeout, topics)
                .await?,
        })
    });
    ask.await
}

async fn describe_on(cluster: &Cluster, connection: &Connection) -> Result<AclsSeen> {
    let request = DescribeAclsRequest::default()
        .with_resource_type_filter(ANY)
        .with_resource_name_filter(None)
        .with_pattern_type_filter(ANY)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY);
    let timeout = cluster.settings().request_timeout;
    let answer = connection.call(request, timeout).await?;
    if let Some(code) = code_of(answer.error_code) {
        let detail = answer.error_message.as_deref();
        let refusal = connection.refusal("read the ACLs", code, detail);
        return Err(cluster.explained(refusal, Need::ReadAcls, ""));
    }
    let mut seen = AclsSeen::default();
    for resource in answer.resources {
        for entry in entries(&resource) {
            match entry {
                Some(entry) => drop(seen.entries.insert(entry)),
                None => seen.unknown += 1,
            }
        }
    }
    Ok(seen)
}

/// The entries on a resource; `None` for each that has something unknown.
fn entries(resource: &DescribeAclsResource) -> Vec<Option<AclEntry>> {
    let on = kind_of(resource.resource_type).zip(pattern_of(resource.pattern_type));
    let acls = resource.acls.iter();
    let entry = acls.map(|acl| {
        let (kind, pattern) = on?;
        Some(AclEntry {
            resource: Resource {
                kind,
                pattern,
                name: resource.resource_name.to_string(),
            },
            principal: acl.principal.to_string(),
            host: acl.host.to_string(),
            operation: operation_of(acl.operation)?,
            permission: permission_of(acl.permission_type)?,
        })
    });
    entry.collect()
}

/// Adds entries, each of which may exist already. Returns those that were refused, each with the error.
///
/// Errors: the broker's code for all of them; `Refused` if `right` is not held. Brokers learn of it some time after this
/// returns.
pub async fn create_acls(
    cluster: &Cluster,
    entries: &[AclEntry],
    right: &Ownership,
) -> Result<Vec<(AclEntry, Error)>> {
    let request = |chunk: &[AclEntry]| {
        CreateAclsRequest::default().with_creations(chunk.iter().map(creation).collect())
    };
    let told = |answer: CreateAclsResponse| {
        let told = answer.results.into_iter();
        let told = told.map(|it| (code_of(it.error_code), it.error_message));
        told.collect()
    };
    change(cluster, ("add", entries), right, request, told).await
}

/// Removes exactly these entries, as far as they exist. Returns those that were refused, each with the error.
///
/// Errors: as for [`create_acls`].
pub async fn delete_acls(
    cluster: &Cluster,
    entries: &[AclEntry],
    right: &Ownership,
) -> Result<Vec<(AclEntry, Error)>> {
    let request = |chunk: &[AclEntry]| {
        DeleteAclsRequest::default().with_filters(chunk.iter().map(filter).collect())
    };
    let told = |answer: DeleteAclsResponse| {
        let told = answer.filter_results.into_iter();
        let told = told.map(|it| {
            let of_match = it.matching_acls.iter().find(|it| it.error_code != 0);
            let of_match = of_match.map(|it| (it.error_code, it.error_message.clone()));
            let (code, detail) = of_match.unwrap_or((it.error_code, it.error_message));
            (code_of(code), detail)
        });
        told.collect()
    };
    change(cluster, ("remove", entries), right, request, told).await
}

/// Sends the entries to change, some in each request.
async fn change<R: Request + Clone>(
    cluster: &Cluster,
    (verb, entries): (&str, &[AclEntry]),
    right: &Ownership,
    request: impl Fn(&[AclEntry]) -> R,
    told: impl Fn(R::Response) -> Told,
) -> Result<Vec<(AclEntry, Error)>> {
    let timeout = cluster.settings().request_timeout;
    let mut refused = Vec::new();
    for chunk in entries.chunks(CHUNK) {
        let request = request(chunk);
        let ask = cluster.ask_under(right, Recipient::Controller, |connection| {
            let (request, told) = (request.clone(), &told);
            async move {
                let answer = connection.call_under(right, request, timeout).await?;
                refusals(cluster, &connection, verb, chunk, told(answer))
            }
        });
        refused.extend(ask.await?);
    }
    Ok(refused)
}

type Told = Vec<(
    Option<BrokerCode>,
    Option<kafka_protocol::protocol::StrBytes>,
)>;

/// The refused entries of a request. What concerns all of them is the error of the request.
fn refusals(
    cluster: &Cluster,
    connection: &Connection,
    verb: &str,
    entries: &[AclEntry],
    told: Told,
) -> Result<Vec<(AclEntry, Error)>> {
    if told.len() < entries.len() {
        return Err(missing("an ACL"));
    }
    let mut refused = Vec::new();
    for (entry, (code, detail)) in entries.iter().zip(told) {
        let Some(code) = code else { continue };
        let what = format!("{verb} the ACL {entry}");
        let refusal = connection.refusal(&what, code, detail.as_deref());
        let refusal = cluster.explained(refusal, Need::ChangeAcls, "");
        let is_of_all = Need::ChangeAcls.is_refused_by(code) || code == SECURITY_DISABLED;
        if is_of_all || retry_of(code) != Retry::None {
            return Err(refusal);
        }
        refused.push((entry.clone(), refusal));
    }
    Ok(refused)
}

fn creation(entry: &AclEntry) -> AclCreation {
    AclCreation::default()
        .with_resource_type(entry.resource.kind as i8)
        .with_resource_name(text(&entry.resource.name))
        .with_resource_pattern_type(entry.resource.pattern as i8)
        .with_principal(text(&entry.principal))
        .with_host(text(&entry.host))
        .with_operation(entry.operation as i8)
        .with_permission_type(entry.permission as i8)
}

/// A filter that only `entry` passes.
fn filter(entry: &AclEntry) -> DeleteAclsFilter {
    DeleteAclsFilter::default()
        .with_resource_type_filter(entry.resource.kind as i8)
        .with_resource_name_filter(Some(text(&entry.resource.name)))
        .with_pattern_type_filter(entry.resource.pattern as i8)
        .with_principal_filter(Some(text(&entry.principal)))
        .with_host_filter(Some(text(&entry.host)))
        .with_operation(entry.operation as i8)
        .with_permission_type(entry.permission as i8)
}
