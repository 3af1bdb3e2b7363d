//! Reads the end of a mirror partition's log until it can be trusted: appends of an earlier round, connection or process may
//! still be on their way.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::error::Result;
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::client::{Cluster, Leader};
use crate::model::{LeaderEpoch, TargetOffset, TopicPartition};

/// Two reads of the log end this far apart have to agree before it is trusted after an uncertainty (H5).
const STABLE_FOR: Duration = Duration::from_millis(250);

/// The end of a log, as its leader reported it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeenEnd {
    end: i64,
    epoch: LeaderEpoch,
    /// When the answer arrived.
    at: Instant,
}

impl SeenEnd {
    /// Reads the end from the current leader.
    pub(crate) async fn read(cluster: &Cluster, partition: &TopicPartition) -> Result<Self> {
        let leader = cluster.leader(partition).await?;
        Self::read_from(cluster, partition, &leader).await
    }

    async fn read_from(
        cluster: &Cluster,
        partition: &TopicPartition,
        leader: &Leader,
    ) -> Result<Self> {
        let at = OffsetSpec::TrueEnd;
        let listed = admin::list_offset(cluster, partition, leader.epoch, at).await?;
        Ok(Self {
            end: listed.offset,
            epoch: leader.epoch,
            at: Instant::now(),
        })
    }
}

/// Reads the end of a log; where it is `uncertain`, until two reads far enough apart agree (H5). The first may have been
/// made `before`, in the same leader epoch.
pub(crate) async fn unchanged(
    cluster: &Cluster,
    (partition, leader): (&TopicPartition, &Leader),
    before: Option<SeenEnd>,
    uncertain: impl Fn(TargetOffset) -> bool,
) -> Result<i64> {
    let read = async || SeenEnd::read_from(cluster, partition, leader).await;
    let mut seen = match before.filter(|it| it.epoch == leader.epoch) {
        Some(seen) => seen,
        None => read().await?,
    };
    while uncertain(TargetOffset(seen.end)) {
        sleep_until(seen.at + STABLE_FOR).await;
        let again = read().await?;
        if again.end == seen.end {
            break;
        }
        seen = again;
    }
    Ok(seen.end)
}
