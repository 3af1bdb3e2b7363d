//! Plans the changes to the target that give every selected source topic a mirror that can hold it.
//!
//! Promises: decides from one sight of both clusters and what is stored in the checkpoint DB; never shrinks a topic, and
//! never deletes or re-creates a mirror topic that held records unless a reseed was decided. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{HaltCode, KnownTopic, MirrorSet, MirroredTopic, Reason, TopicId, TopicName};

use super::configs::{self, TopicConfigs};

#[cfg(test)]
mod tests;

/// A selected topic as seen on the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceTopic {
    /// The name of its mirror topic.
    pub target_name: TopicName,
    pub id: TopicId,
    pub partitions: i32,
    pub replication_factor: i16,
    /// The effective configs.
    pub configs: TopicConfigs,
}

/// A topic as seen on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetTopic {
    pub id: TopicId,
    pub partitions: i32,
    /// The effective configs.
    pub configs: TopicConfigs,
}

/// One sight of both clusters, with what is stored.
#[derive(Debug, Clone, Default)]
pub struct Sight {
    /// The selected topics of the source.
    pub source: BTreeMap<TopicName, SourceTopic>,
    /// The target's topics, by their names there.
    pub target: BTreeMap<TopicName, TargetTopic>,
    /// What the checkpoint DB stores about selected topics, by source name.
    pub known: BTreeMap<TopicName, KnownTopic>,
    /// The number of brokers of the target.
    pub target_brokers: usize,
    /// The config names of the target's brokers.
    pub target_broker_configs: BTreeSet<String>,
    /// The replication factor configured for the link, if any.
    pub replication_factor: Option<i16>,
    /// The number of partitions that the link's very first look found on the source.
    pub initial: BTreeMap<TopicName, i32>,
    /// Source topics whose mirror was created during this look.
    pub created: BTreeSet<TopicName>,
    /// Whether offsets are preserved where nothing is mirrored yet.
    pub preserves: bool,
    /// Source topics whose history is mirrored in all partitions.
    pub live: BTreeSet<TopicName>,
    /// Source topics that can't be mirrored because an authorization is missing, with the cluster's error.
    pub not_permitted: BTreeMap<TopicName, String>,
    /// Topics whose policy is to continue with another source topic of the same name.
    pub follows: BTreeSet<TopicName>,
    /// Source topics whose mirror is being reseeded, with the id of the mirror topic that is given up.
    pub reseeds: BTreeMap<TopicName, TopicId>,
    /// The topics in `reseeds` whose partitions have stopped.
    pub stopped: BTreeSet<TopicName>,
}

/// A mirror topic to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMirror {
    pub name: TopicName,
    pub partitions: i32,
    pub replication_factor: i16,
    pub configs: TopicConfigs,
}

/// One change to make on the target, or the reason to leave a topic alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Create a mirror topic.
    CreateTopic {
        source: TopicName,
        mirror: NewMirror,
    },
    /// Extend a mirror topic.
    CreatePartitions {
        source: TopicName,
        /// The mirror topic.
        target: TopicName,
        /// The number of partitions in total.
        count: i32,
    },
    /// Change configs of a mirror topic.
    AlterConfigs {
        source: TopicName,
        /// The mirror topic.
        target: TopicName,
        changes: TopicConfigs,
    },
    /// Delete a mirror topic, to create it anew afterwards.
    DeleteTopic {
        source: TopicName,
        /// The mirror topic.
        target: TopicName,
    },
    /// Leave the topic alone until an operator decides.
    Conflict { source: TopicName, reason: Reason },
}

impl Action {
    /// The source topic concerned.
    pub fn source(&self) -> &TopicName {
        match self {
            Self::CreateTopic { source, .. }
            | Self::CreatePartitions { source, .. }
            | Self::AlterConfigs { source, .. }
            | Self::DeleteTopic { source, .. }
            | Self::Conflict { source, .. } => source,
        }
    }
}

