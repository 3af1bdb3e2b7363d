//! Saves partitions to the checkpoint DB: each save contains every change that no earlier one is known to have stored, so a
//! refused save loses nothing. A decision is saved as a whole or not at all.

use crate::checkpoint::starts::delete_start;
use crate::checkpoint::{PartitionRecord, Update, records};
use crate::error::Result;
use crate::model::{SourceOffset, TargetOffset};
use crate::offsets::{Receipt, RunMap};

use super::partition::{PartitionProgress, TrackedPartition, stored};

impl TrackedPartition {
    /// Goes back to the stored state, as a crash would, if later changes couldn't be stored.
    pub(crate) fn freshen(&self) -> Result<()> {
        let mut known = self.lock();
        if !known.stale {
            return Ok(());
        }
        let (record, map, begun) = stored(&*self.store, &self.key)?;
        known.map.replace(map);
        (known.record, known.begun, known.stale) = (record, begun, false);
        (known.unsaved, known.pending) = (None, false);
        Ok(())
    }

    /// Adds all changes to an update; pass the receipt to [`PartitionProgress::stored`] once the update is durable. Until then they
    /// count as unsaved, and later saves contain them too. Adds nothing and returns `None` while a decision isn't known to
    /// be durable.
    pub(crate) fn save(&self, update: &mut Update) -> Option<Receipt> {
        let mut known = self.lock();
        known.is_certain().then(|| self.add(&mut known, update))
    }

    /// Adds all changes to the update that stores a decision, which the state already reflects.
    pub(crate) fn save_decision(&self, update: &mut Update) -> Receipt {
        let mut known = self.lock();
        known.pending = true;
        self.add(&mut known, update)
    }

    fn add(&self, known: &mut PartitionProgress, update: &mut Update) -> Receipt {
        let changes = known.map.take_changes();
        self.runs().apply(update, changes.blocks);
        records::put_partition(update, &self.key, &known.record);
        if known.stored_start.is_some() {
            delete_start(update, &self.key);
        }
        known.unsaved = Some(changes.receipt);
        changes.receipt
    }

    /// Adds the removal of runs below both log starts to an update: no group can have an offset there any more.
    pub(crate) fn prune(&self, update: &mut Update) -> Result<()> {
        let runs = self.runs();
        let mut known = self.lock();
        if !known.is_certain() {
            return Ok(());
        }
        let (source, target) = (
            known.figures.source_log_start,
            known.figures.target_log_start,
        );
        let pruned = known
            .map
            .prune(SourceOffset(source), TargetOffset(target), &runs)?;
        if pruned.is_empty() {
            return Ok(());
        }
        runs.apply(update, pruned);
        // Earlier offsets can no longer be distinguished from ones that were never mirrored.
        let first = known.map.to_source(TargetOffset::ZERO, &runs)?.or_next();
        known.record.origin = known.record.origin.max(first);
        records::put_partition(update, &self.key, &known.record);
        Ok(())
    }
}

impl PartitionProgress {
    /// Records that there is a change worth storing lazily.
    pub(crate) fn touch(&mut self) {
        self.unsaved = Some(self.map.next_receipt());
    }

    /// Whether there is a change that isn't known to be durable.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved.is_some()
    }

    /// Records that a save is durable.
    pub(crate) fn stored(&mut self, receipt: Receipt) {
        self.map.stored(receipt);
        self.stored_start = None;
        self.unsaved = self.unsaved.filter(|first| *first > receipt);
    }

    /// Whether every decision that the state reflects is durable in the checkpoint DB.
    pub(crate) fn is_certain(&self) -> bool {
        !self.pending && !self.stale
    }

    /// Records that a decision is durable, or couldn't be stored.
    pub(crate) fn decided(&mut self, is_stored: bool) {
        self.pending = false;
        self.stale |= !is_stored;
    }

    /// Starts over with an empty map and nothing to save.
    pub(crate) fn start_over(&mut self, record: PartitionRecord) {
        self.record = record;
        let empty = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
        self.map.replace(empty);
        (self.begun, self.unsaved, self.pending) = (false, None, true);
    }
}

#[cfg(test)]
mod tests;
