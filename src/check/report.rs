//! Formats the findings for people or for programs.

use std::fmt;

use serde_json::{Value, json};

use super::acls;
use super::facts::{ClusterFacts, Facts, LinkFacts};
use super::finding::{Finding, Severity};
use crate::config::ConfigErrors;
use crate::model::{CertificateEnds, time};

/// The report of `check`.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) facts: &'a Facts,
    pub(super) findings: &'a [Finding],
    /// Whether it has the planned changes of ACLs.
    pub(super) shows_plan: bool,
}

impl Report<'_> {
    /// The number of findings that keep something from being mirrored.
    pub(super) fn problems(&self) -> usize {
        let is_problem = |finding: &&Finding| finding.severity == Severity::Problem;
        self.findings.iter().filter(is_problem).count()
    }

    /// The report as JSON.
    pub(super) fn json(&self) -> Value {
        let clusters = self.facts.clusters.iter().map(|(name, cluster)| {
            let reached = cluster.reached.as_ref().ok();
            json!({
                "name": name,
                "reachable": reached.is_some(),
                "id": reached.map(|it| &it.id),
                "brokers": reached.map(|it| it.brokers),
                "unreachable_brokers": reached.map_or_else(Vec::new, |it| {
                    it.unreached.iter().map(|broker| broker.told(name)).collect()
                }),
                "client_certificate_ends": cluster.certificates.client.map(time),
                "server_certificate_ends": cluster.certificates.server.as_ref().map(|it| time(it.1)),
            })
        });
        let links = self.facts.links.iter().map(|link| {
            let counts = counts(link);
            let mut shown = json!({
                "name": link.name,
                "topics": counts.map(|it| it.0),
                "partitions": counts.map(|it| it.1),
                "groups": counts.and_then(|it| it.2),
                "not_known": not_known(link),
            });
            if self.shows_plan {
                shown["acls"] = json!(acls::planned(link));
            }
            shown
        });
        json!({
            "clusters": clusters.collect::<Vec<_>>(),
            "links": links.collect::<Vec<_>>(),
            "problems": self.problems(),
            "findings": self.findings,
        })
    }
}

/// The report about a configuration that can't be used: its problems as findings, and by their places.
pub(super) fn refused(errors: &ConfigErrors) -> Value {
    let file = errors.file().display().to_string();
    let findings = errors.problems().iter().map(|problem| {
        json!({
            "severity": Severity::Problem,
            "subject": format!("configuration {file}"),
            "what": problem.to_string().trim_start(),
            "fix": "Correct the configuration.",
            "line": problem.position.map(|it| it.line),
            "column": problem.position.map(|it| it.column),
            "key": problem.key,
        })
    });
    json!({
        "clusters": [],
        "links": [],
        "problems": errors.problems().len(),
        "findings": findings.collect::<Vec<_>>(),
    })
}

/// The numbers of topics, partitions and groups that a link selects.
fn counts(link: &LinkFacts) -> Option<(usize, i32, Option<usize>)> {
    let found = link.found.as_ref()?.as_ref().ok()?;
    let partitions = found.topics.values().map(|topic| topic.partitions).sum();
    Some((found.topics.len(), partitions, found.groups))
}

/// What isn't known about a link because nobody answered.
fn not_known(link: &LinkFacts) -> Vec<&'static str> {
    let found = link.found.as_ref().and_then(|it| it.as_ref().ok());
    let unknown = found.map(|it| it.unknown.iter().map(|(what, _)| *what));
    unknown.into_iter().flatten().collect()
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, cluster) in &self.facts.clusters {
            writeln!(f, "cluster {name}: {}", summary(cluster))?;
        }
        for link in &self.facts.links {
            write!(
                f,
                "link {}: {} -> {}: ",
                link.name, link.source, link.target
            )?;
            match counts(link) {
                Some((topics, partitions, groups)) => {
                    let groups = groups.map_or("not known".to_owned(), |it| it.to_string());
                    writeln!(
                        f,
                        "topics {topics}, partitions {partitions}, consumer groups {groups}"
                    )?;
                }
                None => writeln!(f, "not checked")?,
            }
        }
        for finding in self.findings {
            let severity = match finding.severity {
                Severity::Problem => "PROBLEM",
                Severity::Advice => "advice",
            };
            writeln!(f, "\n{severity}: {}: {}", finding.subject, finding.what)?;
            writeln!(f, "  fix: {}", finding.fix)?;
        }
        for link in self.facts.links.iter().filter(|_| self.shows_plan) {
            acls::write_plan(link, f)?;
        }
        match self.problems() {
            0 => writeln!(f, "\nno problems found"),
            1 => writeln!(f, "\n1 problem found"),
            problems => writeln!(f, "\n{problems} problems found"),
        }
    }
}

fn summary(cluster: &ClusterFacts) -> String {
    match &cluster.reached {
        Ok(reached) => {
            let unreached = match reached.unreached.len() {
                0 => String::new(),
                number => format!(" ({number} out of reach)"),
            };
            let ends = ends(&cluster.certificates);
            format!(
                "id {}, brokers {}{unreached}{ends}",
                reached.id, reached.brokers
            )
        }
        Err(_) => format!("not reached at {}", cluster.grantee.bootstrap),
    }
}

/// When the certificates end, if there are any.
fn ends(certificates: &CertificateEnds) -> String {
    let server = certificates.server.as_ref();
    let server = server.map(|(_, at)| format!(", certificates until {}", time(*at)));
    let client = certificates.client;
    let client = client.map(|at| format!(", farshore's until {}", time(at)));
    server.into_iter().chain(client).collect()
}

#[cfg(test)]
mod tests;
