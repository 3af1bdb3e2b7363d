//! Gathers the facts for `check`. Read-only: nothing is created, altered or committed, except for a scratch topic where
//! offsets are preserved; the checkpoint DB is only read, and only if nobody uses it.

use std::collections::{BTreeMap, BTreeSet};

use crate::clusters::{self, Watched};
use crate::config::{Config, IdleExpression, LinkConfig};
use crate::control::KafkaSite;
use crate::control::topics::cluster::{Look, TopicSite};
use crate::control::topics::configs::TopicConfigs;
use crate::control::topics::plan::{Action, NewMirror, plan};
use crate::control::topics::sight::{Sight, SourceTopic, TargetTopic};
use crate::error::Result;
use crate::kafka::acl::AclOperation;
use crate::kafka::admin::{self, NewTopic, Outdated};
use crate::kafka::client::{Cluster, Slot};
use crate::model::{ClusterName, LinkIdentity, LinkName, OffsetsMode, TopicName};
use crate::telemetry::now_ms;

use super::facts::{ClusterFacts, Facts, Found, LinkFacts, MirrorFacts, Reached, TopicFacts};
use super::history::{self, Remembered};
use super::{acls, circles, journal, limits, preserve, quarantine, record, retention, strangers};

/// Gathers the facts about every cluster and every link.
pub(super) async fn facts(config: &Config) -> Facts {
    // Closed again before anything is asked.
    let remembered = history::remembered(config);
    let clusters = clusters::open(config);
    let mut facts = Facts {
        now: now_ms() / 1_000,
        ..Facts::default()
    };
    for (name, watched) in &clusters {
        facts.clusters.insert(name.clone(), look(watched).await);
    }
    for link in &config.links {
        let reached = |name: &ClusterName| {
            let told = facts.clusters.get(name)?.reached.as_ref().ok()?;
            Some((&clusters.get(name)?.cluster, told))
        };
        let found = match (reached(&link.source), reached(&link.target)) {
            (Some(source), Some(target)) if source.1.id != target.1.id => {
                Some(find(link, source, target, &remembered).await)
            }
            _ => None,
        };
        facts.links.push(LinkFacts {
            name: link.name.clone(),
            source: link.source.clone(),
            target: link.target.clone(),
            fetch_connections: link.fetch_connections,
            found,
        });
    }
    facts.circles = circles::facts(config, &facts);
    facts
}

async fn look(watched: &Watched) -> ClusterFacts {
    let reached = reach(&watched.cluster).await;
    ClusterFacts {
        grantee: watched.cluster.grantee(),
        reached,
        certificates: watched.certificates(),
    }
}

async fn reach(cluster: &Cluster) -> Result<Reached> {
    let id = cluster.cluster_id().await?;
    let metadata = cluster.metadata();
    let mut unreachable = Vec::new();
    let mut outdated = Vec::new();
    for (broker, endpoint) in &metadata.brokers {
        match cluster.connection(*broker, Slot::Control).await {
            Ok(connection) if connection.takes_any_first_sequence() => {}
            Ok(_) => outdated.push(*broker),
            Err(error) => unreachable.push((endpoint.clone(), error)),
        }
    }
    let settings = admin::broker_configs(cluster).await.map(|settings| {
        let told = settings.into_iter();
        told.filter_map(|(name, setting)| Some((name, setting.value?)))
            .collect()
    });
    Ok(Reached {
        id,
        brokers: metadata.brokers.len(),
        unreachable,
        outdated: Outdated::of(outdated),
        settings,
        round_trip: admin::round_trip(cluster).await?,
    })
}

async fn find(
    link: &LinkConfig,
    (source, source_told): (&Cluster, &Reached),
    (target, target_told): (&Cluster, &Reached),
    remembered: &Result<BTreeMap<LinkName, Remembered>>,
) -> Result<Found> {
    let sites = [source, target].map(|it| KafkaSite::new(it.clone()));
    let (on_source, on_target) = tokio::try_join!(sites[0].look(), sites[1].look())?;
    let selected = selected(link, &on_source);
    let groups = admin::list_groups(source).await?;
    let groups = || groups.iter().map(|it| &it.id);
    let sight = sight(
        link,
        &selected,
        (&sites[0], &on_source),
        (&sites[1], &on_target),
    )
    .await?;
    let planned = Planned::new(plan(&sight));
    let mirrors: Vec<TopicName> = sight.target.keys().cloned().collect();
    let identity = LinkIdentity {
        link: link.name.clone(),
        source_cluster_id: source_told.id.clone(),
        target_cluster_id: target_told.id.clone(),
    };
    let readable = admin::topic_operations(source, &selected).await?;
    let writable = admin::topic_operations(target, &mirrors).await?;
    let mut refused = admin::refused_creations(target, &planned.creations).await?;
    let mut strangers = strangers::find(target, &identity, link, &sight.target).await?;
    let topic = |name: &TopicName| {
        let mirror = link.mirror_topic(name);
        let on_target = if sight.target.contains_key(&mirror) {
            MirrorFacts::Present {
                permitted: writable.get(&mirror).copied().unwrap_or_default(),
                due: planned.due.get(&mirror).cloned().unwrap_or_default(),
                strangers: strangers.remove(&mirror).unwrap_or_default(),
            }
        } else {
            let refused = refused.remove(&mirror);
            MirrorFacts::Missing { refused }
        };
        let config = |key: &str| sight.source.get(name)?.configs.get(key);
        let facts = TopicFacts {
            compacted: config("cleanup.policy").is_some_and(|it| it.contains("compact")),
            partitions: on_source.topics[name].partitions,
            permitted: readable.get(name).copied().unwrap_or_default(),
            max_message_bytes: config("max.message.bytes").and_then(|it| it.parse().ok()),
            mirror,
            on_target,
        };
        (name.clone(), facts)
    };
    let topics = selected.iter().map(topic).collect();
    Ok(Found {
        idle_topics: idle_topics(link, &on_source),
        idle_groups: link.groups.idle(groups()),
        preserve: preserve::facts(link, source, target, &topics).await?,
        record: record::facts(link, &identity, target).await,
        quarantine: quarantine::facts(link, target, &selected).await?,
        outlived: retention::outlived(source, &sight).await?,
        unpipelined: unpipelined(source, &sight, target_told).await?,
        journal: journal::facts(link, target).await?,
        acls: acls::facts(link, (source, target), &selected, remembered).await,
        history: history::facts(link, remembered, &identity, &selected, (target, &on_target)).await,
        topics,
        groups: groups().filter(|it| link.groups.matches(it)).count(),
    })
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
    let mirrors: Vec<TopicName> = selected
        .iter()
        .map(|name| link.mirror_topic(name))
        .filter(|mirror| on_target.topics.contains_key(mirror))
        .collect();
    let mut source_configs = source.configs(selected).await?;
    let mut target_configs = target.configs(&mirrors).await?;
    let mut sight = Sight {
        target_brokers: on_target.brokers,
        target_broker_configs: target.broker_config_names().await?,
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
