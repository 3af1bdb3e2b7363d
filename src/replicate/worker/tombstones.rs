//! Tells where the mirror of a compacted topic may have missed deletions, see [`crate::model::Deletions`].
//!
//! The log cleaner leaves holes: a batch that doesn't begin where the one before it ended, or that holds fewer records than offsets.
//! Control batches and aborted transactions are fetched like others and leave none. On the record path they do, so that there a
//! mirror that was behind for too long is doubted more often.

use crate::kafka::batch::Batch;
use crate::model::{MirroredTopic, SourceOffset};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::shared::partition::Known;

use super::state::Worker;

impl Worker {
    /// Takes over from discovery for how long the source keeps tombstones.
    pub(crate) fn follow_tombstones(&self, index: usize, mirrored: &MirroredTopic) {
        if mirrored.conflict.is_none() {
            let mut known = self.mirrors[index].tracked.lock();
            let deletions = &mut known.record.history.deletions;
            let changed = deletions.keep(mirrored.keeps_tombstones_ms);
            if changed && known.begun {
                known.touch();
            }
        }
    }

    /// Notes for partitions without news that nothing of them is missing: answers within a fetch session leave them out.
    pub(crate) fn note_quiet(&self) {
        for mirror in &self.mirrors {
            if let Some(lanes) = mirror.life.lanes()
                && let Some(intake) = self.intakes.get(&lanes.intake)
            {
                mirror.note_quiet(intake.heard_at);
            }
        }
    }

    /// Says that deletions may be missing, and has it stored at once: the stretch is not fetched again.
    pub(crate) fn tell_missed(&mut self, index: usize) {
        let mirror = &self.mirrors[index];
        let missed = mirror.tracked.lock().record.history.deletions.missed();
        if let Some(missed) = missed {
            tracing::error!(
                link = %self.link.name, partition = %mirror.route.source, from = missed.from.get(),
                until = missed.until.get(), message = missed.message(), "deletions may be missing"
            );
        }
        self.newsworthy.push(index);
    }
}

impl Mirror {
    /// Notes that there is news of it, and none was until the answer before, at `quiet_until`.
    pub(crate) fn note_told(&mut self, quiet_until: i64) {
        self.note_quiet(quiet_until);
        self.told_in = self.round;
    }

    /// Notes that it had no news until then.
    fn note_quiet(&self, until: i64) {
        let mut known = self.tracked.lock();
        if self.told_in == self.round && known.lag() == 0 {
            known.note_fetch(until);
        }
    }

    /// Looks whether the log cleaner has been before or in the next batch. Returns whether deletions may be missing for it.
    pub(crate) fn note_cleaning(&self, batch: &Batch, now_ms: i64) -> bool {
        let hole = batch.base_offset() > self.fetch_next.get() || !batch.is_contiguous();
        hole && {
            let until = SourceOffset(batch.next_offset());
            let mut known = self.tracked.lock();
            let deletions = &mut known.record.history.deletions;
            deletions.cleaned(self.fetch_next, until, now_ms)
        }
    }
}

impl Known {
    /// Notes the time of a fetch, and whether it left nothing missing.
    pub(crate) fn note_fetch(&mut self, now_ms: i64) {
        let whole = self.lag() == 0;
        let due = self.record.history.deletions.note(whole, now_ms);
        if due && self.begun {
            self.touch();
        }
    }
}
