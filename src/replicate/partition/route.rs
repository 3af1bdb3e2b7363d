//! The route of a mirror partition's records: names on both sides, and connections.

use crate::model::{BrokerId, TopicId, TopicPartition};

/// A connection, by broker and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Lane {
    pub(crate) broker: BrokerId,
    /// The connection's number.
    pub(crate) slot: u16,
}

/// Set in the number of a connection on which the source isn't told farshore's rack: its leaders serve everything themselves.
const WITHOUT_RACK: u16 = 1 << 15;

impl Lane {
    /// Returns the connection to the same broker on which it isn't told farshore's rack.
    pub(crate) fn without_rack(self) -> Self {
        Self {
            slot: self.slot | WITHOUT_RACK,
            ..self
        }
    }

    /// Whether the broker is told farshore's rack, so that it may name a follower there.
    pub(crate) fn offers_rack(self) -> bool {
        self.slot & WITHOUT_RACK == 0
    }
}

/// The two connections of a partition whose records flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lanes {
    /// The source connection it fetches on.
    pub(crate) intake: Lane,
    /// The target connection it produces on.
    pub(crate) outlet: Lane,
}

/// The names and ids of a mirror partition.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) source: TopicPartition,
    pub(crate) target: TopicPartition,
    pub(crate) source_id: TopicId,
    pub(crate) target_id: TopicId,
}

impl Route {
    /// A number that spreads partitions over connections: neighbours within a topic get different ones.
    fn spread(&self) -> u64 {
        let topic = self.source.topic.as_str().bytes();
        let hash = topic.fold(0_u64, |hash, byte| {
            hash.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        hash.wrapping_add(u64::from(self.source.partition.0.unsigned_abs()))
    }

    /// Returns the number of this partition's connection among `connections`.
    pub(crate) fn slot(&self, connections: u16) -> u16 {
        u16::try_from(self.spread() % u64::from(connections.max(1))).unwrap_or(0)
    }
}
