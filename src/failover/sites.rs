//! One link as moves see it: both clusters, what is mirrored, and what was written for its groups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::config::GroupFilter;
use crate::control::Mirrored;
use crate::control::groups::cluster::{CommittedOffset, GROUPS_AT_ONCE, GroupActivity, Site};
use crate::control::groups::commit::{Expiry, SourceCommit, TargetCommit, Written};
use crate::control::groups::commit_protocol::on_target;
use crate::control::groups::committed::{Account, Ledger};
use crate::error::{Error, Kind, Result};
use crate::model::{GroupId, LinkName, SourceOffset, TargetOffset, TopicName, TopicPartition};
use crate::task::Ownership;

use super::plan::{CommitSituation, GroupSituation, MoveKind, Situation};

/// How long a failover waits for an answer from a source that is presumed lost.
const SOURCE_PATIENCE: Duration = Duration::from_secs(3);
/// How often a group's offsets are looked at until nothing is written in between.
const LOOKS_AT_MOST: usize = 5;

/// The parts that moves of one link work with.
#[derive(Debug)]
pub struct Sites {
    pub link: LinkName,
    pub source: Arc<dyn Site>,
    pub target: Arc<dyn Site>,
    /// The link's mirrored partitions.
    pub mirrored: Arc<dyn Mirrored>,
    /// The record of what was written for groups; its turn is shared with group sync.
    pub ledger: Arc<Ledger>,
    /// The groups of the link.
    pub groups: GroupFilter,
    /// Whether this process may move the groups.
    pub ownership: Ownership,
}

/// The groups chosen for a move.
#[derive(Debug, Clone)]
pub(super) enum Chosen {
    /// All groups that match the filter and have offsets in the link, but for those that were moved before: each is here
    /// with its operation.
    Matching {
        filter: GroupFilter,
        moved: BTreeMap<GroupId, String>,
    },
    /// Exactly these.
    Exactly(BTreeSet<GroupId>),
}

impl Chosen {
    /// The groups left out because they were moved before.
    fn moved(&self) -> BTreeMap<GroupId, String> {
        match self {
            Self::Matching { filter, moved } => {
                let left_out = moved.iter().filter(|(group, _)| filter.matches(group));
                left_out
                    .map(|(group, by)| (group.clone(), by.clone()))
                    .collect()
            }
            Self::Exactly(_) => BTreeMap::new(),
        }
    }

    fn takes(&self, group: &GroupId) -> bool {
        match self {
            Self::Matching { filter, moved } => filter.matches(group) && !moved.contains_key(group),
            Self::Exactly(groups) => groups.contains(group),
        }
    }
}

/// What groups committed on the source.
type Commits = BTreeMap<GroupId, BTreeMap<TopicPartition, SourceCommit>>;

/// The offsets of a group, with what is on the target.
type Placed = BTreeMap<TopicPartition, CommitSituation>;

/// The state of the source, from now or from the last snapshot.
#[derive(Debug, Default)]
struct SourceSide {
    failure: Option<String>,
    as_of_ms: Option<i64>,
    active: BTreeSet<GroupId>,
    commits: Commits,
    outside: BTreeMap<GroupId, BTreeSet<TopicName>>,
}

/// The offsets committed on the target for a group, by source partition, and what this link wrote there.
pub(super) type Present = BTreeMap<TopicPartition, (Option<TargetCommit>, Written)>;

