//! Reads the end of a mirror partition's log reliably.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, OffsetSpec, ProducerState, ProducerStatus};
use crate::kafka::batch::Batch;
use crate::kafka::client::{Cluster, Leader};
use crate::model::{LeaderEpoch, ProducerId, TargetOffset, TopicPartition};
use crate::replicate::partition::phase::Trouble;

use super::compare;
use super::input::ResyncInput;

/// Two reads of the log end this far apart have to agree before it is trusted after an uncertainty (H5).
const STABLE_FOR: Duration = Duration::from_millis(250);
/// Interval of requests for the high watermark while it is below the log end (H6).
const WATERMARK_POLL: Duration = Duration::from_millis(50);
/// If the high watermark doesn't reach the log end within this time, the resync starts over.
const WATERMARK_PATIENCE: Duration = Duration::from_secs(30);
/// How long the marker of a committed transaction may take.
const MARKER_PATIENCE: Duration = Duration::from_secs(10);

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

/// Returns the log end offset once it is stable and the high watermark has reached it (H6), in one leader epoch.
pub(crate) async fn stable_end(
    cluster: &Cluster,
    input: &ResyncInput,
    leader: &Leader,
) -> Result<TargetOffset, Trouble> {
    let partition = &input.target;
    let end = unchanged_end(cluster, input, leader).await?;
    let read = async |at| admin::list_offset(cluster, partition, leader.epoch, at).await;
    let begun = Instant::now();
    while read(OffsetSpec::HighWatermark).await?.offset < end {
        if begun.elapsed() > WATERMARK_PATIENCE {
            let message = format!(
                "the high watermark stays below the log end {end}: check the in-sync replicas of the mirror partition"
            );
            return Err(Error::new(Kind::TimedOut, message)
                .partition(partition)
                .into());
        }
        sleep(WATERMARK_POLL).await;
    }
    // A lower end now means that a leader change undid an append that was never acknowledged.
    if read(OffsetSpec::TrueEnd).await?.offset != end {
        let message = "the end of the mirror partition is still moving; reading it again";
        return Err(Error::new(Kind::TimedOut, message)
            .partition(partition)
            .into());
    }
    Ok(TargetOffset(end))
}

/// Reads the end of the log; where requests may be in flight, until two reads far enough apart agree (H5).
async fn unchanged_end(cluster: &Cluster, input: &ResyncInput, leader: &Leader) -> Result<i64> {
    let read = async || SeenEnd::read_from(cluster, &input.target, leader).await;
    let before = input.seen_end.filter(|it| it.epoch == leader.epoch);
    let mut seen = match before {
        Some(seen) => seen,
        None => read().await?,
    };
    while input.is_uncertain_at(TargetOffset(seen.end)) {
        sleep_until(seen.at + STABLE_FOR).await;
        let again = read().await?;
        if again.end == seen.end {
            break;
        }
        seen = again;
    }
    Ok(seen.end)
}

/// Waits for the marker of a committed transaction, which the target writes after its answer. If it doesn't appear, the
/// caller judges the log end without it.
pub(crate) async fn marked_end(
    cluster: &Cluster,
    partition: &TopicPartition,
    leader: &Leader,
    acknowledged: TargetOffset,
) -> Result<(), Trouble> {
    let begun = Instant::now();
    let end =
        async || admin::list_offset(cluster, partition, leader.epoch, OffsetSpec::TrueEnd).await;
    while end().await?.offset < acknowledged.get() && begun.elapsed() < MARKER_PATIENCE {
        sleep(WATERMARK_POLL).await;
    }
    Ok(())
}

/// Reads the batch that holds the last record below `end`.
pub(crate) async fn batch_at(
    cluster: &Cluster,
    partition: &TopicPartition,
    end: TargetOffset,
) -> Result<Batch, Trouble> {
    let wanted = end.plus(-1);
    compare::batch_holding(cluster, partition, wanted.get())
        .await?
        .ok_or_else(|| {
            let message = "the batch at the end of the mirror partition could not be read";
            Error::new(Kind::Protocol, message)
                .partition(partition)
                .offset(wanted.get())
                .into()
        })
}

/// Returns the leader's state for a producer id; `None` from brokers that don't report it.
pub(crate) async fn producer_status(
    cluster: &Cluster,
    partition: &TopicPartition,
    id: ProducerId,
) -> Result<Option<ProducerStatus>> {
    let producers = admin::describe_producers(cluster, partition).await?;
    let ours = |producer: &ProducerState| producer.producer_id == id;
    let found = producers.unwrap_or_default().into_iter().find(ours);
    Ok(found.map(|producer| ProducerStatus {
        epoch: i16::try_from(producer.epoch).unwrap_or(i16::MAX),
        last_sequence: producer.last_sequence,
        last_timestamp: producer.last_timestamp,
    }))
}
