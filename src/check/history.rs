//! What a link has mirrored so far, by its checkpoint DB or its journal, and what is left of it on the target.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use crate::checkpoint::intents::load_intents;
use crate::checkpoint::{self, MemoryStore, Store, records};
use crate::config::{Config, LinkConfig, Otherwise};
use crate::control::acls::plan::AclRecords;
use crate::control::acls::sync::stored_acls;
use crate::control::topics::cluster::Look;
use crate::error::{Error, Kind, Result};
use crate::journal;
use crate::kafka::admin;
use crate::kafka::client::Cluster;
use crate::model::{
    LinkIdentity, LinkIntents, LinkName, OffsetsMode, TargetOffset, TopicId, TopicName,
};

use super::facts::{ClusterFacts, Found, HistoryFacts, LinkFacts};
use super::finding::{Finding, Severity, advice, finding, grant, listed, problem};
use super::rights::{self, Feature, Side, Subject};

/// How long reading a journal may take.
const JOURNAL_LIMIT: Duration = Duration::from_secs(10);
/// The file of a checkpoint DB that exists.
const DB_FILE: &str = "db";

/// What a link remembers.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    identity: LinkIdentity,
    /// The topics of which records were mirrored, by their names on the source.
    topics: BTreeMap<TopicName, RememberedTopic>,
    /// The ACLs that it added, and the intents.
    pub(super) acls: (AclRecords, LinkIntents),
}

#[derive(Debug, Clone)]
struct RememberedTopic {
    mirror: TopicName,
    id: TopicId,
    /// How offsets of its partitions relate.
    translates: bool,
    preserves: bool,
}

/// Reads what the links remember from the checkpoint DB, which isn't created.
///
/// Errors: another process uses it, it belongs to another user, or it can't be read.
pub(super) fn remembered(config: &Config) -> Result<BTreeMap<LinkName, Remembered>> {
    let (path, links) = (&config.checkpoint.path, &config.links);
    if !path.join(DB_FILE).exists() {
        return Ok(BTreeMap::new());
    }
    is_own(path)?;
    let store = checkpoint::open(path)?;
    let names = links.iter().map(|link| &link.name);
    let read = names.map(|link| Ok((link.clone(), of_store(&*store, link)?)));
    let read: Result<Vec<_>> = read.collect();
    let known = read?.into_iter();
    Ok(known.filter_map(|(link, it)| Some((link, it?))).collect())
}

/// Opening a DB may create files, which its service couldn't use if they belonged to another user.
fn is_own(path: &Path) -> Result<()> {
    let owner = |path: &Path| std::fs::metadata(path).map(|it| it.uid());
    let owners = owner(path).and_then(|theirs| Ok((theirs, owner(Path::new("/proc/self"))?)));
    let message = match owners {
        Ok((theirs, own)) if theirs == own => return Ok(()),
        Ok((theirs, _)) => format!(
            "the checkpoint DB in {} belongs to another user (id {theirs})",
            path.display()
        ),
        Err(error) => format!("{} can't be accessed: {error}", path.display()),
    };
    Err(Error::new(Kind::Refused, message))
}

fn of_store(store: &dyn Store, link: &LinkName) -> Result<Option<Remembered>> {
    let Some(record) = records::load_link(store, link)? else {
        return Ok(None);
    };
    let reseeds = records::reseeds_of(store, link)?;
    let mut topics = BTreeMap::new();
    for (name, topic) in records::topics_of(store, link)? {
        if !reseeds.contains_key(&name) {
            let known = RememberedTopic {
                mirror: topic.mirror_topic,
                id: topic.target_topic_id,
                translates: false,
                preserves: false,
            };
            topics.insert(name, known);
        }
    }
    for (key, partition) in records::partitions_of(store, link)? {
        let topic = topics.get_mut(&key.topic);
        // What was mirrored to a former topic counts for nothing.
        let current = topic.filter(|it| !it.id.differs_from(partition.target_topic_id));
        // A journal is told of what is about to be sent, and only from time to time of what has landed.
        let was_sent = partition.acked_end > TargetOffset::ZERO || !partition.plans.is_empty();
        if let Some(topic) = current.filter(|_| was_sent) {
            match partition.offsets {
                OffsetsMode::Translate => topic.translates = true,
                OffsetsMode::Preserve => topic.preserves = true,
            }
        }
    }
    topics.retain(|_, topic| topic.translates || topic.preserves);
    Ok(Some(Remembered {
        identity: record.identity,
        topics,
        acls: (stored_acls(store, link)?, load_intents(store, link)?),
    }))
}

