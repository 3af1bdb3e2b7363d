//! The group sync loop: a snapshot of the source each interval, the reached cut applied to the target.
//!
//! A cluster that can't be reached ends nothing: without the source what was written is kept from expiring, without the
//! target nothing is done until it answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::GroupFilter;
use crate::control::permit::permit;
use crate::control::{Lookup, Mirrored, MirroredPartition, TargetLog};
use crate::error::{Kind, Result};
use crate::model::{GroupId, SourceOffset, TopicPartition};
use crate::task::log_once::Notice;
use crate::task::{InFlight, Rounds};

use super::apply::{Carrier, Wants};
use super::cluster::{End, GROUPS_AT_ONCE, Site, Standing};
use super::commit::SourceCommit;
use super::committed::Ledger;
use super::cut::{Behind, Cut, Snapshot, counts};
use super::held::Holding;
use super::status::{Board, GroupPartitionStatus, GroupState, GroupStatus};

#[cfg(test)]
mod tests;

/// How long the target's offsets go unread while the source's don't change.
const IDLE_PASS: Duration = Duration::from_secs(5);
/// How long the source's ends do: what they still tell then is only what a lost source took with it.
const IDLE_LOOK: Duration = Duration::from_secs(15);

/// What group sync of one link works with.
#[derive(Debug)]
pub struct GroupSync {
    /// The source cluster.
    pub source: Arc<dyn Site>,
    /// The target cluster.
    pub target: Arc<dyn Site>,
    /// The link's mirrored partitions.
    pub mirrored: Arc<dyn Mirrored>,
    /// What was written.
    pub ledger: Arc<Ledger>,
    /// Where status is shown.
    pub board: Arc<Board>,
    /// The groups of the link.
    pub filter: GroupFilter,
    /// How often the source is looked at.
    pub interval: Duration,
    /// Tracks writes of offsets in flight.
    pub in_flight: InFlight,
}

/// What the loop remembers between rounds.
#[derive(Debug)]
struct Memory {
    cut: Cut,
    latest: Option<Arc<Snapshot>>,
    /// Partitions whose ends the source didn't tell at the last look.
    silent: Vec<TopicPartition>,
    applied: Option<Arc<Snapshot>>,
    /// How many partitions hadn't been read on the target at the last look.
    unread: usize,
    /// When the source was last asked for ends.
    looked_at: Option<Instant>,
    /// When the last pass over the target ended well.
    passed_at: Option<Instant>,
    retention_ms: Option<i64>,
    holding: Holding,
    reading: Notice,
    writing: Notice,
}

impl GroupSync {
    /// Runs until the token is cancelled.
    ///
    /// Errors: the checkpoint DB failed; nothing else ends it.
    pub async fn run(self, token: CancellationToken) -> Result<()> {
        let mut memory = Memory::new();
        let mut rounds = Rounds::every(self.interval, token);
        while rounds.next().await {
            let Some(round) = rounds
                .unless_stopped(self.round(&mut memory, jiff::Timestamp::now().as_millisecond()))
                .await
            else {
                break;
            };
            round?;
        }
        Ok(())
    }

    async fn round(&self, memory: &mut Memory, now_ms: i64) -> Result<()> {
        match self.look(memory, now_ms).await {
            Ok(news) => {
                memory.reading.worked();
                if let Some((snapshot, silent)) = news {
                    self.take_in(memory, snapshot, silent).await?;
                }
            }
            Err(error) => memory.reading.failed(&error),
        }
        let is_other = memory.holding.follow(&self.mirrored.intents());
        if memory.rests() && !is_other {
            return Ok(());
        }
        let partitions = self.mirrored.partitions();
        let reached = memory.cut.take_reached(&partitions);
        let is_news = reached
            .as_ref()
            .is_some_and(|reached| !memory.has_applied(reached));
        memory.applied = reached.or(memory.applied.take());
        if let Some(applied) = &mut memory.applied
            && applied.has_former(&partitions)
        {
            Arc::make_mut(applied).forget_former(&partitions);
        }
        let has_read_more = memory.has_read_more(&partitions);
        if is_news || has_read_more || is_other || is_due(memory.passed_at, IDLE_PASS) {
            self.apply(memory, now_ms).await?;
        }
        self.show_pending(memory, &partitions);
        Ok(())
    }

