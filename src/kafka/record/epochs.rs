//! The leader epochs in which a partition's records were written, which librdkafka doesn't return with them.

use crate::error::Result;
use crate::kafka::admin;
use crate::kafka::client::Cluster;
use crate::model::{LeaderEpoch, TopicPartition};

/// How many epochs back from the current one are distinguished.
const EPOCHS_LIMIT: usize = 64;

/// The epochs from an offset on, the newest first, each with its first offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Epochs(Vec<(LeaderEpoch, i64)>);

impl Epochs {
    /// Asks the leader, whose epoch is `current`. Without an epoch, none are known.
    pub(super) async fn read(
        cluster: &Cluster,
        partition: &TopicPartition,
        from: i64,
        current: LeaderEpoch,
    ) -> Result<Self> {
        let mut epochs = Vec::new();
        let mut epoch = current;
        while epoch != LeaderEpoch::UNKNOWN && epochs.len() < EPOCHS_LIMIT {
            // The end of the previous epoch is the start of this one.
            let before = LeaderEpoch(epoch.0 - 1);
            let (earlier, begin) = match before.0 {
                0.. => admin::end_of_epoch(cluster, partition, before).await?,
                _ => (LeaderEpoch::UNKNOWN, -1),
            };
            epochs.push((epoch, begin.max(0)));
            if begin <= from {
                break;
            }
            epoch = earlier;
        }
        Ok(Self(epochs))
    }

    /// Returns the epoch of the record at `offset`.
    pub(super) fn at(&self, offset: i64) -> LeaderEpoch {
        let found = self.0.iter().find(|(_, first)| *first <= offset);
        found.map_or(LeaderEpoch::UNKNOWN, |(epoch, _)| *epoch)
    }
}

#[cfg(test)]
impl Epochs {
    /// As if the leader had returned these epochs.
    pub(super) fn told(epochs: &[(i32, i64)]) -> Self {
        let epochs = epochs.iter();
        Self(
            epochs
                .map(|&(epoch, first)| (LeaderEpoch(epoch), first))
                .collect(),
        )
    }
}
