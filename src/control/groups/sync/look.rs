//! One look at the groups of the source.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout};

use crate::control::MirroredPartition;
use crate::control::groups::cluster::{CommittedOffset, GROUPS_AT_ONCE, GroupActivity, LogEdge};
use crate::control::groups::commit::SourceCommit;
use crate::control::groups::cut::Snapshot;
use crate::control::groups::status::{GroupStatus, Refused};
use crate::error::{Error, Kind, Result};
use crate::model::{GroupId, SourceOffset, TopicName, TopicPartition};

use super::GroupSync;
use super::memory::Memory;

/// How long a look at the source may take before its groups are shown as unread.
pub(super) const LATE_LOOK: Duration = Duration::from_secs(15);
/// How often a look that isn't over asks whether the source is lost.
const STEP: Duration = Duration::from_secs(1);

impl GroupSync {
    /// Looks at the source, and tells when it takes long to answer. A look at a source that is known to be lost is given up:
    /// meanwhile the target could be looked at.
    ///
    /// Errors: those of the look; `Disconnected` if the source is lost.
    pub(super) async fn look_in_time(
        &self,
        memory: &mut Memory,
        now_ms: i64,
    ) -> Result<Option<(Snapshot, Vec<TopicPartition>)>> {
        let mut looking = pin!(self.look(memory, now_ms));
        let begun = Instant::now();
        loop {
            if let Ok(news) = timeout(STEP, &mut looking).await {
                return news;
            }
            if self.source.is_lost() {
                let error = Error::new(Kind::Disconnected, "the cluster can't be reached");
                return Err(error.of_whole_cluster());
            }
            if begun.elapsed() >= LATE_LOOK {
                let seconds = LATE_LOOK.as_secs();
                self.board
                    .note_unread(format!("no answer for {seconds} seconds"));
            }
        }
    }

    /// The groups with records that this link carries.
    pub(super) fn recorded(&self, memory: &Memory) -> Result<BTreeSet<GroupId>> {
        let is_ours =
            |group: &GroupId| self.filter.matches(group) && !memory.unsupported.contains(group);
        let recorded = self.ledger.groups()?.into_iter();
        Ok(recorded.filter(is_ours).collect())
    }

    /// Takes a snapshot. All group offsets are read before the ends, so that everything that led to a commit lies before
    /// its partition's end (H19). Returns `None` if the offsets equal the last snapshot's, because they would make the same
    /// cut.
    ///
    /// A group that the source doesn't list may be one that isn't shown to farshore, so its offsets are read, too: it is gone
    /// only if it has none.
    ///
    /// An answer missing for one group or partition is taken from the last snapshot. An older commit only makes the cut
    /// older. An older end makes no cut, so the partitions without a new end are returned too.
    async fn look(
        &self,
        memory: &mut Memory,
        now_ms: i64,
    ) -> Result<Option<(Snapshot, Vec<TopicPartition>)>> {
        let latest = memory.latest.clone();
        let latest = latest.as_deref();
        let mut snapshot = Snapshot {
            taken_at_ms: now_ms,
            ..Snapshot::default()
        };
        let activity = self.source.groups().await?;
        let former = match &memory.latest {
            Some(latest) => Some(Arc::clone(latest)),
            None => self.former()?,
        };
        let former = former.as_deref();
        let ours = activity.into_iter().filter(|(g, _)| self.filter.matches(g));
        let (unsupported, supported): (Vec<_>, Vec<_>) =
            ours.partition(|(_, activity)| *activity == GroupActivity::Unsupported);
        memory.unsupported = unsupported.into_iter().map(|(group, _)| group).collect();
        for group in &memory.unsupported {
            self.board.put(group.clone(), GroupStatus::unsupported());
        }
        let listed: BTreeSet<GroupId> = supported.into_iter().map(|(group, _)| group).collect();
        let unlisted = self.unlisted(memory, former, &listed)?;
        let asked: Vec<GroupId> = listed.iter().chain(&unlisted).cloned().collect();
        let mut reads = stream::iter(asked)
            .map(|group| async move { (self.source.offsets(&group).await, group) })
            .buffer_unordered(GROUPS_AT_ONCE);
        let mut refused = Refused::new();
        while let Some((offsets, group)) = reads.next().await {
            let commits = match offsets {
                Ok(offsets) if offsets.is_empty() && unlisted.contains(&group) => {
                    memory.gone.insert(group.clone());
                    None
                }
                Ok(offsets) => Some(self.in_link(offsets)),
                Err(error) if matches!(error.kind(), Kind::Broker(_)) => {
                    refused.insert((group.clone(), None), error.chain());
                    former.and_then(|former| former.groups.get(&group).cloned())
                }
                Err(error) => return Err(error),
            };
            snapshot
                .groups
                .extend(commits.map(|commits| (group, commits)));
        }
        drop(reads);
        if let Some(former) = former {
            self.keep_hidden(former, &mut snapshot, &mut refused)
                .await?;
        }
        memory.note_refused(refused);
        if memory.has_cut_of(&snapshot) {
            return Ok(None);
        }
        snapshot.ends = latest.map(|latest| latest.ends.clone()).unwrap_or_default();
        let mirrored = self.mirrored.partitions();
        let asked: Vec<TopicPartition> = mirrored.iter().map(|m| m.partition.clone()).collect();
        let keeps = |partition: &TopicPartition| asked.binary_search(partition).is_ok();
        snapshot.ends.retain(|partition, _| keeps(partition));
        let ends = self.source.ends(&asked, LogEdge::LastStable).await?;
        let silent = mirrored.into_iter().filter(MirroredPartition::advances);
        let silent = silent.map(|m| m.partition);
        let silent = silent.filter(|p| !ends.contains_key(p)).collect();
        let ends = ends.into_iter().map(|(p, end)| (p, SourceOffset(end)));
        snapshot.ends.extend(ends);
        Ok(Some((snapshot, silent)))
    }

