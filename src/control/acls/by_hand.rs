//! What a cluster needs besides the ACLs of topics, and what isn't carried over: as commands for an operator. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kafka::acl::entry::{AclEntry, Permission};
use crate::kafka::acl::{ALL, AclOperation, Grantee, PatternType, ResourceType, quoted};
use crate::model::TopicName;

use super::desired::LeftOut;

/// How many commands are listed; the others are counted.
const LISTED: usize = 200;

/// Something that an operator carries over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CarriedByHand {
    /// What the source has.
    pub what: String,
    /// Why it isn't carried over.
    pub why: String,
    /// The command for the target, or the one that lists it on the source.
    pub command: String,
}

/// What an operator carries over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ByHand {
    pub items: Vec<CarriedByHand>,
    /// How many more there are.
    pub more: usize,
}

/// The ACLs of both clusters, and what decides which of them concern a link.
#[derive(Debug)]
pub struct BothSides<'a> {
    pub source: &'a BTreeSet<AclEntry>,
    pub target: &'a BTreeSet<AclEntry>,
    /// The mirrored topics, by their names on the source, with the names on the target.
    pub topics: &'a BTreeMap<TopicName, TopicName>,
    /// What isn't carried over of the topics' own entries.
    pub left_out: &'a BTreeMap<AclEntry, LeftOut>,
    pub on_source: &'a Grantee,
    pub on_target: &'a Grantee,
}

/// Lists what isn't carried over, without what the target has already.
///
/// `concerns` tells whether a group is one of the link's, and `renamed` what a name, or the beginning of one, is on the target.
pub fn by_hand(
    sides: &BothSides<'_>,
    concerns: impl Fn(&str) -> bool,
    renamed: impl Fn(&str) -> String,
) -> ByHand {
    let mut items = Vec::new();
    for entry in sides.source {
        let resource = &entry.resource;
        let is_pattern = resource.pattern == PatternType::Prefixed || resource.name == ALL;
        let found = match resource.kind {
            ResourceType::Topic if is_pattern => of_pattern(entry, sides, &renamed),
            ResourceType::Topic => sides
                .left_out
                .get(entry)
                .map(|why| of_topic(entry, *why, &renamed)),
            ResourceType::Group => (is_pattern || concerns(&resource.name))
                .then(|| (entry.clone(), "the ACLs of groups aren't carried over")),
            ResourceType::TransactionalId => Some((
                entry.clone(),
                "the ACLs of transactional ids aren't carried over",
            )),
            ResourceType::Cluster | ResourceType::DelegationToken | ResourceType::User => None,
        };
        if let Some((carried, why)) = found
            && !sides.target.contains(&carried)
        {
            items.push(CarriedByHand {
                what: entry.to_string(),
                why: why.to_owned(),
                command: carried.command(sides.on_target),
            });
        }
    }
    let more = items.len().saturating_sub(LISTED);
    items.truncate(LISTED);
    items.extend(lists(sides.on_source));
    ByHand { items, more }
}

fn of_topic(
    entry: &AclEntry,
    why: LeftOut,
    renamed: &impl Fn(&str) -> String,
) -> (AclEntry, &'static str) {
    let mut carried = entry.clone();
    carried.resource.name = renamed(&entry.resource.name);
    let why = match why {
        LeftOut::Writes => "nobody else writes to a mirror: add it once the topic is opened",
        LeftOut::DeniesLink => "it would keep the link itself from the mirror",
    };
    (carried, why)
}

/// An entry for several topics; `None` if it reaches none of the link's, or only lets somebody write.
fn of_pattern(
    entry: &AclEntry,
    sides: &BothSides<'_>,
    renamed: &impl Fn(&str) -> String,
) -> Option<(AclEntry, &'static str)> {
    if !sides.topics.keys().any(|topic| entry.reaches(topic)) {
        return None;
    }
    let mut carried = entry.clone();
    let resource = &mut carried.resource;
    let is_for_all = resource.pattern == PatternType::Literal;
    let begin = if is_for_all {
        ""
    } else {
        resource.name.as_str()
    };
    let begin = renamed(begin);
    if !begin.is_empty() {
        resource.pattern = PatternType::Prefixed;
        resource.name = begin;
    }
    let why = match (entry.permission, entry.operation) {
        (Permission::Allow, AclOperation::Write) => {
            "it also reaches topics that aren't mirrored; it lets others write to mirrors: add it after a failover"
        }
        (Permission::Allow, AclOperation::All) => {
            carried.operation = AclOperation::Read;
            "it also reaches topics that aren't mirrored; of everything, the command leaves reading"
        }
        _ => "it also reaches topics that aren't mirrored, on either cluster",
    };
    Some((carried, why))
}

/// What has to be looked at on the source itself: passwords can't be read, and quotas depend on the cluster's size.
fn lists(source: &Grantee) -> [CarriedByHand; 2] {
    let list = |what: &str, why: &str, of: &str| CarriedByHand {
        what: what.to_owned(),
        why: why.to_owned(),
        command: format!(
            "kafka-configs.sh --bootstrap-server {} --describe {of}",
            quoted(&source.bootstrap)
        ),
    };
    [
        list(
            "users with SCRAM credentials",
            "brokers tell no passwords: add each with --alter --add-config 'SCRAM-SHA-512=[password=...]'",
            "--entity-type users",
        ),
        list(
            "quotas of clients",
            "what a cluster can bear is its own: set them with --alter --add-config as they fit the target",
            "--entity-type clients",
        ),
    ]
}

#[cfg(test)]
mod tests;
