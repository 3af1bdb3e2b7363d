//! Decides, per fetched batch and without looking at records, whether it travels and how.
//!
//! Pure. What a `read_committed` consumer would not be given is left out whole. What the target broker would refuse or change
//! is re-encoded: batches with holes, a batch that begins before the position, times the source's broker assigned.

use crate::kafka::batch::{Batch, BatchError, Committed};
use crate::model::{ProducerId, SourceOffset};

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing of it goes to the target.
    Skip,
    /// Its bytes go to the target under a new header.
    Forward,
    /// Its records at and behind the position go to the target in a new batch.
    Reencode,
}

/// Walks the batches of one fetch response of one partition, in offset order.
#[derive(Debug)]
pub(crate) struct Sieve(Committed);

impl Sieve {
    /// Takes the aborted transactions as a fetch response lists them: who wrote, and from which offset on.
    pub(crate) fn of(aborted: &[(ProducerId, SourceOffset)]) -> Self {
        let listed = aborted.iter();
        Self(Committed::of(
            listed.map(|&(producer, first)| (producer, first.get())),
        ))
    }

    /// Judges the next batch; `position` is the first source offset that is wanted.
    pub(crate) fn judge(
        &mut self,
        batch: &Batch,
        position: SourceOffset,
    ) -> Result<Verdict, BatchError> {
        if !self.0.shows(batch)? || batch.next_offset() <= position.get() {
            return Ok(Verdict::Skip);
        }
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
