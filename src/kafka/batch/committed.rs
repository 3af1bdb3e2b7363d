//! Which batches a `read_committed` consumer is shown: the rule of Kafka's own (`CompletedFetch`), batch by batch and without
//! looking at records. Pure.

use std::collections::BTreeSet;

use super::{Batch, BatchError, ControlKind};
use crate::model::{ProducerId, SourceOffset};

/// Walks the batches of one fetch response of one partition, in offset order.
#[derive(Debug)]
pub struct Committed {
    /// Transactions not yet begun at the batch last seen, the next to begin at the end.
    pending: Vec<(ProducerId, SourceOffset)>,
    aborting: BTreeSet<ProducerId>,
}

impl Committed {
    /// Takes aborted transactions as a fetch response lists them: who wrote, and from which offset on.
    pub fn of(aborted: &[(ProducerId, SourceOffset)]) -> Self {
        let mut pending = aborted.to_vec();
        pending.sort_by_key(|(_, first)| std::cmp::Reverse(*first));
        Self {
            pending,
            aborting: BTreeSet::new(),
        }
    }

    /// Whether the next batch holds records that are shown.
    pub fn shows(&mut self, batch: &Batch) -> Result<bool, BatchError> {
        let header = batch.header();
        self.begin_up_to(SourceOffset(batch.last_offset()));
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

    fn begin_up_to(&mut self, last: SourceOffset) {
        while let Some((writer, _)) = self.pending.pop_if(|(_, first)| *first <= last) {
            self.aborting.insert(writer);
        }
    }
}