/// Compares what a link remembers with what is on its target. Where the DB doesn't have the link, its journal is read.
///
/// Errors: none; what can't be read is unknown.
pub(super) async fn facts(
    link: &LinkConfig,
    stored: &Result<BTreeMap<LinkName, Remembered>>,
    identity: &LinkIdentity,
    selected: &[TopicName],
    (target, on_target): (&Cluster, &Look),
) -> HistoryFacts {
    let in_db = stored.as_ref().ok().and_then(|all| all.get(&link.name));
    let known = match in_db {
        None if link.journal => of_journal(link, target).await,
        known => Ok(known.cloned()),
    };
    let unknown = |error: &Error| HistoryFacts {
        unknown: Some(error.chain()),
        ..HistoryFacts::default()
    };
    match (known, stored) {
        (Ok(Some(known)), _) => {
            let facts = known.judged(link, identity, selected, on_target);
            without_hidden(facts, target).await
        }
        (Ok(None), Ok(_)) => HistoryFacts::default(),
        (Ok(None), Err(error)) => unknown(error),
        (Err(error), _) => unknown(&error),
    }
}

/// Finds out which of the mirrors that seem to be gone may not be seen.
async fn without_hidden(mut facts: HistoryFacts, target: &Cluster) -> HistoryFacts {
    match admin::hidden_topics(target, &facts.gone).await {
        Ok(hidden) => {
            facts.gone.retain(|it| !hidden.contains_key(it));
            facts.hidden = hidden.into_keys().collect();
        }
        Err(error) => facts.unknown = Some(error.chain()),
    }
    facts
}

async fn of_journal(link: &LinkConfig, target: &Cluster) -> Result<Option<Remembered>> {
    let topic = journal::Topic::name(&link.name);
    if !target.metadata().topics.contains_key(&topic) {
        return Ok(None);
    }
    let read = async {
        let contents = journal::contents(target, &link.name).await?;
        let store = MemoryStore::new();
        journal::rebuild(&store, &link.name, contents).await?;
        of_store(&store, &link.name)
    };
    timeout(JOURNAL_LIMIT, read).await.unwrap_or_else(|_| {
        let message = format!("reading the journal {topic} took longer than {JOURNAL_LIMIT:?}");
        Err(Error::new(Kind::TimedOut, message))
    })
}

impl Remembered {
    fn judged(
        &self,
        link: &LinkConfig,
        identity: &LinkIdentity,
        selected: &[TopicName],
        on_target: &Look,
    ) -> HistoryFacts {
        let (was, is) = (&self.identity, identity);
        let ids = [
            (&link.source, &was.source_cluster_id, &is.source_cluster_id),
            (&link.target, &was.target_cluster_id, &is.target_cluster_id),
        ];
        let others = ids.into_iter().filter(|(_, was, is)| was != is);
        let mut facts = HistoryFacts {
            others: others
                .map(|(cluster, was, is)| (cluster.clone(), was.clone(), is.clone()))
                .collect(),
            ..HistoryFacts::default()
        };
        let selected: BTreeSet<&TopicName> = selected.iter().collect();
        let topics = self.topics.iter();
        for (name, topic) in topics.filter(|(name, _)| selected.contains(name)) {
            facts.mirrors += 1;
            let mirror = topic.mirror.clone();
            match on_target.topics.get(&mirror) {
                None => facts.gone.push(mirror),
                Some(seen) if topic.id.differs_from(seen.id) => facts.recreated.push(mirror),
                Some(_) if topic.has_offsets_but(link.offsets) => facts.fixed.push(name.clone()),
                Some(_) => {}
            }
        }
        facts
    }
}

