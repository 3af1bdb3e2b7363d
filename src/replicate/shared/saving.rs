//! What of a partition goes into the checkpoint DB, and until when it counts as unsaved: each save has everything that no
//! earlier one is known to have stored, so one that is refused loses nothing. A decision is saved as a whole or not at all.

use crate::checkpoint::{PartitionRecord, Update, records};
use crate::error::Result;
use crate::model::{SourceOffset, TargetOffset};
use crate::offsets::{Receipt, RunMap};

use super::partition::{Known, Tracked, stored};

impl Tracked {
    /// Goes back to what is stored, as a crash would, if what was taken over since could not be.
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

    /// Adds everything that changed to an update; the receipt goes to [`Known::stored`] once that is durable. Until then it
    /// counts as changed, and later saves have it too. None, and nothing added, while a decision isn't known to be durable.
    pub(crate) fn save(&self, update: &mut Update) -> Option<Receipt> {
        let mut known = self.lock();
        known.is_certain().then(|| self.add(&mut known, update))
    }

    /// Adds everything that changed to the update that makes a decision, which was taken over.
    pub(crate) fn save_decision(&self, update: &mut Update) -> Receipt {
        let mut known = self.lock();
        known.pending = true;
        self.add(&mut known, update)
    }

    fn add(&self, known: &mut Known, update: &mut Update) -> Receipt {
        let changes = known.map.take_changes();
        self.runs().apply(update, changes.blocks);
        records::put_partition(update, &self.key, &known.record);
        known.unsaved = Some(changes.receipt);
        changes.receipt
    }

    /// Adds the removal of runs below both log starts to an update: nobody can stand there any more.
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
        // What lay before is no longer told from what was never mirrored.
        let first = known.map.to_source(TargetOffset::ZERO, &runs)?.or_next();
        known.record.origin = known.record.origin.max(first);
        records::put_partition(update, &self.key, &known.record);
        Ok(())
    }
}

impl Known {
    /// Notes a change that is worth storing lazily.
    pub(crate) fn touch(&mut self) {
        self.unsaved = Some(self.map.next_receipt());
    }

    /// Whether there is a change that isn't known to be durable.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.unsaved.is_some()
    }

    /// Notes that a save is durable.
    pub(crate) fn stored(&mut self, receipt: Receipt) {
        self.map.stored(receipt);
        self.unsaved = self.unsaved.filter(|first| *first > receipt);
    }

    /// Whether the checkpoint DB holds every decision that was taken over.
    pub(crate) fn is_certain(&self) -> bool {
        !self.pending && !self.stale
    }

    /// Notes that a decision which was taken over is durable, or couldn't be stored.
    pub(crate) fn decided(&mut self, is_stored: bool) {
        self.pending = false;
        self.stale |= !is_stored;
    }

    /// Decides to start over with an empty map and nothing to be saved.
    pub(crate) fn start_over(&mut self, record: PartitionRecord) {
        self.record = record;
        let empty = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
        self.map.replace(empty);
        (self.begun, self.unsaved, self.pending) = (false, None, true);
    }
}

#[cfg(test)]
mod tests;
