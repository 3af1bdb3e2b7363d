//! Writes the rights that a configuration takes: as commands, as Strimzi's resources, and as the table of the documents.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::clusters;
use crate::config::Config;
use crate::kafka::acl::{AclOperation, Grantee, PatternType, Resource, ResourceType};
use crate::model::{ClusterName, LinkName};

use super::principals::Principals;
use super::rights::{Grant, Used, Weight, rights};

/// The name of the user where the principal isn't one that Strimzi could create.
const USER: &str = "farshore";

/// The rights as commands for a shell, cluster by cluster; `principals` replace those that the clusters' logins tell.
pub(super) fn commands(config: &Config, principals: &Principals) -> String {
    let grantees = grantees(config, principals);
    let mut text = String::new();
    for (cluster, grants) in by_cluster(config) {
        let Some(grantee) = grantees.get(&cluster) else {
            continue;
        };
        heading(&mut text, &cluster, grantee);
        for grant in grants {
            for line in comments(&grant) {
                add(&mut text, &format!("# {line}"));
            }
            let mark = mark(&grant);
            for alike in alike(&grant.resources) {
                let command = grantee.command(grant.operations.iter().copied(), alike);
                add(&mut text, &format!("{mark}{command}"));
            }
        }
    }
    text
}

/// The rights as a resource `KafkaUser` for each cluster.
pub(super) fn strimzi(config: &Config, principals: &Principals) -> String {
    let grantees = grantees(config, principals);
    let mut text = String::new();
    for (cluster, grants) in by_cluster(config) {
        let Some(grantee) = grantees.get(&cluster) else {
            continue;
        };
        add(&mut text, "---");
        heading(&mut text, &cluster, grantee);
        let user = user(&grantee.principal);
        let head = format!(
            "apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaUser\nmetadata:\n  name: {user}\n  labels:\n    strimzi.io/cluster: {cluster} # the name of the resource Kafka\nspec:\n  authorization:\n    type: simple\n    acls:"
        );
        add(&mut text, &head);
        for grant in grants {
            let mark = mark(&grant);
            for line in comments(&grant) {
                add(&mut text, &format!("      # {line}"));
            }
            for resource in &grant.resources {
                for line in acl(resource, &grant.operations) {
                    add(&mut text, &format!("      {mark}{line}"));
                }
            }
        }
    }
    text
}

/// An entry of `acls`.
fn acl(resource: &Resource, operations: &BTreeSet<AclOperation>) -> Vec<String> {
    let kind = match resource.kind {
        ResourceType::Topic => "topic",
        ResourceType::Group => "group",
        ResourceType::TransactionalId => "transactionalId",
        ResourceType::Cluster => "cluster",
        // None that farshore needs.
        ResourceType::DelegationToken => "delegationToken",
        ResourceType::User => "user",
    };
    let mut lines = vec!["- resource:".to_owned(), format!("    type: {kind}")];
    if resource.kind != ResourceType::Cluster {
        let pattern = match resource.pattern {
            PatternType::Literal => "literal",
            PatternType::Prefixed => "prefix",
        };
        lines.push(format!("    name: {:?}", resource.name));
        lines.push(format!("    patternType: {pattern}"));
    }
    let operations: Vec<String> = operations.iter().map(ToString::to_string).collect();
    lines.push(format!("  operations: [{}]", operations.join(", ")));
    lines
}

fn add(text: &mut String, line: &str) {
    // Writing to a string doesn't fail.
    let _ = writeln!(text, "{line}");
}

fn heading(text: &mut String, cluster: &ClusterName, grantee: &Grantee) {
    add(
        text,
        &format!("# cluster {cluster}, principal User:{}", grantee.principal),
    );
}

/// What a grant is for, who takes it, and what it doesn't express.
fn comments(grant: &Grant) -> Vec<String> {
    let links: Vec<&str> = grant.links.iter().map(LinkName::as_str).collect();
    let links = links.join(", ");
    let purpose = grant.row.purpose;
    let first = match (grant.used, grant.row.weight) {
        (Used::ByHand, _) => format!("{links}: only for use by hand: {purpose}"),
        (Used::Yes, Weight::Needed) => format!("{links}: {purpose}"),
        (Used::Yes, Weight::Optional) => format!(
            "{links}: optional: {purpose}; without: {}",
            grant.row.otherwise
        ),
    };
    let notes = grant.notes.iter().map(|note| format!("note: {note}"));
    std::iter::once(first).chain(notes).collect()
}

/// What is written in front of the lines of a grant: rights that are only for use by hand are comments.
fn mark(grant: &Grant) -> &'static str {
    match grant.used {
        Used::Yes => "",
        Used::ByHand => "# ",
    }
}

/// Resources by pattern: a command has one.
fn alike(resources: &BTreeSet<Resource>) -> Vec<Vec<&Resource>> {
    let of = |pattern| {
        let alike = resources.iter().filter(|it| it.pattern == pattern);
        alike.collect::<Vec<&Resource>>()
    };
    let mut all = vec![of(PatternType::Literal), of(PatternType::Prefixed)];
    all.retain(|it| !it.is_empty());
    all
}

fn by_cluster(config: &Config) -> BTreeMap<ClusterName, Vec<Grant>> {
    let mut grants: BTreeMap<ClusterName, Vec<Grant>> = BTreeMap::new();
    for grant in rights(config) {
        grants.entry(grant.cluster.clone()).or_default().push(grant);
    }
    for grants in grants.values_mut() {
        grants.sort_by_key(|grant| grant.used == Used::ByHand);
    }
    grants
}

/// The principal that each cluster grants them to. Nothing connects.
fn grantees(config: &Config, principals: &Principals) -> BTreeMap<ClusterName, Grantee> {
    let clusters = clusters::open(config, None).into_iter();
    let grantees = clusters.map(|(name, watched)| {
        let mut grantee = watched.cluster.grantee();
        if let Some(given) = principals.of(&name) {
            given.clone_into(&mut grantee.principal);
        }
        (name, grantee)
    });
    grantees.collect()
}

/// The name of the user that has a principal in Strimzi: the name itself, or the common name of a certificate.
fn user(principal: &str) -> String {
    let first = principal.split(',').next().unwrap_or_default();
    let name = first.strip_prefix("CN=").unwrap_or(first);
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        USER.to_owned()
    }
}

#[cfg(test)]
mod tests;
