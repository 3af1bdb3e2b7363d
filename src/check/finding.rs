//! Findings, and the phrases that several of them share. Pure.

use serde::Serialize;

use crate::error::Error;
use crate::kafka::acl::{AclOperation, Resource, ResourceType, is_not_permitted};
use crate::model::TopicName;

use super::facts::ClusterFacts;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// Something won't be mirrored.
    Problem,
    /// It works, but may be slow, or fail in a situation that hasn't occurred yet.
    Advice,
}

/// A problem or an advice, with its fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The part of the configuration concerned: `cluster oslo`, `link paris-oslo`.
    pub(super) subject: String,
    /// What was found.
    pub(super) what: String,
    /// What to do.
    pub(super) fix: String,
}

pub(super) fn problem(subject: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    finding(Severity::Problem, subject, what.into(), fix.into())
}

pub(super) fn advice(subject: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    finding(Severity::Advice, subject, what.into(), fix.into())
}

pub(super) fn finding(severity: Severity, subject: &str, what: String, fix: String) -> Finding {
    Finding {
        severity,
        subject: subject.to_owned(),
        what,
        fix,
    }
}

/// Makes a sentence of a clause.
pub(super) fn sentence(clause: &str) -> String {
    let mut letters = clause.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// The most names listed in one sentence.
const NAMES: usize = 5;

/// The first names, and the number of the others.
pub(super) fn listed(names: &[&impl ToString]) -> String {
    let shown = names.iter().take(NAMES).map(|name| name.to_string());
    let shown: Vec<String> = shown.collect();
    match names.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The command that grants a right if `error` says that one is missing. Other errors show no need of one.
pub(super) fn granted_by(error: &Error, command: impl FnOnce() -> String) -> String {
    match error.code() {
        Some(code) if is_not_permitted(code) => command(),
        _ => "Correct what the message names, then check again.".to_owned(),
    }
}

/// The command that grants farshore `operations` on `topics`.
pub(super) fn grant(
    cluster: &ClusterFacts,
    operations: &[AclOperation],
    topics: &[&TopicName],
) -> String {
    let topics = topics.iter();
    let topics = topics.map(|it| Resource::literal(ResourceType::Topic, it.as_str()));
    let topics: Vec<Resource> = topics.collect();
    cluster.grantee.command(operations.iter().copied(), &topics)
}

/// The command that applies `setting` to all brokers of a cluster.
pub(super) fn set_for_brokers(cluster: &ClusterFacts, setting: &str) -> String {
    format!(
        "kafka-configs.sh --bootstrap-server {} --entity-type brokers --entity-default --alter --add-config {setting}",
        cluster.grantee.bootstrap
    )
}
