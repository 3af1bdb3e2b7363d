//! One sight of both clusters, and what it means: conflicts, the set to mirror, what to remember. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    HaltCode, KnownTopic, LinkIntents, MirrorSet, MirroredTopic, Obstacle, Reason, TopicId,
    TopicName, Unmirrored,
};

use super::configs::{self, TopicConfigs};

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

/// What is shown of a selected topic even if it can't be mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// The name of its mirror topic.
    pub target_name: TopicName,
    /// The number of partitions of the source topic.
    pub partitions: i32,
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
    /// The settings of mirror topics that the link leaves alone.
    pub left_alone: BTreeSet<&'static str>,
    /// The replication factor configured for the link, if any.
    pub replication_factor: Option<i16>,
    /// The number of partitions that the link's very first look found on the source.
    pub initial: BTreeMap<TopicName, i32>,
    /// Source topics whose mirror was created during this look.
    pub created: BTreeSet<TopicName>,
    /// Source topics that may not be seen, on the source or as a mirror, with the reason.
    pub hidden: BTreeMap<TopicName, Reason>,
    /// Whether offsets are preserved where nothing is mirrored yet.
    pub preserves: bool,
    /// Source topics whose history is mirrored in all partitions.
    pub live: BTreeSet<TopicName>,
    /// Source topics whose mirror can't be created or configured until an operator changes something.
    pub refused: BTreeMap<TopicName, Reason>,
    /// Source topics of which it isn't known yet whether they may be mirrored.
    pub unread: BTreeMap<TopicName, Obstacle>,
    /// Source topics whose mirror isn't created or extended yet, or can't be extended.
    pub obstacles: BTreeMap<TopicName, Obstacle>,
    /// Topics that the link names and that the source doesn't show, with the reason; none of them was mirrored before.
    pub unseen: BTreeMap<TopicName, Obstacle>,
    /// Topics whose policy is to continue with another source topic of the same name.
    pub follows: BTreeSet<TopicName>,
    /// Source topics whose mirror is being reseeded, with the id of the mirror topic that is given up.
    pub reseeds: BTreeMap<TopicName, TopicId>,
    /// The topics in `reseeds` whose partitions have stopped.
    pub stopped: BTreeSet<TopicName>,
}

/// The reason a topic must not be touched, if any.
pub(super) fn conflict(sight: &Sight, name: &TopicName) -> Option<Reason> {
    let known = sight.known.get(name)?;
    if sight.reseeds.contains_key(name) {
        let reason = || {
            let message = "the mirror topic is being created anew, as decided";
            match sight.refused.get(name) {
                None => Reason::new(HaltCode::TargetTopicMissing, message),
                Some(refused) => {
                    let message = format!("{message}; {}", refused.message);
                    Reason::new(HaltCode::TargetTopicMissing, message).remedied_by(&refused.remedy)
                }
            }
        };
        return (!sight.is_recreated(name)).then(reason);
    }
    if let Some(reason) = sight.hidden.get(name) {
        return Some(reason.clone());
    }
    let Some(source) = sight.source.get(name) else {
        let message = format!("topic {name} is gone from the source");
        return Some(Reason::new(HaltCode::SourceTopicMissing, message));
    };
    let (was, is) = (known.source_id, source.id);
    // Where both topic ids are known, a topic with fewer partitions shows by its new id.
    let shrunk = source.partitions < known.partitions && !(was.is_known() && is.is_known());
    if (was.differs_from(is) || shrunk) && !sight.follows.contains(name) {
        let message = format!(
            "source topic {name} was created again: id {was} with {} partitions before, {is} with {} now",
            known.partitions, source.partitions
        );
        return Some(Reason::new(HaltCode::SourceRecreated, message));
    }
    let Some(target) = sight.target.get(&known.target_name) else {
        let message = format!("mirror topic {} is gone from the target", known.target_name);
        return Some(Reason::new(HaltCode::TargetTopicMissing, message));
    };
    let (was, is) = (known.target_id, target.id);
    was.differs_from(is).then(|| {
        let message = format!(
            "mirror topic {} was created again: id {was} before, {is} now",
            known.target_name
        );
        Reason::new(HaltCode::TargetRecreated, message)
    })
}

impl Sight {
    /// Every selected topic of the source.
    pub(super) fn selected(&self) -> BTreeMap<TopicName, Selected> {
        let topics = self.source.iter().map(|(name, topic)| {
            let selected = Selected {
                target_name: topic.target_name.clone(),
                partitions: topic.partitions,
            };
            (name.clone(), selected)
        });
        topics.collect()
    }

