//! The rights that a configuration takes, feature by feature: the one list behind the printed permissions, the table in
//! `docs/security.md`, and the operations that `check` looks for. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, LinkConfig, NamePattern, Naming};
use crate::journal;
use crate::kafka::acl::{AclOperation, Resource, ResourceType};
use crate::model::{ClusterName, DataPath, LinkName, OffsetsMode, Policy, TopicName};
use crate::replicate::transactional_ids;

use super::probe::SCRATCH;

mod rows;
#[cfg(test)]
mod tests;

pub(super) use rows::{
    Feature, ROWS, Row, Side, Subject, Weight, operations, operations_on_existing,
};

/// Whether a link uses a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Used {
    /// Only if an operator orders it.
    ByHand,
    Yes,
}

impl Feature {
    /// Whether a link uses the feature, as far as its configuration tells; `None` if it can't.
    fn used_by(self, link: &LinkConfig) -> Option<Used> {
        let if_set = |is_set: bool| is_set.then_some(Used::Yes);
        let by_policy = |policy| {
            let is_set = link.policies.uses(policy);
            Some(if is_set { Used::Yes } else { Used::ByHand })
        };
        match self {
            Self::Mirroring
            | Self::Changes
            | Self::Groups
            | Self::BrokerSettings
            | Self::Transactions
            | Self::Circles => Some(Used::Yes),
            Self::Journal | Self::JournalPolicy => if_set(link.journal),
            Self::Markers | Self::Prefixes | Self::Probe => {
                if_set(link.offsets == OffsetsMode::Preserve)
            }
            Self::SyncAcls => if_set(link.acls.sync),
            Self::GuardMirrors => if_set(link.acls.guard),
            Self::RecordPath => if_set(link.path == DataPath::Record),
            Self::Quarantine => by_policy(Policy::SkipWithReceipt),
            Self::Reseed => by_policy(Policy::Reseed),
        }
    }
}

/// The resources that a subject is, for one link, and what can't be said in the terms of permissions.
fn resources(subject: Subject, link: &LinkConfig) -> (BTreeSet<Resource>, BTreeSet<String>) {
    use ResourceType::{Group, Topic, TransactionalId};
    let one = |resource| (BTreeSet::from([resource]), BTreeSet::new());
    match subject {
        Subject::SourceTopics => of_patterns(Topic, "topics", link.topics.patterns(), ""),
        Subject::MirrorTopics => {
            let prefix = match link.naming {
                Naming::Identity => TopicName::new(""),
                Naming::Prefix => link.mirror_topic(&TopicName::new("")),
            };
            of_patterns(Topic, "topics", link.topics.patterns(), prefix.as_str())
        }
        Subject::Groups => of_patterns(Group, "groups", link.groups.patterns(), ""),
        Subject::Journal => {
            let name = journal::Topic::name(&link.name);
            one(Resource::literal(Topic, name.as_str()))
        }
        Subject::QuarantineTopic => one(Resource::literal(Topic, link.quarantine_topic.as_str())),
        Subject::ScratchTopics => one(Resource::prefixed(Topic, SCRATCH)),
        Subject::Journals => one(Resource::prefixed(Topic, journal::Topic::PREFIX)),
        Subject::OwnTransactions => {
            let ids = transactional_ids(&link.name);
            one(Resource::prefixed(TransactionalId, ids))
        }
        Subject::AllTransactions => one(Resource::prefixed(TransactionalId, "")),
        Subject::Cluster => one(Resource::cluster()),
    }
}

fn of_patterns(
    kind: ResourceType,
    list: &str,
    (patterns, excludes): (Vec<NamePattern>, bool),
    prefix: &str,
) -> (BTreeSet<Resource>, BTreeSet<String>) {
    let (mut resources, mut notes) = (BTreeSet::new(), BTreeSet::new());
    let mut is_exact = true;
    for pattern in patterns {
        is_exact &= matches!(pattern, NamePattern::Name(_));
        resources.insert(match pattern {
            NamePattern::Name(name) => Resource::literal(kind, format!("{prefix}{name}")),
            NamePattern::Prefix(front) => Resource::prefixed(kind, format!("{prefix}{front}")),
            NamePattern::Other(expression) => {
                notes.insert(format!(
                    "wider than {expression:?} in {list}, which no pattern of an ACL describes; name what it stands for"
                ));
                Resource::prefixed(kind, prefix)
            }
        });
    }
    if excludes && !is_exact {
        notes.insert(format!(
            "includes what {list}_exclude leaves out, because no pattern of an ACL excludes anything"
        ));
    }
    (resources, notes)
}

/// Rights on resources of one cluster.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) cluster: ClusterName,
    /// The links that take them.
    pub(super) links: BTreeSet<LinkName>,
    pub(super) row: &'static Row,
    pub(super) used: Used,
    pub(super) resources: BTreeSet<Resource>,
    pub(super) operations: BTreeSet<AclOperation>,
    /// What can't be said in the terms of permissions.
    pub(super) notes: BTreeSet<String>,
}

/// The rights that farshore needs with a configuration, and no more, by cluster; what is only for use by hand is among them.
pub(super) fn rights(config: &Config) -> Vec<Grant> {
    let mut grants: BTreeMap<(ClusterName, Used, usize), Grant> = BTreeMap::new();
    for link in &config.links {
        for (number, row) in ROWS.iter().enumerate() {
            let Some(used) = row.feature.used_by(link) else {
                continue;
            };
            let cluster = match row.side {
                Side::Source => &link.source,
                Side::Target => &link.target,
            };
            let key = (cluster.clone(), used, number);
            let grant = grants.entry(key).or_insert_with(|| Grant {
                cluster: cluster.clone(),
                links: BTreeSet::new(),
                row,
                used,
                resources: BTreeSet::new(),
                operations: row.operations(),
                notes: BTreeSet::new(),
            });
            let (resources, notes) = resources(row.subject, link);
            grant.links.insert(link.name.clone());
            grant.resources.extend(resources);
            grant.notes.extend(notes);
        }
    }
    least(grants.into_values().collect())
}

/// Leaves out what a cluster's other grants include on the same resources.
fn least(mut grants: Vec<Grant>) -> Vec<Grant> {
    let mut granted: BTreeMap<(ClusterName, Resource), BTreeSet<AclOperation>> = BTreeMap::new();
    for grant in grants.iter().filter(|it| it.used == Used::Yes) {
        for resource in &grant.resources {
            let key = (grant.cluster.clone(), resource.clone());
            granted.entry(key).or_default().extend(&grant.operations);
        }
    }
    for grant in &mut grants {
        let (cluster, resources) = (&grant.cluster, &grant.resources);
        grant.operations.retain(|operation| {
            resources.iter().any(|resource| {
                let mut all = granted.get(&(cluster.clone(), resource.clone())).cloned();
                let all = all.get_or_insert_default();
                all.insert(*operation);
                AclOperation::least(all).contains(operation)
            })
        });
    }
    grants.retain(|grant| !grant.operations.is_empty());
    grants
}