/// Plans the actions, topic by topic in name order.
pub fn plan(sight: &Sight) -> Vec<Action> {
    let mut actions = Vec::new();
    for name in sight.names() {
        if sight.reseeds.contains_key(name) && !sight.is_recreated(name) {
            plan_recreation(sight, name, &mut actions);
        } else if let Some(reason) = conflict(sight, name) {
            let source = name.clone();
            actions.push(Action::Conflict { source, reason });
        } else if let Some(source) = sight.source.get(name)
            && !sight.not_permitted.contains_key(name)
        {
            plan_topic(sight, name, source, &mut actions);
        }
    }
    actions
}

/// Deletes a mirror topic that is given up once its writers have stopped, and creates it again once it is gone.
fn plan_recreation(sight: &Sight, name: &TopicName, actions: &mut Vec<Action>) {
    let Some(source) = sight.source.get(name) else {
        return;
    };
    if !sight.target.contains_key(&source.target_name) {
        plan_topic(sight, name, source, actions);
    } else if sight.stopped.contains(name) {
        actions.push(Action::DeleteTopic {
            source: name.clone(),
            target: source.target_name.clone(),
        });
    }
}

fn plan_topic(sight: &Sight, name: &TopicName, source: &SourceTopic, actions: &mut Vec<Action>) {
    let (topic, target) = (name.clone(), source.target_name.clone());
    let Some(existing) = sight.target.get(&target) else {
        let mirror = NewMirror {
            name: target,
            partitions: source.partitions,
            replication_factor: replication_factor(sight, source),
            configs: initial(sight, source),
        };
        actions.push(Action::CreateTopic {
            source: topic,
            mirror,
        });
        return;
    };
    // Configs first: records in a new partition may need the raised limits immediately.
    let changes = changes(sight, name, source, existing);
    if !changes.is_empty() {
        actions.push(Action::AlterConfigs {
            source: topic,
            target: target.clone(),
            changes,
        });
    }
    if existing.partitions < source.partitions {
        actions.push(Action::CreatePartitions {
            source: name.clone(),
            target,
            count: source.partitions,
        });
    }
}

fn initial(sight: &Sight, source: &SourceTopic) -> TopicConfigs {
    let configs = configs::initial(&source.configs, &sight.target_broker_configs);
    if sight.preserves {
        configs::uncompacted(configs)
    } else {
        configs
    }
}

fn changes(
    sight: &Sight,
    name: &TopicName,
    source: &SourceTopic,
    existing: &TargetTopic,
) -> TopicConfigs {
    let changes = configs::changes(
        &source.configs,
        &existing.configs,
        &sight.target_broker_configs,
    );
    let waits = sight.preserves && configs::compacts(&changes);
    match (waits, sight.live.contains(name)) {
        (true, true) => configs::late_changes(changes, &source.configs),
        (true, false) => configs::early_changes(changes),
        (false, _) => changes,
    }
}

fn replication_factor(sight: &Sight, source: &SourceTopic) -> i16 {
    let brokers = i16::try_from(sight.target_brokers).unwrap_or(i16::MAX);
    sight
        .replication_factor
        .unwrap_or_else(|| source.replication_factor.min(brokers).max(1))
}

/// The reason a topic must not be touched, if any.
fn conflict(sight: &Sight, name: &TopicName) -> Option<Reason> {
    let known = sight.known.get(name)?;
    if sight.reseeds.contains_key(name) {
        let reason = || {
            let message = "the mirror topic is being created anew, as decided";
            Reason::new(HaltCode::TargetTopicMissing, message)
        };
        return (!sight.is_recreated(name)).then(reason);
    }
    let Some(source) = sight.source.get(name) else {
        let message = format!(
            "topic {name} is gone from the source, or DESCRIBE on it is no longer permitted"
        );
        return Some(Reason::new(HaltCode::SourceTopicMissing, message));
    };
    let (was, is) = (known.source_id, source.id);
    // Where both topic ids are known, a topic with fewer partitions shows by its new id.
    let shrunk = source.partitions < known.partitions && !(was.is_known() && is.is_known());
    if (differ(was, is) || shrunk) && !sight.follows.contains(name) {
        let message = format!(
            "source topic {name} was created again: id {was} with {} partitions before, {is} with {} now",
            known.partitions, source.partitions
        );
        return Some(Reason::new(HaltCode::SourceRecreated, message));
    }
    let Some(target) = sight.target.get(&known.target_name) else {
        let message = format!(
            "mirror topic {} is gone from the target, or DESCRIBE on it is no longer permitted",
            known.target_name
        );
        return Some(Reason::new(HaltCode::TargetTopicMissing, message));
    };
    let (was, is) = (known.target_id, target.id);
    differ(was, is).then(|| {
        let message = format!(
            "mirror topic {} was created again: id {was} before, {is} now",
            known.target_name
        );
        Reason::new(HaltCode::TargetRecreated, message)
    })
}