impl RememberedTopic {
    /// Whether offsets of a partition relate otherwise than configured.
    fn has_offsets_but(&self, wanted: OffsetsMode) -> bool {
        match wanted {
            OffsetsMode::Preserve => self.translates,
            OffsetsMode::Translate => self.preserves,
        }
    }
}

/// Returns the findings about what a link has mirrored so far.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let (subject, history) = (format!("link {}", link.name), &found.history);
    if let Some(why) = &history.unknown {
        let what = format!("what it has mirrored so far isn't known here: {why}");
        let fix = "If the service is running, ask it (farshore status); otherwise check as the service's user.";
        return vec![advice(&subject, what, fix)];
    }
    if !history.others.is_empty() {
        let others = history.others.iter().map(|(cluster, was, is)| {
            let what = format!("it belongs to a cluster with id {was}, but {cluster} has id {is}");
            let fix = "Correct the addresses, or give the new cluster a link of its own name.";
            problem(&subject, what, fix)
        });
        return others.collect();
    }
    let mut findings = lost(&subject, link, history);
    findings.extend(hidden(&subject, link, history, target));
    findings.extend(fixed(&subject, link, found));
    findings
}

/// Mirror topics that aren't what they were.
fn lost(subject: &str, link: &LinkFacts, history: &HistoryFacts) -> Vec<Finding> {
    let target = &link.target;
    let anew = reseed(link);
    let lost = history.gone.len() + history.recreated.len();
    if lost > 0 && lost == history.mirrors {
        let what = format!(
            "{target} seems to have been wiped: of {lost} topics mirrored so far none has its mirror there any more"
        );
        let fix = format!(
            "If the data is gone for good, mirror the topics anew once the service runs: {anew}. Otherwise restore it."
        );
        return vec![problem(subject, what, fix)];
    }
    let each = [
        (&history.gone, "gone"),
        (&history.recreated, "created again"),
    ];
    let each = each.into_iter().filter(|(names, _)| !names.is_empty());
    let told = each.map(|(names, how)| {
        let names: Vec<&TopicName> = names.iter().collect();
        let what = format!(
            "mirror topics on {target} will stand still ({how}): {}",
            listed(&names)
        );
        problem(
            subject,
            what,
            format!("Mirror them anew once the service runs: {anew}."),
        )
    });
    told.collect()
}

/// Mirror topics that may not be seen.
fn hidden(
    subject: &str,
    link: &LinkFacts,
    history: &HistoryFacts,
    target: &ClusterFacts,
) -> Option<Finding> {
    let topics: Vec<&TopicName> = history.hidden.iter().collect();
    let operations =
        rights::operations_on_existing(Feature::Mirroring, Side::Target, Subject::MirrorTopics);
    (!topics.is_empty()).then(|| {
        let what = format!(
            "mirror topics on {} may not be seen: {}",
            link.target,
            listed(&topics)
        );
        problem(subject, what, grant(target, &operations, &topics))
    })
}

/// Topics whose offsets stay as they were first mirrored, whatever is configured.
fn fixed(subject: &str, link: &LinkFacts, found: &Found) -> Option<Finding> {
    let topics: Vec<&TopicName> = found.history.fixed.iter().collect();
    if topics.is_empty() {
        return None;
    }
    let topics = listed(&topics);
    let (severity, what) = match found.preserve.as_ref().map(|it| it.limits.otherwise) {
        Some(Otherwise::Refuse) => (
            Severity::Problem,
            format!(
                "topics mirrored with an offset map already will stand still, because their offsets can't be preserved: {topics}"
            ),
        ),
        Some(Otherwise::Translate) => (
            Severity::Advice,
            format!(
                "topics mirrored with an offset map already keep it, their offsets won't be preserved: {topics}"
            ),
        ),
        None => (
            Severity::Advice,
            format!(
                "topics mirrored with preserved offsets already keep them, whatever offsets says: {topics}"
            ),
        ),
    };
    let fix = format!(
        "To change them, mirror them anew once the service runs: {}.",
        reseed(link)
    );
    Some(finding(severity, subject, what, fix))
}

fn reseed(link: &LinkFacts) -> String {
    format!(
        "farshore resolve --link {} --topic T --with reseed (docs/operations.md)",
        link.name
    )
}

#[cfg(test)]
mod tests;
