//! The group sync loop: takes a snapshot of the source each interval and applies the last reached cut to the target.
//!
//! An unreachable cluster doesn't end it. Without the source, the written offsets are kept from expiring; without the
//! target, the loop waits until it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::GroupFilter;
use crate::control::permit::link_permit;
use crate::control::{Mirrored, MirroredPartition};
use crate::error::{Kind, Result};
use crate::model::{GroupId, TopicPartition, Untranslatable};
use crate::task::{InFlight, Rounds};

use super::apply::Carrier;
use super::cluster::Site;
use super::commit::SourceCommit;
use super::committed::Ledger;
use super::cut::{Behind, Snapshot};
use super::status::{Board, GroupPartitionStatus, GroupState};
use super::wants::Wants;

mod look;
mod memory;
#[cfg(test)]
mod tests;

use memory::{IDLE_PASS, Memory, is_due};

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
        match self.look_in_time(memory, now_ms).await {
            Ok(news) => {
                memory.reading.worked();
                if let Some((snapshot, silent)) = news {
                    self.take_in(memory, snapshot, silent).await?;
                }
                self.ledger.confirm(now_ms);
                self.board.note_read(now_ms);
            }
            Err(error) if error.kind() == Kind::Store => return Err(error),
            Err(error) => {
                memory.reading.failed(&error);
                self.board.note_unread(error.chain());
                if memory.latest.is_none() && memory.stored.is_none() {
                    self.remember(memory)?;
                }
            }
        }
        let is_other = memory.holding.follow(&self.mirrored.intents());
        if memory.rests() && !is_other {
            self.board.show_refused(&memory.refused);
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
        self.board.show_refused(&memory.refused);
        Ok(())
    }

    /// Loads what an earlier process last saw on the source, to be shown while the source doesn't answer.
    fn remember(&self, memory: &mut Memory) -> Result<()> {
        if let Some(stored) = self.former()? {
            self.board.note_former(self.ledger.as_of_ms(&stored));
            memory.stored = Some(stored);
        }
        Ok(())
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
        if is_known {
            self.ledger.confirm_snapshot(snapshot.taken_at_ms).await?;
        } else {
            self.ledger.save_snapshot(&snapshot).await?;
        }
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
        let recorded = self.recorded(memory)?;
        memory.recorded = Some(recorded.clone());
        let wants = match &memory.applied {
            Some(snapshot) => Wants::Known {
                snapshot: Arc::clone(snapshot),
                recorded,
                gone: memory.gone.clone(),
            },
            None => Wants::Unknown {
                recorded,
                // What this process has seen waits for a cut, and is shown as pending.
                last: memory.stored.clone().filter(|_| memory.latest.is_none()),
            },
        };
        let shown = wants.groups();
        let carried = self.carry(memory, wants, now_ms).await;
        let latest = memory.latest.iter().flat_map(|latest| latest.groups.keys());
        let latest: BTreeSet<&GroupId> = latest.chain(&memory.unsupported).collect();
        self.board
            .keep(|group| shown.contains(group) || latest.contains(group));
        match carried {
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
        let (intents, _writing) = link_permit(&self.in_flight, || self.mirrored.intents()).await;
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
            moved_by: None,
            expires_at: None,
            detail,
        }
    }
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
