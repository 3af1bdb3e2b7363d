//! What the ACLs of all mirror topics of a link should be, by an observation of both clusters.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::config::{AclRules, LinkConfig};
use crate::kafka::acl::entry::{AclEntry, AclPurpose};
use crate::kafka::acl::{ALL, Grantee, PatternType, ResourceType};
use crate::model::{GroupId, LinkIntents, TopicName};

use super::by_hand::{BothSides, ByHand, by_hand};
use super::cluster::Permitted;
use super::desired::{Desired, LeftOut, TopicRole, TopicSubject, Unguarded, desired};
use super::plan::{AclChanges, AclRecords, Added, Recorded, entries, plan};
use super::status::{AclStatus, TopicAcls};

/// An observation of both clusters.
#[derive(Debug)]
pub struct Observation {
    /// The mirrored topics, by their names on the source, with the names on the target.
    pub topics: BTreeMap<TopicName, TopicName>,
    /// The source's entries; `None` if they aren't known.
    pub source: Option<BTreeSet<AclEntry>>,
    pub target: BTreeSet<AclEntry>,
    /// What the link is permitted on topics of the target.
    pub permitted: BTreeMap<TopicName, Permitted>,
    pub at: Timestamp,
}

/// What one topic should have, and how it gets there.
#[derive(Debug)]
pub struct Judgement {
    pub topic: TopicName,
    pub mirror: TopicName,
    pub role: TopicRole,
    /// Whether the link still has the topic.
    pub is_selected: bool,
    pub desired: Desired,
    pub added: Added,
    pub changes: AclChanges,
}

/// The entries on topics, by what they reach.
#[derive(Debug, Default)]
struct Index {
    by_name: BTreeMap<String, BTreeSet<AclEntry>>,
    /// Those that reach several topics.
    patterns: Vec<AclEntry>,
}

impl Index {
    fn of(entries: &BTreeSet<AclEntry>) -> Self {
        let mut index = Self::default();
        let of_topics = entries.iter();
        for entry in of_topics.filter(|it| it.resource.kind == ResourceType::Topic) {
            let resource = &entry.resource;
            if resource.pattern == PatternType::Prefixed || resource.name == ALL {
                index.patterns.push(entry.clone());
            } else {
                let named = index.by_name.entry(resource.name.clone());
                named.or_default().insert(entry.clone());
            }
        }
        index
    }

    fn named(&self, topic: &TopicName) -> BTreeSet<AclEntry> {
        self.by_name
            .get(topic.as_str())
            .cloned()
            .unwrap_or_default()
    }

    /// The entries that reach a topic.
    fn reaching(&self, topic: &TopicName) -> BTreeSet<AclEntry> {
        let mut reaching = self.named(topic);
        let patterns = self.patterns.iter().filter(|it| it.reaches(topic));
        reaching.extend(patterns.cloned());
        reaching
    }
}

/// Decides for every topic of the link, and for those that it had and of which something is left.
pub fn judge(
    rules: AclRules,
    seen: &Observation,
    intents: &LinkIntents,
    own: &BTreeSet<String>,
    records: &AclRecords,
) -> Vec<Judgement> {
    let source = seen.source.as_ref().map(Index::of);
    let target = Index::of(&seen.target);
    let topics = seen.topics.iter();
    let selected = topics.map(|(topic, mirror)| (topic, mirror, Some(intents.of(topic))));
    let mirrors: BTreeSet<&TopicName> = seen.topics.values().collect();
    let former = records.iter().filter(|(it, _)| !mirrors.contains(it));
    let former = former.map(|(mirror, it)| (&it.topic, mirror, None));
    let judgement = |(topic, mirror, intent): (&TopicName, &TopicName, _)| {
        let recorded = records.get(mirror);
        let added = recorded.map(|it: &Recorded| it.added.clone());
        let added = added.unwrap_or_default();
        let mut others = target.reaching(mirror);
        others.retain(|entry| !added.contains_key(entry));
        let is_synced = |(entry, (purpose, _)): (&AclEntry, &(AclPurpose, _))| {
            *purpose == AclPurpose::Sync && seen.target.contains(entry)
        };
        let of_source = source.as_ref().map(|it| it.named(topic));
        let subject = TopicSubject {
            role: TopicRole::of(intent),
            sync: rules.sync,
            guard: rules.guard,
            topic,
            mirror,
            source: of_source.as_ref(),
            has_synced: added.iter().any(is_synced),
            others: &others,
            own,
        };
        let desired = desired(&subject);
        Judgement {
            topic: topic.clone(),
            mirror: mirror.clone(),
            role: subject.role,
            is_selected: intent.is_some(),
            changes: plan(&desired, &added, &seen.target),
            desired,
            added,
        }
    };
    selected.chain(former).map(judgement).collect()
}

/// What an operator carries over by hand.
pub fn for_operator(
    config: &LinkConfig,
    seen: &Observation,
    judged: &[Judgement],
    (on_source, on_target): (&Grantee, &Grantee),
) -> ByHand {
    let Some(source) = &seen.source else {
        return ByHand::default();
    };
    let left_out = judged.iter().flat_map(|it| &it.desired.left_out);
    let left_out: BTreeMap<AclEntry, LeftOut> =
        left_out.map(|(entry, why)| (entry.clone(), *why)).collect();
    let sides = BothSides {
        source,
        target: &seen.target,
        topics: &seen.topics,
        left_out: &left_out,
        on_source,
        on_target,
    };
    let concerns = |group: &str| config.groups.matches(&GroupId::new(group));
    let renamed = |name: &str| {
        config
            .mirror_topic(&TopicName::new(name))
            .as_str()
            .to_owned()
    };
    by_hand(&sides, concerns, renamed)
}

/// The status by these judgements; `detail` tells why changes aren't made.
pub fn status(
    rules: AclRules,
    seen: &Observation,
    judged: Vec<Judgement>,
    detail: impl Fn(&Judgement) -> Option<String>,
) -> AclStatus {
    let pending = judged.iter().map(|it| it.changes.len()).sum();
    let unguarded = judged.iter();
    let unguarded = unguarded
        .filter(|it| !it.desired.unguarded.is_empty())
        .count();
    let topic = |judgement: Judgement| TopicAcls {
        detail: detail(&judgement),
        topic: judgement.topic,
        mirror_topic: judgement.mirror,
        role: judgement.role,
        desired: judgement.desired.entries.into_keys().collect(),
        added: entries(&judgement.added),
        to_add: judgement.changes.add.into_keys().collect(),
        to_remove: judgement.changes.remove.into_iter().collect(),
        unguarded: judgement
            .desired
            .unguarded
            .iter()
            .map(Unguarded::told)
            .collect(),
    };
    AclStatus {
        sync_acls: rules.sync,
        guard_mirrors: rules.guard,
        as_of: Some(seen.at),
        unguarded,
        pending,
        topics: judged.into_iter().map(topic).collect(),
        ..AclStatus::default()
    }
}
