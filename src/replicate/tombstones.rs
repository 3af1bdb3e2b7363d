//! Tells where the mirror of a compacted topic may have missed deletions, see [`crate::model::Deletions`].
//!
//! The log cleaner leaves holes: a batch that doesn't begin where the one before it ended, or that holds fewer records than offsets.
//! Control batches and aborted transactions are fetched like others and leave none. On the record path they do, so that there a
//! mirror that was behind for too long is doubted more often.

use crate::control::topics::MirroredTopic;
use crate::kafka::batch::Batch;
use crate::model::SourceOffset;

use super::mirror::Mirror;
use super::tracked::Known;
use super::worker::Worker;

impl Worker {
    /// Takes over from discovery for how long the source keeps tombstones.
    pub(crate) fn follow_tombstones(&self, index: usize, mirrored: &MirroredTopic) {
        if mirrored.conflict.is_none() {
            let mut known = self.mirrors[index].tracked.lock();
            let deletions = &mut known.record.history.deletions;
            let changed = deletions.keep(mirrored.keeps_tombstones_ms);
            known.dirty |= changed && known.begun;
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
        self.dirty |= due && self.begun;
    }
}
