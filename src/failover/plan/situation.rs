//! Everything a plan is made from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::MirroredPartition;
use crate::control::groups::commit::{Expiry, SourceCommit, TargetCommit, Written};
use crate::model::{
    GroupId, LinkName, SourceOffset, TargetOffset, TopicName, TopicPartition, Translation,
    Untranslatable,
};

/// The kind of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MoveKind {
    /// Both sites are up; nothing is lost.
    Switchover,
    /// The source is presumed lost.
    Failover,
}

impl fmt::Display for MoveKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// How much a failover may lose. What isn't known exceeds any limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LossLimit {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// One observation of a link and the groups to move.
#[derive(Debug, Clone)]
pub struct Situation {
    pub kind: MoveKind,
    pub link: LinkName,
    /// Why the source cluster doesn't answer; `None` if it does.
    pub source_failure: Option<String>,
    /// When the source's group offsets were read.
    pub offsets_as_of: Option<Timestamp>,
    /// The groups chosen for the move.
    pub groups: BTreeMap<GroupId, GroupSituation>,
    /// Groups that were moved before and aren't part of this move, each with its operation.
    pub moved: BTreeMap<GroupId, String>,
    /// Topics named by the caller in addition to those of the groups.
    pub asked_topics: BTreeSet<TopicName>,
    /// The partitions that the link selects, by their source names.
    pub partitions: BTreeMap<TopicPartition, MirroredPartition>,
    /// The number of offsets that aren't kept from expiring on the target, because writes to their topics are forbidden,
    /// and when the first one expires.
    pub expiring: Option<(usize, Expiry)>,
    /// The longest metadata that the target takes with a commit, if it reports it.
    pub metadata_limit: Option<usize>,
    /// How much a failover may lose; `None` if the caller set no limit.
    pub allow_loss: Option<LossLimit>,
    /// The source's last stable offsets, as last recorded.
    pub source_ends: BTreeMap<TopicPartition, SourceOffset>,
}

/// One group chosen for the move.
#[derive(Debug, Clone, Default)]
pub struct GroupSituation {
    /// Whether the group has members on the source, as far as the source answers.
    pub active_on_source: bool,
    /// Whether the group has members on the target.
    pub active_on_target: bool,
    /// The group's offsets in partitions of the link.
    pub commits: BTreeMap<TopicPartition, CommitSituation>,
    /// Topics outside the link in which the group has offsets.
    pub outside: BTreeSet<TopicName>,
}

/// One offset of a group.
#[derive(Debug, Clone)]
pub struct CommitSituation {
    /// The offset committed on the source.
    pub commit: SourceCommit,
    /// The place of that offset on the target.
    pub lookup: Result<Translation, Untranslatable>,
    /// The offset that another client committed on the target, if any (H16).
    pub progress: Option<TargetOffset>,
}

/// The longest metadata that brokers take unless their configuration says otherwise.
const METADATA_DEFAULT: usize = 4096;

impl CommitSituation {
    /// The length of the metadata that a move would commit on the target; 0 if it leaves the offset alone.
    pub(super) fn metadata_length(&self) -> usize {
        match self.progress {
            Some(_) => 0,
            None => self.commit.metadata_length(),
        }
    }

    /// Creates the situation of `commit` from what is committed on the target now, and what this link wrote there.
    pub fn new(
        commit: SourceCommit,
        lookup: Result<Translation, Untranslatable>,
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
    /// The topics of the move: those in which the groups have offsets, and those asked for.
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

    /// The end of the source partition as far as it is known: the last high watermark, or the end recorded for groups.
    pub fn known_end(&self, mirrored: &MirroredPartition) -> SourceOffset {
        let recorded = self.source_ends.get(&mirrored.partition).copied();
        let high = mirrored.source_high_watermark;
        recorded.map_or(high, |end| end.max(high))
    }

    /// A warning about records that a failover won't find on the target and doesn't count: applications may have written
    /// them before they committed their offsets (H19).
    fn behind(&self) -> Option<String> {
        let topics = self.topics();
        let uncounted = self.partitions.values().filter(|mirrored| {
            self.kind == MoveKind::Failover && !topics.contains(&mirrored.partition.topic)
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

    /// A warning about groups that were moved before.
    fn moved_before(&self) -> Option<String> {
        const SHOWN: usize = 5;
        let shown = self.moved.iter().take(SHOWN);
        let mut shown: Vec<String> = shown
            .map(|(group, by)| format!("{group} by {by}"))
            .collect();
        if self.moved.len() > SHOWN {
            shown.push(format!("and {} more", self.moved.len() - SHOWN));
        }
        (!shown.is_empty()).then(|| {
            format!(
                "groups that were moved before are left out: {}; to move one again, give its name to --groups",
                shown.join(", ")
            )
        })
    }

    /// A warning about metadata that may be too long for a target that doesn't report its limit.
    fn long_metadata(&self) -> Option<String> {
        let groups = self.groups.iter().filter(|_| self.metadata_limit.is_none());
        let longest = groups.filter_map(|(id, group)| {
            let lengths = group.commits.values().map(CommitSituation::metadata_length);
            Some((lengths.max()?, id))
        });
        let (length, id) = longest
            .max()
            .filter(|(length, _)| *length > METADATA_DEFAULT)?;
        Some(format!(
            "group {id} commits offsets with {length} bytes of metadata, and the target doesn't report its limit (offset.metadata.max.bytes, {METADATA_DEFAULT} by default): beyond it the move stops when it commits them"
        ))
    }

    /// What the operator should know beyond the figures.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.kind {
            MoveKind::Failover if self.source_failure.is_none() => warnings.push(
                "the source answers: a switchover would lose nothing; stop the groups there first"
                    .to_owned(),
            ),
            MoveKind::Switchover => warnings.extend([
                "offsets are those of now; the final ones are read after draining".to_owned(),
                "nothing keeps applications from writing to the source: what they write after the last look of draining is not moved"
                    .to_owned(),
            ]),
            MoveKind::Failover => {}
        }
        warnings.extend(self.moved_before());
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
                "{count} offsets of these groups are in topics that are paused, and not kept from expiring: the first expires on the target {first}; resuming writes them again"
            )
        }));
        warnings.extend(self.long_metadata());
        warnings.extend(self.behind());
        let stands_still = |mirrored: &MirroredPartition| {
            let (partition, state) = (&mirrored.partition, mirrored.state);
            match &mirrored.reason {
                Some(reason) => format!("{partition} is {state}: {}", reason.message),
                None => format!("{partition} is {state}, and nothing of it is on the target"),
            }
        };
        let needing = self
            .concerned()
            .filter(|m| m.state.needs_operator() || !m.has_mirror);
        warnings.extend(needing.map(stands_still));
        warnings
    }
}
