//! The known state of one mirror partition, shared with its readers: map, frontier, state, figures.
//!
//! The worker writes here once per batch; group sync, moves and the API read. Durable state is written to the checkpoint DB
//! from here, and only from here, so that an older state never overwrites a newer one.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::checkpoint::starts::StartRecord;
use crate::checkpoint::{PartitionKey, PartitionRecord, Store, StoredRuns, records};
use crate::error::{Error, Kind};
use crate::model::{
    Anchor, BrokerId, DataPath, HaltCode, History, LeaderEpoch, Moment, Monotonic, OffsetsMode,
    PartitionState, Reason, Run, SourceOffset, TargetOffset, TopicId, TopicName,
};
use crate::offsets::{Explanation, Lookup, MapError, Receipt, RunMap};
use crate::replicate::partition::phase::StartPosition;

use super::held::Held;
use super::lag_time::Milestones;

/// The number of source leader epochs remembered: enough to find where two logs diverge.
const EPOCHS_LIMIT: usize = 64;
/// The number of abandoned chains of runs remembered until an acknowledgement settles them.
const PLANS_LIMIT: usize = 8;

/// The shared state of a mirror partition.
#[derive(Debug)]
pub(crate) struct TrackedPartition {
    pub(crate) key: PartitionKey,
    pub(crate) mirror_topic: TopicName,
    pub(super) store: Arc<dyn Store>,
    state: Mutex<PartitionProgress>,
}

/// The known state, under the lock.
#[derive(Debug)]
pub(crate) struct PartitionProgress {
    /// The state to store in the checkpoint DB.
    pub(crate) record: PartitionRecord,
    pub(crate) map: RunMap,
    /// Whether the checkpoint DB knows where the partition starts.
    pub(crate) begun: bool,
    /// The start that the checkpoint DB has of it, which its own record replaces.
    pub(crate) stored_start: Option<StartRecord>,
    /// The first save that covers all changes worth storing lazily; `None` if that save is known to be durable.
    pub(super) unsaved: Option<Receipt>,
    /// Whether the state has to be reloaded: a decision was applied that couldn't be stored.
    pub(crate) stale: bool,
    /// Whether a decision was applied that isn't known to be durable. Nothing else is saved meanwhile: that would store a
    /// part of a decision that may be refused.
    pub(super) pending: bool,
    /// The ends of the source that the frontier has yet to reach.
    pub(super) milestones: Milestones,
    pub(crate) figures: Figures,
}

/// Figures of one partition, for the API and the metrics.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(crate) state: PartitionState,
    /// Why it is halted, if it is.
    pub(crate) reason: Option<Reason>,
    /// Where one of the logs lost what was mirrored, by source offset, if it halted for that.
    pub(crate) lost_from: Option<SourceOffset>,
    /// What it waits for, in words.
    pub(crate) detail: Option<String>,
    /// The target offsets being filled (from, until), while that is worth showing.
    pub(crate) filling: Option<(TargetOffset, TargetOffset)>,
    /// The source's log start offset.
    pub(crate) source_log_start: i64,
    /// The source's last stable offset.
    pub(crate) source_end: i64,
    pub(crate) source_high_watermark: i64,
    /// When these three were last heard from the source.
    pub(crate) heard: Option<Moment>,
    /// The follower that its records come from, if they don't come from the leader.
    pub(crate) read_from: Option<BrokerId>,
    /// Where it starts if it hasn't begun.
    pub(crate) start: Option<StartPosition>,
    /// The end of what the target acknowledged.
    pub(crate) target_end: i64,
    /// The target's log start offset.
    pub(crate) target_log_start: i64,
    /// Records that the target removed while the source still has them.
    pub(crate) expired: i64,
    /// The timestamp of the first record that is missing on the target, or of one shortly before it, in milliseconds.
    pub(crate) first_timestamp: Option<i64>,
    /// The open transaction that records are behind.
    pub(super) held: Option<Held>,
    /// The offset of the record that was last read because of the two above, and when.
    pub(super) read_at: Option<(i64, Monotonic)>,
    /// Records mirrored by this process.
    pub(crate) records: u64,
    /// Bytes mirrored by this process.
    pub(crate) bytes: u64,
    /// Batches forwarded and re-encoded by this process.
    pub(crate) batches: u64,
    /// Resyncs in this process.
    pub(crate) resyncs: u64,
}

