//! The links that may write to a link's source, and what is known about the producer ids found there.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::kafka::batch::Batch;
use crate::kafka::client::Cluster;
use crate::model::{LinkName, ProducerId, SourceOffset};

/// Ids that are remembered as fine. A link has one for each ownership of a partition.
const REMEMBERED: usize = 4096;

/// The other links of the configuration.
#[derive(Debug, Clone, Default)]
pub struct OtherLinks {
    /// The names of all links.
    pub names: Vec<LinkName>,
    /// The links that write to this link's source, and their sources.
    pub upstream: Vec<(LinkName, Cluster)>,
}

/// The links that may write to the source, and the producer ids that are known to be fine.
#[derive(Debug, Default)]
pub(crate) struct SourceWriters {
    others: OtherLinks,
    fine: Mutex<BTreeSet<ProducerId>>,
}

impl SourceWriters {
    pub(crate) fn new(others: OtherLinks) -> Self {
        Self {
            others,
            fine: Mutex::default(),
        }
    }

    /// Returns the other links of the configuration.
    pub(crate) fn others(&self) -> &OtherLinks {
        &self.others
    }

    /// Whether batches of this producer are mirrored without further questions.
    pub(crate) fn is_fine(&self, producer: ProducerId) -> bool {
        !producer.is_farshore() || self.fine.lock().contains(&producer)
    }

    /// Notes that batches of this producer may be mirrored.
    pub(crate) fn remember(&self, producer: ProducerId) {
        let mut fine = self.fine.lock();
        if fine.len() >= REMEMBERED {
            fine.clear();
        }
        fine.insert(producer);
    }
}

/// A batch of another farshore link in the source's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MarkedBatch {
    pub(crate) producer: ProducerId,
    pub(crate) offset: SourceOffset,
}

impl MarkedBatch {
    /// Returns the batch if a farshore link wrote it.
    pub(crate) fn of(batch: &Batch) -> Option<Self> {
        let producer = batch.header().producer_id;
        producer.is_farshore().then(|| Self {
            producer,
            offset: SourceOffset(batch.base_offset()),
        })
    }
}
