//! What the care for ACLs asks of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::error::{Error, Result};
use crate::kafka::acl::entry::AclEntry;
use crate::kafka::acl::{AclOperation, Grantee};
use crate::kafka::admin::{self, Operations};
use crate::kafka::client::Cluster;
use crate::model::TopicName;
use crate::task::Ownership;

/// What farshore is permitted on a topic, as far as the care for ACLs may take it away.
pub type Permitted = BTreeSet<AclOperation>;

/// The operations on a topic that brokers tell.
const ON_TOPICS: [AclOperation; 8] = [
    AclOperation::Read,
    AclOperation::Write,
    AclOperation::Create,
    AclOperation::Delete,
    AclOperation::Alter,
    AclOperation::Describe,
    AclOperation::DescribeConfigs,
    AclOperation::AlterConfigs,
];

/// What one broker's authorizer holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclView {
    pub entries: BTreeSet<AclEntry>,
    /// What farshore is permitted on topics by these entries; topics that don't exist are left out.
    pub permitted: BTreeMap<TopicName, Permitted>,
}

/// A cluster as the store of ACLs. Every call is one request, or one for each few hundred entries or topics.
pub trait AclSite: Send + Sync + Debug {
    /// Every entry, as one broker knows them; `None` if the brokers have no authorizer.
    fn acls(&self) -> BoxFuture<'_, Result<Option<BTreeSet<AclEntry>>>>;
    /// Like [`AclSite::acls`], with what farshore is permitted on each of `topics`.
    fn acls_and_permitted<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<Option<AclView>>>;
    /// Adds entries; returns those that were refused.
    fn add<'a>(&'a self, entries: &'a [AclEntry]) -> BoxFuture<'a, Result<Vec<(AclEntry, Error)>>>;
    /// Removes entries, as far as they exist; returns those that were refused.
    fn remove<'a>(
        &'a self,
        entries: &'a [AclEntry],
    ) -> BoxFuture<'a, Result<Vec<(AclEntry, Error)>>>;
    /// The addresses under which operators reach it, for commands.
    fn grantee(&self) -> Grantee;
    /// The principal under which farshore acts there, with its type, if it is known.
    fn own_principal(&self) -> Option<String>;
}

/// A Kafka cluster, and the right to change its ACLs.
#[derive(Debug, Clone)]
pub struct AclCluster {
    pub cluster: Cluster,
    pub right: Ownership,
}

impl AclSite for AclCluster {
    fn acls(&self) -> BoxFuture<'_, Result<Option<BTreeSet<AclEntry>>>> {
        async {
            match admin::describe_acls(&self.cluster).await {
                Ok(seen) => Ok(Some(seen.entries)),
                Err(error) if admin::is_without_authorizer(&error) => Ok(None),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn acls_and_permitted<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<Option<AclView>>> {
        async {
            let seen = match admin::describe_acls_and_topics(&self.cluster, topics).await {
                Err(error) if admin::is_without_authorizer(&error) => return Ok(None),
                seen => seen?,
            };
            let permitted = seen.permitted.into_iter();
            let permitted = permitted.map(|(topic, it)| (topic, permitted_of(it)));
            Ok(Some(AclView {
                entries: seen.acls.entries,
                permitted: permitted.collect(),
            }))
        }
        .boxed()
    }

    fn add<'a>(&'a self, entries: &'a [AclEntry]) -> BoxFuture<'a, Result<Vec<(AclEntry, Error)>>> {
        admin::create_acls(&self.cluster, entries, &self.right).boxed()
    }

    fn remove<'a>(
        &'a self,
        entries: &'a [AclEntry],
    ) -> BoxFuture<'a, Result<Vec<(AclEntry, Error)>>> {
        admin::delete_acls(&self.cluster, entries, &self.right).boxed()
    }

    fn grantee(&self) -> Grantee {
        self.cluster.grantee()
    }

    fn own_principal(&self) -> Option<String> {
        self.cluster.own_principal()
    }
}

fn permitted_of(operations: Operations) -> Permitted {
    let all = ON_TOPICS.into_iter();
    all.filter(|it| operations.has(*it)).collect()
}