    /// Leaves a topic out of this sight: it stays as it was.
    pub(super) fn leave_out(&mut self, name: &TopicName) {
        self.source.remove(name);
        self.known.remove(name);
    }

    /// Leaves a topic out of this sight because of an obstacle.
    pub(super) fn set_aside(&mut self, name: &TopicName, obstacle: Obstacle) {
        self.leave_out(name);
        self.obstacles.insert(name.clone(), obstacle);
    }

    /// Adds a topic that must not be mirrored, or not yet; it is shown with the obstacle.
    pub(super) fn leave_out_with(
        &mut self,
        name: TopicName,
        topic: SourceTopic,
        obstacle: Obstacle,
    ) {
        self.source.entry(name.clone()).or_insert(topic);
        if let Obstacle::Refused(reason) = obstacle {
            self.refused.insert(name, reason);
        } else {
            self.unread.insert(name, obstacle);
        }
    }

    /// Leaves out topics whose intent forbids writes; nothing is changed or looked up for them.
    pub(super) fn set_aside_held(&mut self, intents: &LinkIntents) -> BTreeSet<TopicName> {
        let names = self.source.keys().chain(self.known.keys());
        let held = names.filter(|name| !intents.of(name).writes());
        let held: BTreeSet<TopicName> = held.cloned().collect();
        for name in &held {
            self.set_aside(name, Obstacle::Held);
        }
        held
    }

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
    pub(super) fn is_recreated(&self, name: &TopicName) -> bool {
        let target = self
            .source
            .get(name)
            .and_then(|it| self.target.get(&it.target_name));
        let former = self.reseeds.get(name);
        target
            .zip(former)
            .is_some_and(|(target, former)| former.differs_from(target.id))
    }

    /// Topics whose mirror was created anew.
    pub fn recreated(&self) -> impl Iterator<Item = &TopicName> {
        self.reseeds.keys().filter(|name| self.is_recreated(name))
    }

    /// Selected topics, present or stored.
    pub(super) fn names(&self) -> BTreeSet<&TopicName> {
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
            unmirrored: BTreeMap::new(),
        }
    }

    /// What of a selected topic with this many partitions on the source isn't in `set`: every partition is in one of them.
    pub fn unmirrored(
        &self,
        set: &MirrorSet,
        name: &TopicName,
        selected: &Selected,
    ) -> Option<Unmirrored> {
        let mirrored = set.topics.get(name);
        let from = mirrored.map_or(0, |topic| topic.partitions);
        let conflict = mirrored.and_then(|topic| topic.conflict.clone());
        let refused = conflict.or_else(|| self.refused.get(name).cloned());
        let obstacle = match (self.obstacles.get(name), refused) {
            (Some(Obstacle::Held), _) => Obstacle::Held,
            (_, Some(reason)) => Obstacle::Refused(reason),
            (Some(obstacle), None) => obstacle.clone(),
            (None, None) => Obstacle::Awaited("it is being created".to_owned()),
        };
        let is_anew = mirrored.is_some_and(|topic| topic.reseeded.is_some());
        let initial = self.initial.get(name).filter(|_| !is_anew);
        (from < selected.partitions).then(|| Unmirrored {
            mirror_topic: selected.target_name.clone(),
            partitions: from..selected.partitions,
            initial_partitions: initial.copied().unwrap_or(0),
            obstacle,
        })
    }

    /// What is shown of topics that the link names and the source doesn't show. Nobody knows their partitions; if there are
    /// any, there is a first one.
    pub fn unseen(
        &self,
        mirror_topic: impl Fn(&TopicName) -> TopicName,
    ) -> impl Iterator<Item = (TopicName, Unmirrored)> {
        self.unseen.iter().map(move |(name, obstacle)| {
            let unmirrored = Unmirrored {
                mirror_topic: mirror_topic(name),
                partitions: 0..1,
                initial_partitions: 0,
                obstacle: obstacle.clone(),
            };
            (name.clone(), unmirrored)
        })
    }

    fn mirrored(&self, name: &TopicName) -> Option<MirroredTopic> {
        let source = self.source.get(name)?;
        let target = self.target.get(&source.target_name)?;
        let target_id = target.id;
        Some(MirroredTopic {
            source_id: source.id,
            target_name: source.target_name.clone(),
            target_id,
            partitions: source.partitions.min(target.partitions),
            initial_partitions: self.initial.get(name).copied().unwrap_or(0),
            reseeded: if self.is_recreated(name) {
                Some(target_id)
            } else {
                self.known.get(name).and_then(|known| known.reseeded)
            },
            keeps_tombstones_ms: configs::keeps_tombstones_ms(&source.configs),
            conflict: self.refused.get(name).cloned(),
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
