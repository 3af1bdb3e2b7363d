//! Plans the changes to the target that give every selected source topic a mirror that can hold it.
//!
//! Promises: decides from one sight of both clusters and what is stored in the checkpoint DB; never shrinks a topic, and
//! never deletes or re-creates a mirror topic that held records unless a reseed was decided. Pure.

use std::collections::BTreeMap;

use crate::model::{HaltCode, Reason, TopicName};

use super::configs::{self, TopicConfigs};
use super::sight::{Sight, SourceTopic, TargetTopic, conflict};

#[cfg(test)]
mod tests;

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
    let mut names = Names::of(sight);
    for name in sight.names() {
        if sight.reseeds.contains_key(name) && !sight.is_recreated(name) {
            plan_recreation(sight, name, &mut actions);
        } else if let Some(reason) = conflict(sight, name) {
            let source = name.clone();
            actions.push(Action::Conflict { source, reason });
        } else if let Some(source) = sight.source.get(name)
            && !sight.refused.contains_key(name)
        {
            match names.collision(&source.target_name) {
                Some(reason) => actions.push(Action::Conflict {
                    source: name.clone(),
                    reason,
                }),
                None => plan_topic(sight, name, source, &mut actions),
            }
        }
    }
    actions
}

/// The names of the target's topics as Kafka's metrics show them, where a period and an underscore are the same
/// (`Topic.unifyCollisionChars`). A broker refuses a topic that collides with another one, but not always two of the same
/// request.
struct Names<'a>(BTreeMap<String, &'a TopicName>);

impl<'a> Names<'a> {
    fn of(sight: &'a Sight) -> Self {
        let names = sight.target.keys();
        Self(names.map(|name| (unified(name), name)).collect())
    }

    /// Why a topic of this name can't be created, if it can't; otherwise the name is taken from now on.
    fn collision(&mut self, name: &'a TopicName) -> Option<Reason> {
        let taken = self.0.entry(unified(name)).or_insert(name);
        (*taken != name).then(|| {
            let message = format!("mirror topic {name} collides with topic {taken} on the target");
            Reason::new(HaltCode::NameCollision, message)
        })
    }
}

fn unified(name: &TopicName) -> String {
    name.as_str().replace('.', "_")
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
    let mut configs = configs::initial(&source.configs, &sight.target_broker_configs);
    configs.retain(|name, _| !sight.left_alone.contains(name.as_str()));
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
    let mut changes = configs::changes(
        &source.configs,
        &existing.configs,
        &sight.target_broker_configs,
    );
    changes.retain(|name, _| !sight.left_alone.contains(name.as_str()));
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