impl Sites {
    /// Observes everything that a plan depends on.
    ///
    /// Errors: the target doesn't answer, or the checkpoint DB failed. A source that doesn't answer is part of the
    /// situation.
    pub(super) async fn observe(
        &self,
        kind: MoveKind,
        chosen: &Chosen,
        asked_topics: BTreeSet<TopicName>,
        now: Timestamp,
    ) -> Result<Situation> {
        let mut snapshot = self.ledger.snapshot()?.unwrap_or_default();
        snapshot.forget_former(&self.mirrored.partitions());
        let known: BTreeSet<GroupId> = snapshot.groups.keys().cloned().collect();
        let source_ends = std::mem::take(&mut snapshot.ends);
        let (source, placed) = match kind {
            MoveKind::Switchover => {
                let mut source = self.source_now(chosen, &known, now).await;
                let commits = std::mem::take(&mut source.commits);
                (source, self.placed_all(commits).await?)
            }
            MoveKind::Failover => {
                let is_known = snapshot.taken_at_ms > 0;
                let as_of_ms = is_known.then(|| self.ledger.as_of_ms(&snapshot));
                let taken = snapshot.groups.into_iter();
                let taken = taken.filter(|(g, it)| self.takes(chosen, g) && !it.is_empty());
                // Meanwhile wait for a source that may not answer.
                let looks = (self.source_then(as_of_ms), self.placed_all(taken.collect()));
                let (source, placed) = tokio::join!(looks.0, looks.1);
                (source, placed?)
            }
        };
        let on_target = self.target.groups().await?;
        let mut groups: BTreeMap<GroupId, GroupSituation> = BTreeMap::new();
        if let Chosen::Exactly(ids) = chosen {
            groups.extend(ids.iter().map(|id| (id.clone(), GroupSituation::default())));
        }
        for (id, mut commits) in placed {
            // The ends of the mirror may have been determined during the wait for a lost source.
            for (partition, found) in &mut commits {
                found.lookup = self.mirrored.lookup(partition, found.commit.offset);
            }
            groups.entry(id).or_default().commits = commits;
        }
        for (id, group) in &mut groups {
            group.active_on_source = source.active.contains(id);
            group.active_on_target = on_target.get(id) == Some(&GroupActivity::Active);
            group.outside = source.outside.get(id).cloned().unwrap_or_default();
        }
        let expiring = self.expiring(&groups).await?;
        let metadata_limit = self.metadata_limit(&groups).await?;
        let partitions = self.mirrored.partitions().into_iter();
        Ok(Situation {
            kind,
            link: self.link.clone(),
            source_failure: source.failure,
            offsets_as_of: source
                .as_of_ms
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            groups,
            moved: chosen.moved(),
            allow_loss: None,
            asked_topics,
            partitions: partitions.map(|m| (m.partition.clone(), m)).collect(),
            source_ends,
            metadata_limit,
            expiring,
        })
    }

    /// The number of written offsets of these groups that aren't kept from expiring, and when the first one expires.
    ///
    /// Errors: the checkpoint DB failed.
    async fn expiring(
        &self,
        groups: &BTreeMap<GroupId, GroupSituation>,
    ) -> Result<Option<(usize, Expiry)>> {
        let intents = self.mirrored.intents();
        let mut held: Vec<Written> = Vec::new();
        for (id, group) in groups {
            let paused = |it: &&TopicPartition| !intents.of(&it.topic).writes();
            let mut paused = group.commits.keys().filter(paused).peekable();
            if paused.peek().is_none() {
                continue;
            }
            let account = self.ledger.account(id)?;
            let written = paused.filter_map(|it| account.written.get(it));
            held.extend(written.filter(|it| it.last.is_some()).cloned());
        }
        if held.is_empty() {
            return Ok(None);
        }
        // If the target doesn't report its retention, the date is unknown.
        let retention = self.target.offsets_retention_ms().await.unwrap_or_default();
        let first = held.iter().filter_map(|written| written.expiry(retention));
        Ok(first.min().map(|first| (held.len(), first)))
    }

    /// The longest metadata that the target takes, if there is any and the target reports it.
    async fn metadata_limit(
        &self,
        groups: &BTreeMap<GroupId, GroupSituation>,
    ) -> Result<Option<usize>> {
        let mut commits = groups.values().flat_map(|group| group.commits.values());
        if commits.all(|it| it.commit.metadata.as_deref().is_none_or(str::is_empty)) {
            return Ok(None);
        }
        self.target.metadata_limit().await
    }

    /// The present state of the source; a source that doesn't answer has no groups.
    async fn source_now(
        &self,
        chosen: &Chosen,
        known: &BTreeSet<GroupId>,
        now: Timestamp,
    ) -> SourceSide {
        let failed = |error: Error| SourceSide {
            failure: Some(error.chain()),
            ..SourceSide::default()
        };
        let asked = self.ask_source(chosen, known, now).await;
        asked.unwrap_or_else(failed)
    }

    /// Asks the source for its groups. A known one that it doesn't list may be one that isn't shown to farshore, so its offsets
    /// are read, too: a move without it would leave it behind.
    async fn ask_source(
        &self,
        chosen: &Chosen,
        known: &BTreeSet<GroupId>,
        now: Timestamp,
    ) -> Result<SourceSide> {
        let mut side = SourceSide {
            as_of_ms: Some(now.as_millisecond()),
            ..SourceSide::default()
        };
        let mut activity = self.source.groups().await?;
        for group in known {
            let unlisted = activity.entry(group.clone());
            unlisted.or_insert(GroupActivity::AtRest);
        }
        let asked = activity.into_iter().filter(|(group, activity)| {
            *activity != GroupActivity::Unsupported && self.takes(chosen, group)
        });
        let mut reads = stream::iter(asked)
            .map(|(group, activity)| async move {
                let offsets = self.source.offsets(&group).await?;
                Ok::<_, Error>((group, activity, offsets))
            })
            .buffer_unordered(GROUPS_AT_ONCE);
        while let Some((group, activity, offsets)) = reads.try_next().await? {
            self.enter(&mut side, &group, offsets);
            if activity == GroupActivity::Active {
                side.active.insert(group);
            }
        }
        drop(reads);
        Ok(side)
    }

