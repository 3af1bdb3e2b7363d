//! Decides which batches a `read_committed` consumer sees.
//!
//! Follows Kafka's `CompletedFetch`, batch by batch: control batches and batches of aborted transactions are skipped.

use std::collections::BTreeSet;

use super::{Batch, BatchError, ControlKind};
use crate::model::ProducerId;

/// Walks the batches of one fetch response for one partition, in offset order.
#[derive(Debug)]
pub struct CommittedBatches {
    /// Aborted transactions that begin after the last batch seen: the producer and the offset of its first data record.
    /// The next to begin is last.
    pending: Vec<(ProducerId, i64)>,
    aborting: BTreeSet<ProducerId>,
}

impl CommittedBatches {
    /// Takes the aborted transactions listed in the response, in any order.
    pub fn of(aborted: impl IntoIterator<Item = (ProducerId, i64)>) -> Self {
        let mut pending: Vec<_> = aborted.into_iter().collect();
        pending.sort_by_key(|&(_, first)| std::cmp::Reverse(first));
        Self {
            pending,
            aborting: BTreeSet::new(),
        }
    }

    /// Whether the next batch holds records for a consumer. Errors: a control batch that can't be decoded.
    pub fn shows(&mut self, batch: &Batch) -> Result<bool, BatchError> {
        let header = batch.header();
        let last = batch.last_offset();
        while let Some((producer, _)) = self.pending.pop_if(|(_, first)| *first <= last) {
            self.aborting.insert(producer);
        }
        if header.attributes.is_control() {
            if header.record_count > 0 && batch.control()? == ControlKind::Abort {
                self.aborting.remove(&header.producer_id);
            }
            return Ok(false);
        }
        let aborted =
            header.attributes.is_transactional() && self.aborting.contains(&header.producer_id);
        Ok(!aborted && header.record_count > 0)
    }
}

#[cfg(test)]
mod tests;