    /// What an earlier process last saw on the source.
    pub(super) fn former(&self) -> Result<Option<Arc<Snapshot>>> {
        let stored = self.ledger.snapshot()?;
        Ok(stored.map(|mut stored| {
            stored.forget_former(&self.mirrored.partitions());
            Arc::new(stored)
        }))
    }

    /// Keeps the former commits in topics that may not be seen any more: brokers leave out offsets in them, and don't say so.
    async fn keep_hidden(
        &self,
        former: &Snapshot,
        snapshot: &mut Snapshot,
        refused: &mut Refused,
    ) -> Result<()> {
        let mut missing: BTreeMap<TopicName, Vec<(GroupId, TopicPartition)>> = BTreeMap::new();
        for (group, commits) in &snapshot.groups {
            let before = former.groups.get(group).into_iter().flatten();
            for (partition, _) in before.filter(|(it, _)| !commits.contains_key(*it)) {
                let of_topic = missing.entry(partition.topic.clone()).or_default();
                of_topic.push((group.clone(), partition.clone()));
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let topics: Vec<TopicName> = missing.keys().cloned().collect();
        for (topic, error) in self.source.hidden_topics(&topics).await? {
            for (group, partition) in missing.remove(&topic).unwrap_or_default() {
                let commit = former.groups[&group][&partition].clone();
                let commits = snapshot.groups.entry(group.clone()).or_default();
                commits.insert(partition, commit);
                refused.insert((group, Some(topic.clone())), error.chain());
            }
        }
        Ok(())
    }

    /// Groups that the source was known to have and doesn't list, except for those that are gone.
    fn unlisted(
        &self,
        memory: &mut Memory,
        latest: Option<&Snapshot>,
        listed: &BTreeSet<GroupId>,
    ) -> Result<BTreeSet<GroupId>> {
        if memory.recorded.is_none() {
            memory.recorded = Some(self.recorded(memory)?);
        }
        memory.gone.retain(|group| !listed.contains(group));
        let seen = latest.into_iter().flat_map(|latest| latest.groups.keys());
        let known = memory.recorded.iter().flatten().chain(seen);
        let is_asked = |group: &&GroupId| {
            let is_settled = listed.contains(*group) || memory.gone.contains(*group);
            !is_settled && !memory.unsupported.contains(*group)
        };
        Ok(known.filter(is_asked).cloned().collect())
    }

    /// The committed ones of `offsets` that are in partitions of the link.
    fn in_link(
        &self,
        offsets: BTreeMap<TopicPartition, CommittedOffset>,
    ) -> BTreeMap<TopicPartition, SourceCommit> {
        let in_link = offsets
            .into_iter()
            .filter(|(p, c)| c.offset >= 0 && self.mirrored.mirror_topic(&p.topic).is_some());
        let commits = in_link.map(|(partition, committed)| {
            let commit = SourceCommit {
                offset: SourceOffset(committed.offset),
                metadata: committed.metadata,
            };
            (partition, commit)
        });
        commits.collect()
    }
}