    fn takes(&self, chosen: &Chosen, group: &GroupId) -> bool {
        self.groups.matches(group) && chosen.takes(group)
    }

    fn enter(
        &self,
        side: &mut SourceSide,
        group: &GroupId,
        offsets: BTreeMap<TopicPartition, CommittedOffset>,
    ) {
        for (partition, committed) in offsets.into_iter().filter(|(_, c)| c.offset >= 0) {
            if self.mirrored.mirror_topic(&partition.topic).is_none() {
                let outside = side.outside.entry(group.clone()).or_default();
                outside.insert(partition.topic);
                continue;
            }
            let commit = SourceCommit {
                offset: SourceOffset(committed.offset),
                metadata: committed.metadata,
            };
            let commits = side.commits.entry(group.clone()).or_default();
            commits.insert(partition, commit);
        }
    }

    /// The state of a source that is presumed lost: it is only asked for its groups, with a short timeout.
    async fn source_then(&self, as_of_ms: Option<i64>) -> SourceSide {
        let activity = match timeout(SOURCE_PATIENCE, self.source.groups()).await {
            Ok(Ok(activity)) => Ok(activity),
            Ok(Err(error)) => Err(error.chain()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        let is_active =
            |(_, activity): &(&GroupId, &GroupActivity)| **activity == GroupActivity::Active;
        SourceSide {
            failure: activity.as_ref().err().cloned(),
            as_of_ms,
            active: activity
                .iter()
                .flatten()
                .filter(is_active)
                .map(|(group, _)| group.clone())
                .collect(),
            commits: Commits::new(),
            outside: BTreeMap::new(),
        }
    }

    async fn placed_all(&self, commits: Commits) -> Result<Vec<(GroupId, Placed)>> {
        let placing = stream::iter(commits).map(|(id, commits)| async move {
            let placed = self.placed(&id, commits).await?;
            Ok::<_, Error>((id, placed))
        });
        placing.buffer_unordered(GROUPS_AT_ONCE).try_collect().await
    }

    async fn placed(
        &self,
        group: &GroupId,
        commits: BTreeMap<TopicPartition, SourceCommit>,
    ) -> Result<Placed> {
        let mut present = self.present(group, commits.keys()).await?;
        let placed = commits.into_iter().map(|(partition, commit)| {
            let lookup = self.mirrored.lookup(&partition, commit.offset);
            let (found, written) = present.remove(&partition).unwrap_or_default();
            let situation = CommitSituation::new(commit, lookup, found.as_ref(), &written);
            (partition, situation)
        });
        Ok(placed.collect())
    }

    /// The offsets on the target of a group in these source partitions, and what was written there. Where an offset seems to
    /// be the progress of others, both are read again: group sync may have committed it between the two looks.
    ///
    /// Errors: the target doesn't answer, the checkpoint DB failed, or group sync never rests.
    pub(super) async fn present<'a, P>(&self, group: &GroupId, partitions: P) -> Result<Present>
    where
        P: Iterator<Item = &'a TopicPartition> + Clone,
    {
        let mut account = self.ledger.account(group)?;
        for _ in 0..LOOKS_AT_MOST {
            let found = self.target.offsets(group).await?;
            let present = self.paired(&account, &found, partitions.clone());
            let mut pairs = present.values();
            if pairs.all(|(found, written)| written.may_replace(found.as_ref())) {
                return Ok(present);
            }
            let again = self.ledger.account(group)?;
            if again == account {
                return Ok(present);
            }
            account = again;
        }
        let message = format!("group sync keeps committing offsets of group {group}; trying again");
        Err(Error::new(Kind::TimedOut, message))
    }

    fn paired<'a>(
        &self,
        account: &Account,
        found: &BTreeMap<TopicPartition, CommittedOffset>,
        partitions: impl Iterator<Item = &'a TopicPartition>,
    ) -> Present {
        let mut present = Present::new();
        for partition in partitions {
            let target = on_target(self.mirrored.as_ref(), partition).ok();
            let found = target.and_then(|target| found.get(&target));
            let commit = found.filter(|c| c.offset >= 0).map(|c| TargetCommit {
                offset: TargetOffset(c.offset),
                metadata: c.metadata.clone(),
            });
            let written = account.written.get(partition).cloned().unwrap_or_default();
            present.insert(partition.clone(), (commit, written));
        }
        present
    }
}
