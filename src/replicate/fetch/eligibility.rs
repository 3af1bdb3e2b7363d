//! Decides, per fetched batch and without looking at records, whether and how it is mirrored.
//!
//! Pure. Batches that a `read_committed` consumer wouldn't see are left out whole. Whatever the target broker would refuse
//! or change is re-encoded: batches with holes, a batch that begins before the position, timestamps assigned by the source's
//! broker.

use crate::kafka::batch::{Batch, BatchError, CommittedBatches};
use crate::model::{ProducerId, SourceOffset};

/// What to do with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing of it is mirrored.
    Skip,
    /// Its bytes are mirrored under a new header.
    Forward,
    /// Its records at and after the position are mirrored in a new batch.
    Reencode,
}

/// Judges the batches of one partition in one fetch response, in offset order.
#[derive(Debug)]
pub(crate) struct Eligibility(CommittedBatches);

impl Eligibility {
    /// Takes the aborted transactions the way a fetch response lists them: producer id and first offset.
    pub(crate) fn of(aborted: &[(ProducerId, SourceOffset)]) -> Self {
        let listed = aborted.iter();
        Self(CommittedBatches::of(
            listed.map(|&(producer, first)| (producer, first.get())),
        ))
    }

    /// Judges the next batch; `position` is the first source offset to mirror.
    pub(crate) fn judge(
        &mut self,
        batch: &Batch,
        position: SourceOffset,
    ) -> Result<Verdict, BatchError> {
        if !self.0.shows(batch)? || batch.next_offset() <= position.get() {
            return Ok(Verdict::Skip);
        }
        // Nobody could read the records, here or on the target.
        batch.header().attributes.codec()?;
        let intact = batch.is_contiguous()
            && batch.base_offset() >= position.get()
            && !batch.header().attributes.is_log_append_time();
        Ok(if intact {
            Verdict::Forward
        } else {
            Verdict::Reencode
        })
    }
}

#[cfg(test)]
mod tests;
