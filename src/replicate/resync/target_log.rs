//! Reads the end of a mirror partition's log reliably.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, OffsetSpec, ProducerState, ProducerStatus};
use crate::kafka::batch::Batch;
use crate::kafka::client::{Cluster, Leader};
use crate::model::{ProducerId, TargetOffset, TopicPartition};
use crate::replicate::partition::phase::Trouble;

use super::compare;
use super::input::ResyncInput;
use super::seen_end;

/// Interval of requests for the high watermark while it is below the log end (H6).
const WATERMARK_POLL: Duration = Duration::from_millis(50);
/// If the high watermark doesn't reach the log end within this time, the resync starts over.
const WATERMARK_PATIENCE: Duration = Duration::from_secs(30);
/// How long the marker of a committed transaction may take.
const MARKER_PATIENCE: Duration = Duration::from_secs(10);

/// Returns the log end offset once it is stable and the high watermark has reached it (H6), in one leader epoch.
pub(crate) async fn stable_end(
    cluster: &Cluster,
    input: &ResyncInput,
    leader: &Leader,
) -> Result<TargetOffset, Trouble> {
    let partition = &input.target;
    let uncertain = |end| input.is_uncertain_at(end);
    let end = seen_end::unchanged(cluster, (partition, leader), input.seen_end, uncertain).await?;
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
