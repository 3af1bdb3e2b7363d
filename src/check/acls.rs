//! Judges the care for the ACLs of mirror topics, and shows what it would change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use crate::config::LinkConfig;
use crate::control::acls::cluster::{AclCluster, AclSite};
use crate::control::acls::judge::{Judgement, Observation, for_operator, judge, status};
use crate::control::acls::status::{AclStatus, TopicAcls};
use crate::error::{Kind, Result};
use crate::kafka::client::Cluster;
use crate::model::{LinkName, TopicName};
use crate::task::Ownership;

use super::facts::{AclFacts, Found, LinkFacts};
use super::finding::{Finding, advice, listed, problem};
use super::history::Remembered;

/// Gathers the facts about a link's ACLs; `None` if it doesn't care for them.
pub(super) async fn facts(
    link: &LinkConfig,
    (source, target): (&Cluster, &Cluster),
    selected: &[TopicName],
    remembered: &Result<BTreeMap<LinkName, Remembered>>,
) -> Option<AclFacts> {
    if !link.acls.sync && !link.acls.guard {
        return None;
    }
    let site = |cluster: &Cluster| AclCluster {
        cluster: cluster.clone(),
        right: Ownership::none(),
    };
    let sites = (site(source), site(target));
    Some(AclFacts {
        status: look(link, (&sites.0, &sites.1), selected, remembered).await,
        knows_added: remembered.is_ok(),
    })
}

async fn look(
    link: &LinkConfig,
    (source, target): (&dyn AclSite, &dyn AclSite),
    selected: &[TopicName],
    remembered: &Result<BTreeMap<LinkName, Remembered>>,
) -> Result<Option<AclStatus>> {
    let Some(entries) = target.acls().await? else {
        return Ok(None);
    };
    let topics = selected.iter();
    let topics = topics.map(|topic| (topic.clone(), link.mirror_topic(topic)));
    let (on_source, failure) = match source.acls().await {
        _ if !link.acls.sync => (None, None),
        Ok(Some(entries)) => (Some(entries), None),
        Ok(None) => (None, Some("its brokers have no authorizer".to_owned())),
        Err(error) => (None, Some(error.chain())),
    };
    let seen = Observation {
        topics: topics.collect(),
        source: on_source,
        target: entries,
        permitted: BTreeMap::new(),
        at: Timestamp::now(),
    };
    let known = remembered.as_ref().ok();
    let known = known.and_then(|it| it.get(&link.name));
    let (records, intents) = known.map(|it| it.acls.clone()).unwrap_or_default();
    let own: BTreeSet<String> = target.own_principal().into_iter().collect();
    let judged = judge(link.acls, &seen, &intents, &own, &records);
    let ends = (&source.grantee(), &target.grantee());
    let by_hand = for_operator(link, &seen, &judged, ends);
    let nothing = |_: &Judgement| None;
    Ok(Some(AclStatus {
        source_failure: failure,
        by_hand,
        ..status(link.acls, &seen, judged, nothing)
    }))
}

/// Returns the findings about the ACLs of a link's mirror topics.
pub(super) fn findings(link: &LinkFacts, found: &Found) -> Vec<Finding> {
    let subject = format!("link {}", link.name);
    let Some(facts) = &found.acls else {
        return Vec::new();
    };
    let status = match &facts.status {
        Ok(Some(status)) => status,
        Ok(None) => {
            let what = format!(
                "sync_acls and guard_mirrors have no effect: the brokers of {} have no authorizer",
                link.target
            );
            let fix =
                "Set authorizer.class.name on the brokers, or remove both keys from the link.";
            return vec![problem(&subject, what, fix)];
        }
        Err(error) => {
            let what = format!(
                "its mirror topics' ACLs can't be cared for: {}",
                error.chain()
            );
            let fix = match error.kind() {
                Kind::Broker(_) => {
                    "Grant the right that is named; `farshore check --print-acls` prints all of them."
                }
                _ => "Make the brokers of the target answer.",
            };
            return vec![problem(&subject, what, fix)];
        }
    };
    let mut findings = Vec::new();
    if let Some(failure) = &status.source_failure {
        let what = format!("no ACLs are carried over from {}: {failure}", link.source);
        let fix =
            "Grant farshore Describe on the cluster there, or remove sync_acls from the link.";
        findings.push(problem(&subject, what, fix));
    }
    let mut unguarded: BTreeMap<&str, Vec<&TopicName>> = BTreeMap::new();
    for topic in &status.topics {
        for why in &topic.unguarded {
            unguarded.entry(why).or_default().push(&topic.mirror_topic);
        }
    }
    for (why, topics) in unguarded {
        let what = format!("unguarded: {}: {why}", listed(&topics));
        let fix = "Change these ACLs on the target; until then others may write to the topics.";
        findings.push(advice(&subject, what, fix));
    }
    let by_hand = &status.by_hand;
    if status.sync_acls && !by_hand.items.is_empty() {
        let items: Vec<&String> = by_hand.items.iter().map(|it| &it.what).collect();
        let what = format!("not carried over: {}", listed(&items));
        let fix = "See the commands that `farshore check --plan` prints, and run those that fit.";
        findings.push(advice(&subject, what, fix));
    }
    findings
}

/// What the care for a link's ACLs would do, if that is known.
pub(super) fn planned(link: &LinkFacts) -> Option<&AclStatus> {
    let found = link.found.as_ref()?.as_ref().ok()?;
    found.acls.as_ref()?.status.as_ref().ok()?.as_ref()
}

/// Writes what the care for a link's ACLs would do.
pub(super) fn write_plan(link: &LinkFacts, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Some(status) = planned(link) else {
        return writeln!(f, "\nlink {}: no ACLs are planned", link.name);
    };
    let found = link.found.as_ref().and_then(|it| it.as_ref().ok());
    let knows_added = found.and_then(|it| it.acls.as_ref());
    let knows_added = knows_added.is_some_and(|it| it.knows_added);
    writeln!(
        f,
        "\nlink {}: ACLs on {}, changes {}",
        link.name, link.target, status.pending
    )?;
    if !knows_added {
        writeln!(
            f,
            "  # what the link has added isn't known while its service runs: see GET /v1/links/{}/acls for what is removed",
            link.name
        )?;
    }
    for TopicAcls {
        to_add, to_remove, ..
    } in &status.topics
    {
        for entry in to_add {
            writeln!(f, "  + {entry}")?;
        }
        for entry in to_remove {
            writeln!(f, "  - {entry}")?;
        }
    }
    if !status.by_hand.items.is_empty() {
        writeln!(f, "  by hand:")?;
    }
    for item in &status.by_hand.items {
        writeln!(f, "  # {}: {}", item.what, item.why)?;
        writeln!(f, "  {}", item.command)?;
    }
    match status.by_hand.more {
        0 => Ok(()),
        more => writeln!(f, "  # and {more} more"),
    }
}
