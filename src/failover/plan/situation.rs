//! Everything a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::groups::commit::{Expiry, SourceCommit, TargetCommit, Written};
use crate::control::{Lookup, MirroredPartition};
use crate::model::{GroupId, LinkName, SourceOffset, TargetOffset, TopicName, TopicPartition};

/// The kind of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MoveKind)]
pub enum Kind {
    /// Both sites are up; nothing is lost.
    Switchover,
    /// The source is presumed lost.
    Failover,
}

/// One sight of a link and the groups to move.
#[derive(Debug, Clone)]
pub struct Situation {
    /// The kind of move asked for.
    pub kind: Kind,
    /// The link.
    pub link: LinkName,
    /// Why the source cluster doesn't answer, if it doesn't.
    pub source_failure: Option<String>,
    /// When the source's group offsets were read.
    pub offsets_as_of: Option<Timestamp>,
    /// The chosen groups.
    pub groups: BTreeMap<GroupId, GroupSituation>,
    /// Topics named by the caller beside those of the groups.
    pub asked_topics: BTreeSet<TopicName>,
    /// The mirrored partitions by their source names.
    pub partitions: BTreeMap<TopicPartition, MirroredPartition>,
    /// Offsets that aren't kept from expiring on the target, because their topics are not to be written to: how many, and when
    /// the first is forgotten.
    pub expiring: Option<(usize, Expiry)>,
    /// The last stable offsets of the source as last recorded.
    pub source_ends: BTreeMap<TopicPartition, SourceOffset>,
}

/// One chosen group.
#[derive(Debug, Clone, Default)]
pub struct GroupSituation {
    /// Whether it has members on the source, as far as that can be asked.
    pub active_on_source: bool,
    /// Whether it has members on the target.
    pub active_on_target: bool,
    /// Its offsets in partitions of the link.
    pub commits: BTreeMap<TopicPartition, CommitSituation>,
    /// Topics outside the link that it has offsets in.
    pub outside: BTreeSet<TopicName>,
}

/// One offset of a group.
#[derive(Debug, Clone)]
pub struct CommitSituation {
    /// What it committed on the source.
    pub commit: SourceCommit,
    /// Where that is on the target.
    pub lookup: Lookup,
    /// Offsets committed on the target by anyone but this link (H16).
    pub progress: Option<TargetOffset>,
}

impl CommitSituation {
    /// From what is committed on the target now, and what this link wrote there.
    pub fn new(
        commit: SourceCommit,
        lookup: Lookup,
        found: Option<&TargetCommit>,
        written: &Written,
    ) -> Self {
        let theirs = found.filter(|_| !written.may_replace(found));
        Self {
            commit,
            lookup,
            progress: theirs.map(|found| found.offset),
        }
    }
}

impl Situation {
    /// The topics of the move: those the groups have offsets in, and those asked for.
    pub fn topics(&self) -> BTreeSet<TopicName> {
        let of_groups = self.groups.values().flat_map(|group| group.commits.keys());
        of_groups
            .map(|partition| partition.topic.clone())
            .chain(self.asked_topics.iter().cloned())
            .collect()
    }

    /// The mirrored partitions of the move's topics.
    pub fn concerned(&self) -> impl Iterator<Item = &MirroredPartition> {
        let topics = self.topics();
        self.partitions
            .values()
            .filter(move |mirrored| topics.contains(&mirrored.partition.topic))
    }

    /// How far the source is known to go in a partition.
    pub fn known_end(&self, mirrored: &MirroredPartition) -> SourceOffset {
        let recorded = self.source_ends.get(&mirrored.partition).copied();
        recorded.map_or(mirrored.source_end, |end| end.max(mirrored.source_end))
    }

    /// What a failover doesn't find on the target beside what it counts: applications may have written it before the
    /// offsets they committed (H19).
    fn behind(&self) -> Option<String> {
        let topics = self.topics();
        let uncounted = self.partitions.values().filter(|mirrored| {
            self.kind == Kind::Failover && !topics.contains(&mirrored.partition.topic)
        });
        let lacks = |mirrored: &&MirroredPartition| {
            let frontier = mirrored.frontier.unwrap_or(SourceOffset::ZERO);
            frontier < self.known_end(mirrored)
        };
        let behind: Vec<_> = uncounted.filter(lacks).collect();
        let first = behind.first()?;
        Some(format!(
            "{} partitions of other topics had not reached the target up to the source's last known end; {} goes to {}: what these groups' applications wrote there may be missing",
            behind.len(),
            first.partition,
            self.known_end(first)
        ))
    }

    /// What to know beyond the figures.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.kind {
            Kind::Failover if self.source_failure.is_none() => warnings.push(
                "the source answers: a switchover would lose nothing; stop the groups there first"
                    .to_owned(),
            ),
            Kind::Switchover => warnings.push(
                "offsets are those of now; the final ones are read after draining".to_owned(),
            ),
            Kind::Failover => {}
        }
        for (group, situation) in &self.groups {
            if situation.active_on_source {
                warnings.push(format!(
                    "group {group} has members on the source; stop them"
                ));
            }
            for topic in &situation.outside {
                warnings.push(format!(
                    "group {group} also has offsets in {topic}, which is not mirrored by this link"
                ));
            }
        }
        warnings.extend(self.expiring.map(|(count, first)| {
            format!(
                "{count} offsets of these groups are in topics that are paused, and not kept from expiring: the target forgets the first {first}; resuming writes them again"
            )
        }));
        warnings.extend(self.behind());
        let stands_still = |mirrored: &MirroredPartition| {
            let why = mirrored
                .reason
                .as_ref()
                .map_or("", |reason| &reason.message);
            format!("{} is {}: {why}", mirrored.partition, mirrored.state)
        };
        let needing = self.concerned().filter(|m| m.state.needs_operator());
        warnings.extend(needing.map(stands_still));
        warnings
    }
}