    /// Reads all group offsets first and the ends after them: whatever led to a commit is before its partition's end (H19).
    /// Offsets that are those of the last snapshot make no other cut than that one, so there is none for them.
    ///
    /// What a broker doesn't tell about one group or partition is taken from the last snapshot. An older commit only makes
    /// the cut older; an older end makes none, so the partitions without a new one are given too.
    async fn look(
        &self,
        memory: &Memory,
        now_ms: i64,
    ) -> Result<Option<(Snapshot, Vec<TopicPartition>)>> {
        let latest = memory.latest.as_deref();
        let mut snapshot = Snapshot {
            taken_at_ms: now_ms,
            ..Snapshot::default()
        };
        let standing = self.source.groups().await?;
        let ours = standing.into_iter().filter(|(g, _)| self.filter.matches(g));
        let (unsupported, supported): (Vec<_>, Vec<_>) =
            ours.partition(|(_, standing)| *standing == Standing::Unsupported);
        for (group, _) in unsupported {
            self.board.put(group, GroupStatus::unsupported());
        }
        let mut reads = stream::iter(supported)
            .map(|(group, _)| async move { (self.commits(&group).await, group) })
            .buffer_unordered(GROUPS_AT_ONCE);
        while let Some((commits, group)) = reads.next().await {
            let commits = match commits {
                Ok(commits) => Some(commits),
                Err(error) if matches!(error.kind(), Kind::Broker(_)) => {
                    latest.and_then(|latest| latest.groups.get(&group).cloned())
                }
                Err(error) => return Err(error),
            };
            snapshot
                .groups
                .extend(commits.map(|commits| (group, commits)));
        }
        drop(reads);
        if memory.has_cut_of(&snapshot) {
            return Ok(None);
        }
        snapshot.ends = latest.map(|latest| latest.ends.clone()).unwrap_or_default();
        let mirrored = self.mirrored.partitions();
        let asked: Vec<TopicPartition> = mirrored.iter().map(|m| m.partition.clone()).collect();
        let keeps = |partition: &TopicPartition| asked.binary_search(partition).is_ok();
        snapshot.ends.retain(|partition, _| keeps(partition));
        let ends = self.source.ends(&asked, End::LastStable).await?;
        let silent = mirrored.into_iter().filter(|m| counts(m.state));
        let silent = silent.map(|m| m.partition);
        let silent = silent.filter(|p| !ends.contains_key(p)).collect();
        let ends = ends.into_iter().map(|(p, end)| (p, SourceOffset(end)));
        snapshot.ends.extend(ends);
        Ok(Some((snapshot, silent)))
    }

    /// A group's offsets in partitions of the link.
    async fn commits(&self, group: &GroupId) -> Result<BTreeMap<TopicPartition, SourceCommit>> {
        let offsets = self.source.offsets(group).await?;
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
        Ok(commits.collect())
    }

    /// Keeps a snapshot for a dead source, and for the next cut if it makes one.
    async fn take_in(
        &self,
        memory: &mut Memory,
        snapshot: Snapshot,
        silent: Vec<TopicPartition>,
    ) -> Result<()> {
        let is_known = memory
            .latest
            .as_ref()
            .is_some_and(|latest| latest.groups == snapshot.groups && latest.ends == snapshot.ends);
        if !is_known {
            self.ledger.save_snapshot(&snapshot).await?;
        }
        self.board.keep(|group| self.filter.matches(group));
        let snapshot = Arc::new(snapshot);
        memory.latest = Some(Arc::clone(&snapshot));
        if silent.is_empty() {
            memory.cut.offer(snapshot);
        }
        self.board.note_silent(&silent);
        memory.silent = silent;
        memory.looked_at = Some(Instant::now());
        Ok(())
    }

    /// Brings the target to the last reached cut, or keeps what was written if there was none since the start.
    async fn apply(&self, memory: &mut Memory, now_ms: i64) -> Result<()> {
        let wants = match &memory.applied {
            Some(snapshot) => Wants::Known(Arc::clone(snapshot)),
            None => Wants::Unknown(self.ledger.groups()?),
        };
        match self.carry(memory, wants, now_ms).await {
            Ok(()) => {
                memory.holding.passed();
                memory.passed_at = Some(Instant::now());
                memory.writing.worked();
            }
            Err(error) if error.kind() == Kind::Store => return Err(error),
            Err(error) => {
                memory.passed_at = None;
                memory.writing.failed(&error);
            }
        }
        Ok(())
    }

