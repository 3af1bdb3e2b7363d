//! Judges what was found out: each thing that keeps a link from mirroring, or will one day, with what to do about it.
//!
//! Pure.

mod journal;
mod limits;
mod preserve;
mod quarantine;
mod reach;
mod record;
mod retention;
#[cfg(test)]
mod tests;
mod topics;

use serde::Serialize;

use super::facts::{ClusterFacts, Facts};
use crate::kafka::admin::Operation;
use crate::model::TopicName;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// Something won't be mirrored.
    Problem,
    /// It works, but could be slow or end badly in a case that hasn't come.
    Advice,
}

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// How bad it is.
    pub(super) severity: Severity,
    /// Which part of the configuration it concerns: `cluster oslo`, `link paris-oslo`.
    pub(super) subject: String,
    /// What was found.
    pub(super) what: String,
    /// What to do.
    pub(super) fix: String,
}

/// Everything worth telling, problems first.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = reach::findings(facts);
    for link in &facts.links {
        let (Some(source), Some(target)) = (
            facts.clusters.get(&link.source),
            facts.clusters.get(&link.target),
        ) else {
            continue;
        };
        if let Some(Ok(found)) = &link.found {
            findings.extend(topics::findings(link, found, source, target));
            findings.extend(limits::findings(link, found, source, target));
            findings.extend(preserve::findings(link, found, target));
            findings.extend(record::findings(link, found, target));
            findings.extend(quarantine::findings(link, found, target));
            findings.extend(retention::findings(link, found));
            findings.extend(journal::findings(link, found, target));
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn problem(subject: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    finding(Severity::Problem, subject, what.into(), fix.into())
}

fn advice(subject: &str, what: impl Into<String>, fix: impl Into<String>) -> Finding {
    finding(Severity::Advice, subject, what.into(), fix.into())
}

fn finding(severity: Severity, subject: &str, what: String, fix: String) -> Finding {
    Finding {
        severity,
        subject: subject.to_owned(),
        what,
        fix,
    }
}

/// How many names a sentence holds.
const NAMES: usize = 5;

/// Some names, and how many more there are.
fn listed(names: &[&TopicName]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES).map(|name| name.as_str()).collect();
    match names.len().saturating_sub(NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The command that grants operations on topics.
fn grant(cluster: &ClusterFacts, operations: &[Operation], topics: &[&TopicName]) -> String {
    let operations = operations.iter().map(|it| format!("--operation {it}"));
    let topics = topics.iter().map(|it| format!("--topic {it}"));
    let options: Vec<String> = operations.chain(topics).collect();
    cluster.grant(&options.join(" "))
}

/// The command that sets something for all brokers of a cluster.
fn set_for_brokers(cluster: &ClusterFacts, setting: &str) -> String {
    format!(
        "kafka-configs.sh --bootstrap-server {} --entity-type brokers --entity-default --alter --add-config {setting}",
        cluster.bootstrap
    )
}