impl TrackedPartition {
    /// Loads a partition's state from the checkpoint DB.
    pub(crate) fn new(
        key: PartitionKey,
        mirror_topic: TopicName,
        store: Arc<dyn Store>,
    ) -> crate::error::Result<Self> {
        let (record, map, begun) = stored(&*store, &key)?;
        let figures = Figures {
            state: PartitionState::Preparing,
            reason: None,
            lost_from: None,
            detail: None,
            filling: None,
            source_log_start: -1,
            source_end: -1,
            source_high_watermark: -1,
            heard: None,
            read_from: None,
            start: None,
            target_end: record.acked_end.get().max(map.target_end().get()),
            target_log_start: -1,
            expired: 0,
            first_timestamp: None,
            held: None,
            read_at: None,
            records: 0,
            bytes: 0,
            batches: 0,
            resyncs: 0,
        };
        let state = Mutex::new(PartitionProgress {
            record,
            map,
            begun,
            stored_start: None,
            unsaved: None,
            stale: false,
            pending: false,
            milestones: Milestones::default(),
            figures,
        });
        Ok(Self {
            key,
            mirror_topic,
            store,
            state,
        })
    }

    /// Returns its stored runs.
    pub(crate) fn runs(&self) -> StoredRuns<'_> {
        StoredRuns::new(&*self.store, &self.key)
    }

    /// Locks the known state; hold the lock for moments only.
    pub(crate) fn lock(&self) -> MutexGuard<'_, PartitionProgress> {
        self.state.lock()
    }

    /// Advances the frontier over a stretch without records to mirror.
    pub(crate) fn pass(&self, frontier: SourceOffset) {
        let mut known = self.lock();
        known.advance(frontier);
        known.judge_state();
    }

    /// Shows a state, and what the partition waits for.
    pub(crate) fn show(&self, state: PartitionState, detail: Option<String>) {
        let mut known = self.lock();
        known.figures.state = state;
        known.figures.detail = detail;
        if !state.needs_operator() {
            known.figures.reason = None;
        }
    }

    /// Shows why the partition is halted.
    pub(crate) fn show_halted(&self, reason: Reason) {
        let mut known = self.lock();
        known.figures.state = reason.code.state();
        known.figures.detail = None;
        known.figures.lost_from = self.lost_from(&known, &reason);
        known.figures.reason = Some(reason);
    }

    /// Returns the source offset from which on one of the logs lost what was mirrored, if that is the reason.
    fn lost_from(&self, known: &PartitionProgress, reason: &Reason) -> Option<SourceOffset> {
        match reason.code {
            HaltCode::SourceTruncated => reason.source_offset,
            HaltCode::TargetTruncated => {
                let image = known.map.to_source(reason.target_offset?, &self.runs());
                // Without the map, anything may be missing.
                Some(image.map_or(SourceOffset::ZERO, Lookup::or_next))
            }
            _ => None,
        }
    }
}

impl PartitionProgress {
    /// Advances the frontier; it never goes back, because the target keeps what it holds.
    pub(crate) fn advance(&mut self, frontier: SourceOffset) {
        if frontier > self.record.frontier {
            self.record.frontier = frontier;
            self.touch();
            self.note_reached();
        }
    }

    /// Adds runs that are about to be stored ahead of their data to the current plan, or to a new one if `fresh`.
    pub(crate) fn plan(&mut self, runs: &[Run], fresh: bool) {
        if fresh || self.record.plans.is_empty() {
            self.record.plans.push(Vec::new());
        }
        let surplus = self.record.plans.len().saturating_sub(PLANS_LIMIT);
        self.record.plans.drain(..surplus);
        if let Some(plan) = self.record.plans.last_mut() {
            plan.extend_from_slice(runs);
        }
    }

    /// Appends runs that landed to the map, and drops all plans for offsets below the new end.
    pub(crate) fn landed(&mut self, runs: &[Run], frontier: SourceOffset) -> Result<(), MapError> {
        for run in runs {
            self.map.append(*run)?;
            self.record.history.anchor = None;
        }
        self.record.acked_end = self.end();
        self.figures.target_end = self.record.acked_end.get();
        self.forget_plans();
        self.advance(frontier);
        Ok(())
    }

