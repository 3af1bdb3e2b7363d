//! Decides, per fetched batch and without looking at records, whether it travels and how.
//!
//! Pure. What a `read_committed` consumer would not be given is left out whole: control batches and batches of aborted
//! transactions (the rule of Kafka's `CompletedFetch`, by batch). What the target broker would refuse or change is
//! re-encoded: batches with holes, a batch that begins before the position, times the source's broker assigned.

use std::collections::BTreeSet;

use crate::kafka::batch::{Batch, BatchError, ControlKind};
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

/// A transaction that ended in an abort, from a fetch response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AbortedTransaction {
    /// Who wrote it.
    pub(crate) producer_id: ProducerId,
    /// Its first data record.
    pub(crate) first_offset: SourceOffset,
}

/// Walks the batches of one fetch response of one partition, in offset order.
#[derive(Debug)]
pub(crate) struct Sieve {
    /// Transactions not yet begun at the batch last seen, the next to begin at the end.
    pending: Vec<AbortedTransaction>,
    aborting: BTreeSet<ProducerId>,
}

impl Sieve {
    /// Takes the aborted transactions of the response, in any order.
    pub(crate) fn new(mut aborted: Vec<AbortedTransaction>) -> Self {
        aborted.sort_by_key(|transaction| std::cmp::Reverse(transaction.first_offset));
        Self {
            pending: aborted,
            aborting: BTreeSet::new(),
        }
    }

    /// Takes them as a fetch response lists them: who wrote, and from which offset on.
    pub(crate) fn of(aborted: &[(ProducerId, SourceOffset)]) -> Self {
        let listed = aborted.iter();
        let aborted = listed.map(|&(producer_id, first_offset)| AbortedTransaction {
            producer_id,
            first_offset,
        });
        Self::new(aborted.collect())
    }

    /// Judges the next batch; `position` is the first source offset that is wanted.
    pub(crate) fn judge(
        &mut self,
        batch: &Batch,
        position: SourceOffset,
    ) -> Result<Verdict, BatchError> {
        let header = batch.header();
        self.begin_up_to(SourceOffset(batch.last_offset()));
        if header.attributes.is_control() {
            if batch.header().record_count > 0 && batch.control()? == ControlKind::Abort {
                self.aborting.remove(&header.producer_id);
            }
            return Ok(Verdict::Skip);
        }
        let aborted =
            header.attributes.is_transactional() && self.aborting.contains(&header.producer_id);
        if aborted || header.record_count == 0 || batch.next_offset() <= position.get() {
            return Ok(Verdict::Skip);
        }
        let intact = batch.is_contiguous()
            && batch.base_offset() >= position.get()
            && !header.attributes.is_log_append_time();
        Ok(if intact {
            Verdict::Forward
        } else {
            Verdict::Reencode
        })
    }

    fn begin_up_to(&mut self, last: SourceOffset) {
        while let Some(next) = self.pending.pop_if(|next| next.first_offset <= last) {
            self.aborting.insert(next.producer_id);
        }
    }
}

#[cfg(test)]
#[path = "sieve_tests.rs"]
mod tests;