/// Whether two ids prove that there were two topics; brokers without topic ids can't tell them apart.
fn differ(was: TopicId, is: TopicId) -> bool {
    was.is_known() && is.is_known() && was != is
}

impl Sight {
    /// Stored topics that are missing on the source, or whose mirror is missing on the target.
    pub fn gone(&self) -> BTreeSet<TopicName> {
        let is_gone = |(name, known): &(&TopicName, &KnownTopic)| {
            !self.source.contains_key(*name) || !self.target.contains_key(&known.target_name)
        };
        self.known
            .iter()
            .filter(is_gone)
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Whether the mirror of a topic is no longer the one that is given up.
    fn is_recreated(&self, name: &TopicName) -> bool {
        let target = self
            .source
            .get(name)
            .and_then(|it| self.target.get(&it.target_name));
        let former = self.reseeds.get(name);
        target
            .zip(former)
            .is_some_and(|(target, former)| differ(*former, target.id))
    }

    /// Topics whose mirror was created anew.
    pub fn recreated(&self) -> impl Iterator<Item = &TopicName> {
        self.reseeds.keys().filter(|name| self.is_recreated(name))
    }

    /// Selected topics, present or stored.
    fn names(&self) -> BTreeSet<&TopicName> {
        self.source.keys().chain(self.known.keys()).collect()
    }

    /// The set that can be mirrored now: a topic or partition without a mirror waits for the next look.
    pub fn mirror_set(&self) -> MirrorSet {
        let topic = |name: &TopicName| {
            let mirrored = match (conflict(self, name), self.known.get(name)) {
                (Some(reason), Some(known)) => known.mirrored(Some(reason)),
                (Some(_) | None, _) => self.mirrored(name)?,
            };
            Some((name.clone(), mirrored))
        };
        MirrorSet {
            confirmed: true,
            topics: self.names().into_iter().filter_map(topic).collect(),
        }
    }

    fn mirrored(&self, name: &TopicName) -> Option<MirroredTopic> {
        let source = self.source.get(name)?;
        let refused = self.not_permitted.get(name);
        let (target_id, partitions) = match (self.target.get(&source.target_name), refused) {
            (Some(target), _) => (target.id, source.partitions.min(target.partitions)),
            (None, Some(_)) => (TopicId::NONE, source.partitions),
            (None, None) => return None,
        };
        Some(MirroredTopic {
            source_id: source.id,
            target_name: source.target_name.clone(),
            target_id,
            partitions,
            initial_partitions: self.initial.get(name).copied().unwrap_or(0),
            reseeded: if self.is_recreated(name) {
                Some(target_id)
            } else {
                self.known.get(name).and_then(|known| known.reseeded)
            },
            keeps_tombstones_ms: configs::keeps_tombstones_ms(&source.configs),
            conflict: refused.map(|message| Reason::new(HaltCode::NotPermitted, message)),
        })
    }

    /// The records that the checkpoint DB must hold before `set` may be published to the workers. Those of topics in
    /// conflict don't change.
    pub fn to_remember(&self, set: &MirrorSet) -> BTreeMap<TopicName, KnownTopic> {
        let settled = set
            .topics
            .iter()
            .filter(|(_, topic)| topic.conflict.is_none());
        let changed = |(name, topic): (&TopicName, &MirroredTopic)| {
            let before = self.known.get(name);
            let now = KnownTopic {
                source_id: topic.source_id,
                target_name: topic.target_name.clone(),
                target_id: topic.target_id,
                created: before.map_or(self.created.contains(name), |known| known.created),
                partitions: topic.partitions,
                initial_partitions: topic.initial_partitions,
                reseeded: topic.reseeded,
            };
            let changed = before.is_none_or(|known| !known.is_same_topic(&now));
            changed.then(|| (name.clone(), now))
        };
        settled.filter_map(changed).collect()
    }
}