    /// Applies an explanation of the target's log up to `end`.
    pub(crate) fn explained(
        &mut self,
        explanation: &Explanation,
        end: TargetOffset,
    ) -> Result<(), MapError> {
        let first = explanation.runs.first().map_or(end, |run| run.target);
        if self.map.last().is_some() && self.record.history.anchor.is_none() {
            self.map.extend_last_to(first.max(self.map.target_end()))?;
        }
        self.landed(&explanation.runs, explanation.position)
    }

    /// Like [`Self::explained`], for a log that may hold records this process didn't write; the source's epochs for them are
    /// unknown.
    pub(crate) fn found(
        &mut self,
        explanation: &Explanation,
        end: TargetOffset,
    ) -> Result<(), MapError> {
        if explanation.position > self.record.frontier {
            self.record.epochs.clear();
        }
        self.explained(explanation, end)
    }

    /// Returns the target offset after the last record that has an image. A map that was given up has none, wherever it
    /// resumes.
    pub(crate) fn mapped(&self) -> TargetOffset {
        self.map.last().map_or(TargetOffset::ZERO, Run::target_end)
    }

    /// Returns the run that the next record continues: the map's last run, or an empty one where the map resumes.
    pub(crate) fn last_run(&self) -> Option<Run> {
        let anchor = self.record.history.anchor;
        anchor.map_or_else(|| self.map.last().copied(), |anchor| Some(anchor.run()))
    }

    /// Returns the target offset of the next record.
    pub(crate) fn end(&self) -> TargetOffset {
        let anchor = self.record.history.anchor;
        anchor.map_or_else(|| self.map.target_end(), |anchor| anchor.target)
    }

    fn forget_plans(&mut self) {
        if self.record.plans.is_empty() {
            return;
        }
        let end = self.record.acked_end;
        for plan in &mut self.record.plans {
            plan.retain(|run| run.target >= end);
        }
        self.record.plans.retain(|plan| !plan.is_empty());
    }

    /// Remembers the leader epoch of a source batch; `first` is the first offset of the epoch.
    pub(crate) fn note_epoch(&mut self, epoch: LeaderEpoch, first: SourceOffset) {
        let known = self
            .record
            .epochs
            .last()
            .map_or(LeaderEpoch::UNKNOWN, |last| last.0);
        if epoch > known {
            self.record.epochs.push((epoch, first));
            let surplus = self.record.epochs.len().saturating_sub(EPOCHS_LIMIT);
            self.record.epochs.drain(..surplus);
            self.touch();
        }
    }
}

/// Loads what is stored for a partition: its record, its map, and whether there is anything at all.
pub(super) fn stored(
    store: &dyn Store,
    key: &PartitionKey,
) -> crate::error::Result<(PartitionRecord, RunMap, bool)> {
    let stored = records::load_partition(store, key)?;
    let begun = stored.is_some();
    let record = stored.unwrap_or_else(blank);
    // In preserve mode the filler from offset 0 on belongs to the map.
    let first = match record.offsets {
        OffsetsMode::Translate => record.origin,
        OffsetsMode::Preserve => SourceOffset::ZERO,
    };
    let anchor = record.history.anchor.unwrap_or(Anchor {
        source: first,
        target: TargetOffset::ZERO,
    });
    let mut map = StoredRuns::new(store, key).load(anchor.source, anchor.target)?;
    // The last run grew up to the acknowledged end without a write: unless it is extended, its records would seem to lie at
    // the end. On the record path each transaction has a run of its own, and what is acknowledged ends with its marker.
    let grew = record.path == DataPath::Raw && record.history.anchor.is_none();
    if grew && map.last().is_some() && record.acked_end > map.target_end() {
        map.extend_last_to(record.acked_end).map_err(|error| {
            let message = "the offset map in the checkpoint DB ends before the acknowledged end";
            Error::new(Kind::Store, message).caused_by(error)
        })?;
    }
    Ok((record, map, begun))
}

/// Returns the record of a partition of which nothing is known.
pub(crate) fn blank() -> PartitionRecord {
    PartitionRecord {
        source_topic_id: TopicId::NONE,
        target_topic_id: TopicId::NONE,
        origin: SourceOffset::ZERO,
        frontier: SourceOffset::ZERO,
        acked_end: TargetOffset::ZERO,
        epochs: Vec::new(),
        plans: Vec::new(),
        incarnation: 0,
        history: History::default(),
        offsets: OffsetsMode::Translate,
        path: DataPath::Raw,
        fence_epoch: 0,
        complete_ms: None,
    }
}

#[cfg(test)]
mod tests;