    async fn carry(&self, memory: &mut Memory, wants: Wants, now_ms: i64) -> Result<()> {
        let (intents, _writing) = permit(&self.in_flight, || self.mirrored.intents()).await;
        if memory.retention_ms.is_none() {
            let told = self.target.offsets_retention_ms().await;
            // Where nothing is written, only the dates depend on it.
            memory.retention_ms = match told {
                Err(error) if intents.of_link().writes() => return Err(error),
                told => told.unwrap_or_default(),
            };
        }
        let carrier = Carrier {
            target: self.target.as_ref(),
            mirrored: self.mirrored.as_ref(),
            ledger: &self.ledger,
            board: &self.board,
            now_ms,
            refresh_after_ms: memory.holding.refresh_after_ms(memory.retention_ms),
            retention_ms: memory.retention_ms,
            intents,
        };
        carrier.carry(wants).await
    }

    /// Shows what was committed on the source since the last cut.
    fn show_pending(&self, memory: &Memory, partitions: &[MirroredPartition]) {
        let Some(latest) = &memory.latest else { return };
        let nothing = BTreeMap::new();
        let waits_for = waits_for(&memory.silent, &memory.cut.waits_for(partitions));
        for (group, commits) in &latest.groups {
            let applied = memory.applied.as_ref().and_then(|s| s.groups.get(group));
            let applied = applied.unwrap_or(&nothing);
            let newer = commits.iter().filter(|(p, c)| applied.get(*p) != Some(c));
            let pending = newer.map(|(p, c)| self.pending(p, c, waits_for.as_deref()));
            self.board.show_pending(group, pending.collect());
        }
    }

    fn pending(
        &self,
        partition: &TopicPartition,
        commit: &SourceCommit,
        waits_for: Option<&str>,
    ) -> GroupPartitionStatus {
        let (state, detail) = match self.mirrored.lookup(partition, commit.offset) {
            Lookup::Beyond { frontier, .. } => (
                GroupState::Held,
                Some(format!("the group is beyond the frontier {frontier}")),
            ),
            Lookup::Mapped(_)
            | Lookup::Near(..)
            | Lookup::Before { .. }
            | Lookup::NotMirrored
            | Lookup::NotReady(_) => (GroupState::Pending, waits_for.map(ToOwned::to_owned)),
        };
        GroupPartitionStatus {
            partition: partition.clone(),
            source_offset: Some(commit.offset),
            target_offset: None,
            state,
            exact: false,
            expires_at: None,
            detail,
        }
    }
}

impl Memory {
    /// Whether the last snapshot, with all its ends, has the same groups and isn't old.
    fn has_cut_of(&self, snapshot: &Snapshot) -> bool {
        let latest = self.latest.as_ref();
        let is_same = latest.is_some_and(|latest| latest.groups == snapshot.groups);
        is_same && self.silent.is_empty() && !is_due(self.looked_at, IDLE_LOOK)
    }

    /// Whether nothing waits, and nothing is due.
    fn rests(&self) -> bool {
        let waits = !self.cut.is_empty() || !self.silent.is_empty() || self.unread > 0;
        !waits && !is_due(self.passed_at, IDLE_PASS)
    }

    fn has_applied(&self, snapshot: &Snapshot) -> bool {
        let applied = self.applied.as_ref();
        applied.is_some_and(|applied| applied.groups == snapshot.groups)
    }

    /// Whether partitions were read on the target since the last look.
    fn has_read_more(&mut self, partitions: &[MirroredPartition]) -> bool {
        let unread = partitions
            .iter()
            .filter(|it| it.target_log == TargetLog::Unread);
        let unread = unread.count();
        std::mem::replace(&mut self.unread, unread) > unread
    }

    fn new() -> Self {
        Self {
            cut: Cut::default(),
            latest: None,
            silent: Vec::new(),
            applied: None,
            unread: 0,
            looked_at: None,
            passed_at: None,
            retention_ms: None,
            holding: Holding::default(),
            reading: Notice::of("read the groups of the source"),
            writing: Notice::of("carry group offsets to the target"),
        }
    }
}

/// Whether something has to be done again.
fn is_due(done_at: Option<Instant>, every: Duration) -> bool {
    done_at.is_none_or(|at| at.elapsed() >= every)
}

fn waits_for(silent: &[TopicPartition], behind: &[Behind]) -> Option<String> {
    if let Some(first) = silent.first() {
        return Some(format!(
            "waits until the source tells where {} partitions end; {first} is one",
            silent.len()
        ));
    }
    let first = behind.first()?;
    let at = first
        .frontier
        .map_or("unknown".to_owned(), |at| at.to_string());
    Some(format!(
        "waits for {} partitions; {} has to reach {} and is at {at}",
        behind.len(),
        first.partition,
        first.end
    ))
}
