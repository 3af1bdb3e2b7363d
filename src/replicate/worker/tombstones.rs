//! Finds out where the mirror of a compacted topic may have missed deletions, see [`crate::model::Deletions`].
//!
//! The log cleaner leaves holes: a batch that doesn't begin where the previous one ended, or that holds fewer records than
//! offsets. Control batches and aborted transactions are fetched like others and leave none. On the record path they do
//! leave holes, so a mirror that was behind for too long is doubted more often there.

use crate::kafka::batch::Batch;
use crate::model::{MirroredTopic, Moment, SourceOffset};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::shared::partition::PartitionProgress;

use super::state::Worker;

impl Worker {
    /// Takes over from discovery how long the source keeps tombstones.
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

    /// Notes that partitions without news are complete: a fetch session leaves them out of its answers.
    pub(crate) fn note_quiet(&self) {
        for mirror in &self.mirrors {
            if let Some(lane) = mirror.intake()
                && let Some(heard) = self.intakes.get(&lane).and_then(|it| it.heard)
            {
                mirror.note_quiet(heard);
            }
        }
    }

    /// Logs that deletions may be missing and has that stored at once: the stretch is not fetched again.
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
    /// Notes that an answer of the leader had news of it, and that there was none until the previous answer, at `quiet_until`.
    pub(crate) fn note_told(&mut self, quiet_until: Option<Moment>) {
        if let Some(until) = quiet_until {
            self.note_quiet(until);
        }
        self.told_in = self.fetch_round;
    }

    /// Notes that there was no news of it up to the time `until`, if the leader would have sent it.
    fn note_quiet(&self, until: Moment) {
        let mut known = self.tracked.lock();
        if self.told_in == self.fetch_round && known.lag() == 0 {
            known.hear_no_news(until);
            known.note_fetch(until.wall_ms);
        }
    }

    /// Checks whether the log cleaner removed anything before or in `batch`, the next one. Returns whether its deletions may
    /// be missing.
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

impl PartitionProgress {
    /// Notes the time of a fetch, and whether it left nothing to mirror.
    pub(crate) fn note_fetch(&mut self, now_ms: i64) {
        self.note_look(self.lag() == 0, now_ms);
    }

    /// Notes whether everything that the leader had at this time is mirrored.
    pub(crate) fn note_look(&mut self, whole: bool, now_ms: i64) {
        let due = self.record.history.deletions.note(whole, now_ms);
        if due && self.begun {
            self.touch();
        }
    }
}
