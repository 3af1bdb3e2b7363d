//! Judges the permissions on the topics that a link selects, and foreign writes to their mirrors.

use std::collections::BTreeMap;

use crate::error::{BrokerCode, Error};
use crate::kafka::acl::AclOperation;
use crate::kafka::admin::Operations;
use crate::model::{ClusterName, TopicName};

use super::facts::{ClusterFacts, Found, LinkFacts, MirrorFacts, Stranger};
use super::finding::{Finding, advice, grant, listed, problem};
use super::rights::{self, Feature, Side, Subject};

/// Without these operations no record of a source topic can be mirrored.
fn to_read() -> Vec<AclOperation> {
    rights::operations(Feature::Mirroring, Side::Source, Subject::SourceTopics)
}

/// Without these operations no record can be written to a mirror topic.
fn to_write() -> Vec<AclOperation> {
    let on = Subject::MirrorTopics;
    rights::operations_on_existing(Feature::Mirroring, Side::Target, on)
}

/// The operations needed when a source topic changes.
fn to_follow() -> Vec<AclOperation> {
    rights::operations(Feature::Changes, Side::Target, Subject::MirrorTopics)
}

const INVALID_REPLICATION_FACTOR: BrokerCode = BrokerCode(38);

/// Returns the findings about the topics of a link.
pub(super) fn findings(
    link: &LinkFacts,
    found: &Found,
    source: &ClusterFacts,
    target: &ClusterFacts,
) -> Vec<Finding> {
    let subject = format!("link {}", link.name);
    let mut findings = Vec::new();
    let readable = found.topics.iter().map(|(name, it)| (name, it.permitted));
    for (missing, topics) in missing(readable, &to_read()) {
        findings.push(problem(
            &subject,
            not_permitted(&missing, &topics, &link.source),
            grant(source, &missing, &topics),
        ));
    }
    findings.extend(of_mirrors(link, found, target));
    findings.extend(refused_creations(link, found, target));
    findings.extend(found.topics.values().filter_map(|topic| {
        let strangers = strangers(&topic.on_target);
        let first = strangers.first()?;
        Some(foreign(link, &topic.mirror, first, strangers.len() - 1))
    }));
    findings
}

fn of_mirrors(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let subject = format!("link {}", link.name);
    let present = |needed: fn(&MirrorFacts) -> Option<Operations>| {
        let topics = found.topics.values();
        topics.filter_map(move |topic| Some((&topic.mirror, needed(&topic.on_target)?)))
    };
    let text = |missing: &[AclOperation], topics: &[&TopicName]| {
        (
            not_permitted(missing, topics, &link.target),
            grant(target, missing, topics),
        )
    };
    let mut findings = Vec::new();
    for (missing, topics) in missing(present(permitted), &to_write()) {
        let (what, fix) = text(&missing, &topics);
        findings.push(problem(&subject, what, fix));
    }
    for (missing, topics) in missing(present(permitted_or_not_due), &to_follow()) {
        let (what, fix) = text(&missing, &topics);
        let what = format!("{what}, and they have to be changed before they can mirror");
        findings.push(problem(&subject, what, fix));
    }
    for (missing, topics) in missing(present(permitted_or_due), &to_follow()) {
        let (what, fix) = text(&missing, &topics);
        let what =
            format!("{what}: new partitions and changed settings of the source can't be applied");
        findings.push(advice(&subject, what, fix));
    }
    findings
}

fn permitted(mirror: &MirrorFacts) -> Option<Operations> {
    match mirror {
        MirrorFacts::Present { permitted, .. } => Some(*permitted),
        MirrorFacts::Missing { .. } => None,
    }
}

/// Permitted operations and those not due; the others are due but not permitted.
fn permitted_or_not_due(mirror: &MirrorFacts) -> Option<Operations> {
    with(mirror, |is_due| !is_due)
}

/// Permitted operations and those due; the others are neither.
fn permitted_or_due(mirror: &MirrorFacts) -> Option<Operations> {
    with(mirror, |is_due| is_due)
}

fn with(mirror: &MirrorFacts, counts: fn(bool) -> bool) -> Option<Operations> {
    match mirror {
        MirrorFacts::Present { permitted, due, .. } => {
            let mut all = to_follow();
            all.retain(|it| permitted.has(*it) || counts(due.contains(it)));
            Some(Operations::of(&all))
        }
        MirrorFacts::Missing { .. } => None,
    }
}

/// Groups topics by the needed operations that they lack.
fn missing<'a>(
    topics: impl Iterator<Item = (&'a TopicName, Operations)>,
    needed: &[AclOperation],
) -> BTreeMap<Vec<AclOperation>, Vec<&'a TopicName>> {
    let mut lacking: BTreeMap<Vec<AclOperation>, Vec<&TopicName>> = BTreeMap::new();
    for (name, permitted) in topics {
        let missing: Vec<AclOperation> = needed
            .iter()
            .copied()
            .filter(|operation| !permitted.has(*operation))
            .collect();
        if !missing.is_empty() {
            lacking.entry(missing).or_default().push(name);
        }
    }
    lacking
}

fn not_permitted(missing: &[AclOperation], topics: &[&TopicName], cluster: &ClusterName) -> String {
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    format!(
        "not permitted on {cluster}: {} on {}",
        missing.join(", "),
        listed(topics)
    )
}

/// Returns one finding for each kind of refusal, with the message of the first.
fn refused_creations(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let mut refused: BTreeMap<BrokerCode, (&Error, Vec<&TopicName>)> = BTreeMap::new();
    for topic in found.topics.values() {
        if let MirrorFacts::Missing {
            refused: Some(error),
        } = &topic.on_target
        {
            let code = error.code().unwrap_or(BrokerCode(-1));
            let (_, topics) = refused.entry(code).or_insert((error, Vec::new()));
            topics.push(&topic.mirror);
        }
    }
    let told = refused.into_iter().map(|(code, (error, topics))| {
        let what = format!(
            "{} would not create {}: {}",
            link.target,
            listed(&topics),
            error.chain()
        );
        let fix = match code {
            BrokerCode(29 | 31) => grant(target, &[AclOperation::Create], &topics),
            INVALID_REPLICATION_FACTOR => format!(
                "Lower replication_factor of [links.{}], or add brokers to {}.",
                link.name, link.target
            ),
            _ => format!(
                "Change on {} what the message names, or leave the topics out with topics_exclude.",
                link.target
            ),
        };
        problem(&format!("link {}", link.name), what, fix)
    });
    told.collect()
}

fn strangers(mirror: &MirrorFacts) -> &[Stranger] {
    match mirror {
        MirrorFacts::Present { strangers, .. } => strangers,
        MirrorFacts::Missing { .. } => &[],
    }
}

fn foreign(link: &LinkFacts, mirror: &TopicName, first: &Stranger, others: usize) -> Finding {
    let others = match others {
        0 => String::new(),
        others => format!("; partitions like it: {others} more"),
    };
    problem(
        &format!("link {}", link.name),
        format!(
            "somebody else wrote to topic {mirror} on {}: in partition {} {}{others}",
            link.target, first.partition, first.what
        ),
        "Stop the other writer and deny it Write. Then mirror the topic anew (docs/operations.md), leave it out with topics_exclude, or set naming = \"prefix\".",
    )
}
