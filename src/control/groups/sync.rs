//! The group sync loop: takes a snapshot of the source each interval and applies the last reached cut to the target.
//!
//! An unreachable cluster doesn't end it. Without the source, the written offsets are kept from expiring; without the
//! target, the loop waits until it answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::GroupFilter;
use crate::control::permit::permit;
use crate::control::{Mirrored, MirroredPartition, TargetLog};
use crate::error::{Kind, Result};
use crate::model::{GroupId, LinkIntents, SourceOffset, TopicPartition, Untranslatable};
use crate::task::log_once::Notice;
use crate::task::{InFlight, Rounds};

use super::apply::{Carrier, Wants};
use super::cluster::{GROUPS_AT_ONCE, GroupActivity, LogEdge, Site};
use super::commit::SourceCommit;
use super::committed::Ledger;
use super::cut::{Behind, ConsistentCut, Snapshot, counts};
use super::status::{Board, GroupPartitionStatus, GroupState, GroupStatus};

#[cfg(test)]
mod tests;

/// How long the target's offsets go unread while the source's don't change.
const IDLE_PASS: Duration = Duration::from_secs(5);
/// How long the source's ends go unread while its offsets don't change: all they add is what a lost source took with it.
const IDLE_LOOK: Duration = Duration::from_secs(15);
/// How often an unchanged offset is committed within the target's offset retention (H17).
const REFRESHES_PER_RETENTION: i64 = 4;
/// The retention assumed for a target that doesn't report one, in milliseconds: the shortest default of any Kafka version.
const RETENTION_UNTOLD_MS: i64 = 24 * 60 * 60 * 1000;

/// The parts that group sync of one link works with.
#[derive(Debug)]
pub struct GroupSync {
    pub source: Arc<dyn Site>,
    pub target: Arc<dyn Site>,
    pub mirrored: Arc<dyn Mirrored>,
    /// The record of what was written.
    pub ledger: Arc<Ledger>,
    /// Where the status is published.
    pub board: Arc<Board>,
    /// The groups of the link.
    pub filter: GroupFilter,
    /// The time between two looks at the source.
    pub interval: Duration,
    /// Tracks offset writes in flight.
    pub in_flight: InFlight,
}

/// The loop's state between rounds.
#[derive(Debug)]
struct Memory {
    cut: ConsistentCut,
    latest: Option<Arc<Snapshot>>,
    /// Partitions whose ends the source didn't report at the last look.
    silent: Vec<TopicPartition>,
    applied: Option<Arc<Snapshot>>,
    /// The number of partitions not yet read on the target at the last look.
    unread: usize,
    /// When the source was last asked for its ends.
    looked_at: Option<Instant>,
    /// When the last pass over the target succeeded.
    passed_at: Option<Instant>,
    retention_ms: Option<i64>,
    holding: Holding,
    reading: Notice,
    writing: Notice,
}

/// The link's intents as obeyed by group sync. Offsets in topics whose intent forbids writes aren't refreshed, and are the
/// first to be written on a resume.
#[derive(Debug, Default)]
struct Holding {
    obeyed: Arc<LinkIntents>,
    /// Whether offsets that weren't refreshed may be written again.
    resumed: bool,
}

impl Holding {
    /// Obeys the current intents. Returns whether a pass over the target is due: after a resume until one succeeds, after
    /// any other change once.
    fn follow(&mut self, intents: &Arc<LinkIntents>) -> bool {
        let before = std::mem::replace(&mut self.obeyed, Arc::clone(intents));
        let is_other = !Arc::ptr_eq(&before, intents) && before != *intents;
        self.resumed |= is_other && resumes(&before, intents);
        is_other || self.resumed
    }

    /// Notes that a pass over the target succeeded.
    fn passed(&mut self) {
        self.resumed = false;
    }

    /// The age, in milliseconds, from which an unchanged offset is committed again.
    fn refresh_after_ms(&self, retention_ms: Option<i64>) -> i64 {
        if self.resumed {
            return 0;
        }
        retention_ms.unwrap_or(RETENTION_UNTOLD_MS) / REFRESHES_PER_RETENTION
    }
}

/// Whether `now` permits writes to a topic for which `before` forbids them.
fn resumes(before: &LinkIntents, now: &LinkIntents) -> bool {
    let of_link = !before.of_link().writes() && now.of_link().writes();
    let mut topics = before.topics.keys();
    of_link || topics.any(|it| !before.of(it).writes() && now.of(it).writes())
}

impl GroupSync {
    /// Runs until `token` is cancelled.
    ///
    /// Errors: the checkpoint DB failed; nothing else ends the loop.
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

    /// Takes a snapshot. All group offsets are read before the ends, so that everything that led to a commit lies before
    /// its partition's end (H19). Returns `None` if the offsets equal the last snapshot's, because they would make the same
    /// cut.
    ///
    /// An answer missing for one group or partition is taken from the last snapshot. An older commit only makes the cut
    /// older. An older end makes no cut, so the partitions without a new end are returned too.
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
        let activity = self.source.groups().await?;
        let ours = activity.into_iter().filter(|(g, _)| self.filter.matches(g));
        let (unsupported, supported): (Vec<_>, Vec<_>) =
            ours.partition(|(_, activity)| *activity == GroupActivity::Unsupported);
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
        let ends = self.source.ends(&asked, LogEdge::LastStable).await?;
        let silent = mirrored.into_iter().filter(|m| counts(m.state));
        let silent = silent.map(|m| m.partition);
        let silent = silent.filter(|p| !ends.contains_key(p)).collect();
        let ends = ends.into_iter().map(|(p, end)| (p, SourceOffset(end)));
        snapshot.ends.extend(ends);
        Ok(Some((snapshot, silent)))
    }

    /// The committed offsets of `group` in partitions of the link.
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

    /// Keeps a snapshot for the case that the source is lost, and for the next cut if it makes one.
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

    /// Applies the last reached cut to the target, or refreshes what was written if no cut was reached since the start.
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
            // Where nothing is written, only expiry dates depend on the retention.
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

    /// Shows offsets that were committed on the source since the last cut.
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
            Err(Untranslatable::BeyondFrontier { frontier, .. }) => (
                GroupState::Held,
                Some(format!("the group is beyond the frontier {frontier}")),
            ),
            Ok(_)
            | Err(
                Untranslatable::UnknownPartition
                | Untranslatable::BeforeMap { .. }
                | Untranslatable::NotReady(_),
            ) => (GroupState::Pending, waits_for.map(ToOwned::to_owned)),
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
    /// Whether the last snapshot has all its ends and the same groups as `snapshot`, and isn't old.
    fn has_cut_of(&self, snapshot: &Snapshot) -> bool {
        let latest = self.latest.as_ref();
        let is_same = latest.is_some_and(|latest| latest.groups == snapshot.groups);
        is_same && self.silent.is_empty() && !is_due(self.looked_at, IDLE_LOOK)
    }

    /// Whether nothing is waiting and no pass is due.
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
            cut: ConsistentCut::default(),
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

/// Whether `every` has passed since `done_at`, or it was never done.
fn is_due(done_at: Option<Instant>, every: Duration) -> bool {
    done_at.is_none_or(|at| at.elapsed() >= every)
}

fn waits_for(silent: &[TopicPartition], behind: &[Behind]) -> Option<String> {
    if let Some(first) = silent.first() {
        return Some(format!(
            "waits for the source to report the ends of {} partitions, among them {first}",
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
