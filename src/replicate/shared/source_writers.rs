//! The links that may write to a link's source, and what is known about the producer ids found there.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use crate::config::MirroredSources;
use crate::kafka::batch::Batch;
use crate::kafka::client::Cluster;
use crate::model::{LinkName, ProducerId, SourceOffset, TopicName};

/// Ids that are remembered. A link has one for each ownership of a partition.
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
    /// The topics in which batches of unknown links are fine.
    mirrored_sources: MirroredSources,
    /// Producers of known links, and of unknown ones.
    known: Mutex<[BTreeSet<ProducerId>; 2]>,
}

impl SourceWriters {
    pub(crate) fn new(others: OtherLinks, mirrored_sources: MirroredSources) -> Self {
        Self {
            others,
            mirrored_sources,
            known: Mutex::default(),
        }
    }

    /// Returns the other links of the configuration.
    pub(crate) fn others(&self) -> &OtherLinks {
        &self.others
    }

    /// Whether batches of unknown links may be mirrored from this source topic.
    pub(crate) fn may_be_mirror(&self, topic: &TopicName) -> bool {
        self.mirrored_sources.allow(topic)
    }

    /// Whether batches of this producer in this source topic are mirrored without further questions.
    pub(crate) fn is_fine(&self, producer: ProducerId, topic: &TopicName) -> bool {
        if !producer.is_farshore() {
            return true;
        }
        let [upstream, unknown] = &*self.known.lock();
        upstream.contains(&producer) || unknown.contains(&producer) && self.may_be_mirror(topic)
    }

    /// Notes whose a producer id is that isn't one of a link from the target.
    pub(crate) fn remember(&self, producer: ProducerId, is_upstream: bool) {
        let [upstream, unknown] = &mut *self.known.lock();
        let set = if is_upstream { upstream } else { unknown };
        if set.len() >= REMEMBERED {
            set.clear();
        }
        set.insert(producer);
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
