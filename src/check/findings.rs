//! Judges the facts: reports everything that keeps a link from mirroring, or will at some point, with the fix.
//!
//! Pure.

#[cfg(test)]
mod tests;

use super::facts::Facts;
use super::finding::{Finding, advice, sentence};

/// Returns all findings, problems first.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = super::reach::findings(facts);
    for (name, cluster) in &facts.clusters {
        let due = cluster.certificates.advice(name, facts.now).into_iter();
        findings.extend(
            due.map(|(what, fix)| advice(&format!("cluster {name}"), what, sentence(&fix))),
        );
    }
    for link in &facts.links {
        let (Some(source), Some(target)) = (
            facts.clusters.get(&link.source),
            facts.clusters.get(&link.target),
        ) else {
            continue;
        };
        if let Some(Ok(found)) = &link.found {
            findings.extend(super::history::findings(link, found, target));
            findings.extend(super::selection::findings(link, found));
            findings.extend(super::topics::findings(link, found, source, target));
            findings.extend(super::limits::findings(link, found, source, target));
            findings.extend(super::preserve::findings(link, found, target));
            findings.extend(super::record::findings(link, found, target));
            findings.extend(super::quarantine::findings(link, found, target));
            findings.extend(super::retention::findings(link, found));
            findings.extend(super::journal::findings(link, found, target));
            findings.extend(super::acls::findings(link, found));
        }
    }
    findings.extend(super::circles::findings(facts));
    findings.sort_by_key(|finding| finding.severity);
    findings
}
