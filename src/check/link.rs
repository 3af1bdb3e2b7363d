//! Gathers the facts about a link that are found on its clusters.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{IdleExpression, LinkConfig};
use crate::control::KafkaSite;
use crate::control::topics::cluster::{Look, TopicSite};
use crate::control::topics::configs::TopicConfigs;
use crate::control::topics::plan::{Action, NewMirror, plan};
use crate::control::topics::sight::{Sight, SourceTopic, TargetTopic};
use crate::error::{Error, Result};
use crate::kafka::acl::AclOperation;
use crate::kafka::admin::{self, NewTopic, Operations};
use crate::kafka::client::Cluster;
use crate::model::{LinkIdentity, LinkName, OffsetsMode, TopicName};

use super::deadline::{Deadline, Stage};
use super::facts::{Found, MirrorFacts, Reached, Sides, Stranger, TopicFacts};
use super::history::{self, Remembered};
use super::{acls, journal, limits, preserve, quarantine, record, retention, strangers};

/// Collects what isn't answered.
#[derive(Default)]
struct Unknown(Vec<(&'static str, Error)>);

impl Unknown {
    /// Returns what was answered, or nothing, and notes `what` isn't known then.
    fn take<T: Default>(&mut self, what: &'static str, answer: Result<T>) -> T {
        answer.unwrap_or_else(|error| {
            self.0.push((what, error));
            T::default()
        })
    }
}

/// Gathers what is found on both clusters. A question that isn't answered leaves its own facts unknown, and no others.
///
/// Errors: a cluster doesn't say which topics it has.
pub(super) async fn find(
    link: &LinkConfig,
    sides: Sides<'_>,
    remembered: &Result<BTreeMap<LinkName, Remembered>>,
    deadline: Deadline,
) -> Result<Found> {
    let ((source, source_told), (target, target_told)) = (sides.source, sides.target);
    let on_sites = (
        KafkaSite::new(source.clone()),
        KafkaSite::new(target.clone()),
    );
    let looks = async { tokio::try_join!(on_sites.0.look(), on_sites.1.look()) };
    let (on_source, on_target) = deadline.keep(Stage::All, looks).await?;
    let selected = selected(link, &on_source);
    let identity = LinkIdentity {
        link: link.name.clone(),
        source_cluster_id: source_told.id.clone(),
        target_cluster_id: target_told.id.clone(),
    };
    let of_history = history::facts(link, remembered, &identity, &selected, (target, &on_target));
    let of_acls = acls::facts(link, (source, target), &selected, remembered);
    let of_record = record::facts(link, &identity, target, deadline.left(Stage::Probe));
    let seen = ((&on_sites.0, &on_source), (&on_sites.1, &on_target));
    let of_topics = topics(link, sides, seen, (&identity, &selected), deadline);
    let (topics, groups, record, quarantine, journal, history, acls) = tokio::join!(
        Box::pin(of_topics),
        deadline.keep(Stage::All, admin::list_groups(source)),
        deadline.keep(Stage::All, async { Ok(of_record.await) }),
        deadline.keep(Stage::All, quarantine::facts(link, target, &selected)),
        deadline.keep(Stage::All, journal::facts(link, target)),
        deadline.keep(Stage::All, async { Ok(of_history.await) }),
        deadline.keep(Stage::All, async { Ok(of_acls.await) }),
    );
    let (mut found, mut unknown) = topics;
    found.idle_topics = idle_topics(link, &on_source);
    if let Some(groups) = known(&mut unknown, "consumer groups", groups) {
        let ids = || groups.iter().map(|it| &it.id);
        found.idle_groups = link.groups.idle(ids());
        found.groups = Some(ids().filter(|it| link.groups.matches(it)).count());
    }
    found.record = unknown.take("the record path", record);
    found.quarantine = unknown.take("the quarantine topic", quarantine);
    found.journal = unknown.take("the journal", journal);
    found.history = unknown.take("what was mirrored so far", history);
    found.acls = unknown.take("the ACLs of mirror topics", acls);
    found.unknown = unknown.0;
    Ok(found)
}

/// A cluster as the store of topics, with what was seen there.
type Seen<'a> = (&'a KafkaSite, &'a Look);

/// Gathers what there is to find out about the selected topics and their mirrors.
async fn topics(
    link: &LinkConfig,
    sides: Sides<'_>,
    (on_source, on_target): (Seen<'_>, Seen<'_>),
    (identity, selected): (&LinkIdentity, &[TopicName]),
    deadline: Deadline,
) -> (Found, Unknown) {
    let ((source, _), (target, target_told)) = (sides.source, sides.target);
    let mirrors = mirrors(link, selected, on_target.1);
    let (sight, readable, writable) = tokio::join!(
        deadline.keep(Stage::All, sight(link, selected, on_source, on_target)),
        deadline.keep(Stage::All, admin::topic_operations(source, selected)),
        deadline.keep(Stage::All, admin::topic_operations(target, &mirrors)),
    );
    let mut unknown = Unknown::default();
    let sight = known(&mut unknown, "the settings of topics", sight);
    let planned = Planned::new(sight.as_ref().map(plan).unwrap_or_default());
    let sight = sight.unwrap_or_default();
    let (refused, strangers, outlived, unpipelined) = tokio::join!(
        deadline.keep(
            Stage::All,
            admin::refused_creations(target, &planned.creations)
        ),
        deadline.keep(
            Stage::All,
            strangers::find(target, identity, link, &sight.target)
        ),
        deadline.keep(Stage::All, retention::outlived(source, &sight)),
        deadline.keep(Stage::All, unpipelined(source, &sight, target_told)),
    );
    let permitted = Permitted {
        readable: known(&mut unknown, "permissions on source topics", readable),
        writable: known(&mut unknown, "permissions on mirror topics", writable),
    };
    let mut target_facts = OnTarget {
        mirrors: mirrors.into_iter().collect(),
        refused: unknown.take("whether mirror topics would be created", refused),
        strangers: unknown.take("foreign records in mirror topics", strangers),
    };
    let topics = selected.iter().map(|name| {
        let partitions = on_source.1.topics[name].partitions;
        let facts = (link, &sight, &planned, &permitted);
        let topic = topic(name, partitions, facts, &mut target_facts);
        (name.clone(), topic)
    });
    let topics = topics.collect();
    let preserve = preserve::facts(link, sides, &topics, deadline);
    let preserve = deadline.keep(Stage::All, preserve).await;
    let found = Found {
        preserve: unknown.take("whether offsets can be preserved", preserve),
        outlived: unknown.take("the age of records", outlived),
        unpipelined: unknown.take("the age of records to mirror", unpipelined),
        topics,
        ..Found::default()
    };
    (found, unknown)
}

/// What was answered; notes `what` as unknown otherwise.
fn known<T>(unknown: &mut Unknown, what: &'static str, answer: Result<T>) -> Option<T> {
    unknown.take(what, answer.map(Some))
}

/// What farshore may do with topics, as far as it is known.
struct Permitted {
    readable: Option<BTreeMap<TopicName, Operations>>,
    writable: Option<BTreeMap<TopicName, Operations>>,
}

impl Permitted {
    /// What is permitted on a topic, which lacks nothing if that isn't known.
    fn on(known: Option<&BTreeMap<TopicName, Operations>>, topic: &TopicName) -> Operations {
        known.map_or(Operations::UNKNOWN, |all| {
            all.get(topic).copied().unwrap_or_default()
        })
    }
}

/// What was found on the target about mirror topics.
struct OnTarget {
    mirrors: BTreeSet<TopicName>,
    refused: BTreeMap<TopicName, Error>,
    strangers: BTreeMap<TopicName, Vec<Stranger>>,
}

fn topic(
    name: &TopicName,
    partitions: i32,
    (link, sight, planned, permitted): (&LinkConfig, &Sight, &Planned, &Permitted),
    found: &mut OnTarget,
) -> TopicFacts {
    let mirror = link.mirror_topic(name);
    let on_target = if found.mirrors.contains(&mirror) {
        MirrorFacts::Present {
            permitted: Permitted::on(permitted.writable.as_ref(), &mirror),
            due: planned.due.get(&mirror).cloned().unwrap_or_default(),
            strangers: found.strangers.remove(&mirror).unwrap_or_default(),
        }
    } else {
        let refused = found.refused.remove(&mirror);
        MirrorFacts::Missing { refused }
    };
    let config = |key: &str| sight.source.get(name)?.configs.get(key);
    TopicFacts {
        compacted: config("cleanup.policy").is_some_and(|it| it.contains("compact")),
        partitions,
        permitted: Permitted::on(permitted.readable.as_ref(), name),
        max_message_bytes: config("max.message.bytes").and_then(|it| it.parse().ok()),
        mirror,
        on_target,
    }
}

/// The mirrors that exist, of these topics.
fn mirrors(link: &LinkConfig, selected: &[TopicName], on_target: &Look) -> Vec<TopicName> {
    let mirrors = selected.iter().map(|name| link.mirror_topic(name));
    let present = mirrors.filter(|mirror| on_target.topics.contains_key(mirror));
    present.collect()
}

/// The topics of the source that the link selects.
fn selected(link: &LinkConfig, on_source: &Look) -> Vec<TopicName> {
    let topics = on_source.topics.iter();
    let selected = topics.filter(|(name, seen)| link.topics.takes(name, seen.is_internal));
    selected.map(|(name, _)| name.clone()).collect()
}

async fn unpipelined(
    source: &Cluster,
    sight: &Sight,
    target: &Reached,
) -> Result<BTreeMap<TopicName, i64>> {
    let settings = target.settings.as_ref().ok();
    match settings.and_then(limits::producer_memory_ms) {
        Some(memory) => retention::unpipelined(source, sight, memory).await,
        None => Ok(BTreeMap::new()),
    }
}

fn idle_topics(link: &LinkConfig, on_source: &Look) -> Vec<IdleExpression<TopicName>> {
    let topics = on_source.topics.iter();
    link.topics
        .idle(topics.map(|(name, seen)| (name, seen.is_internal)))
}

/// What topic discovery would see without stored state; a topic whose settings can't be read is left out.
async fn sight(
    link: &LinkConfig,
    selected: &[TopicName],
    (source, on_source): (&KafkaSite, &Look),
    (target, on_target): (&KafkaSite, &Look),
) -> Result<Sight> {
    let mirrors = mirrors(link, selected, on_target);
    let mut source_configs = source.configs(selected).await?;
    let mut target_configs = target.configs(&mirrors).await?;
    let mut sight = Sight {
        target_brokers: on_target.brokers,
        target_broker_configs: target.broker_config_names().await?,
        left_alone: link.excluded_settings.left_alone(),
        replication_factor: link.replication_factor,
        preserves: link.offsets == OffsetsMode::Preserve,
        ..Sight::default()
    };
    for name in selected {
        if let Some(Ok(configs)) = source_configs.remove(name) {
            let seen = on_source.topics[name];
            let topic = SourceTopic {
                target_name: link.mirror_topic(name),
                id: seen.id,
                partitions: seen.partitions,
                replication_factor: seen.replication_factor,
                configs,
            };
            sight.source.insert(name.clone(), topic);
        }
    }
    for mirror in mirrors {
        let seen = on_target.topics[&mirror];
        let told: Option<TopicConfigs> = target_configs.remove(&mirror).and_then(Result::ok);
        let topic = TargetTopic {
            id: seen.id,
            partitions: seen.partitions,
            configs: told.unwrap_or_default(),
        };
        sight.target.insert(mirror, topic);
    }
    Ok(sight)
}

/// The changes that topic discovery would make on the target.
#[derive(Default)]
struct Planned {
    creations: Vec<NewTopic>,
    due: BTreeMap<TopicName, BTreeSet<AclOperation>>,
}

impl Planned {
    fn new(actions: Vec<Action>) -> Self {
        let mut planned = Self::default();
        for action in actions {
            match action {
                Action::CreateTopic { mirror, .. } => planned.creations.push(new_topic(mirror)),
                Action::CreatePartitions { target, .. } => planned.due(target, AclOperation::Alter),
                Action::AlterConfigs { target, .. } => {
                    planned.due(target, AclOperation::AlterConfigs);
                }
                // Requires stored state, of which there is none here.
                Action::DeleteTopic { .. } | Action::Conflict { .. } => {}
            }
        }
        planned
    }

    fn due(&mut self, mirror: TopicName, operation: AclOperation) {
        self.due.entry(mirror).or_default().insert(operation);
    }
}

fn new_topic(mirror: NewMirror) -> NewTopic {
    NewTopic {
        name: mirror.name,
        partitions: mirror.partitions,
        replication_factor: mirror.replication_factor,
        configs: mirror.configs,
    }
}
