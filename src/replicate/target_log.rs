//! Reads the end of a mirror partition's log in a way that can be relied on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Kind};
use crate::kafka::admin::{self, At};
use crate::kafka::batch::Batch;
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{LinkIdentity, TargetOffset, TopicPartition, sequence_of};

use super::likeness;
use super::resume::Tail;
use super::settle::{Question, Trouble};

/// Two reads of the end this far apart have to agree before an end is believed after an uncertainty (H5).
const STABLE_FOR: Duration = Duration::from_millis(250);
/// How often the high watermark is asked for while it lies below the end (H6).
const WATERMARK_POLL: Duration = Duration::from_millis(50);
/// After this long without the high watermark reaching the end the settling starts over.
const WATERMARK_PATIENCE: Duration = Duration::from_secs(30);

/// The true end of the log once it stands still and the high watermark has reached it (H6), in one leader epoch.
pub(crate) async fn settled_end(
    cluster: &Cluster,
    partition: &TopicPartition,
    leader: &Leader,
    uncertain: bool,
) -> Result<TargetOffset, Trouble> {
    let read = async |at| admin::list_offset(cluster, partition, leader.epoch, at).await;
    let mut end = read(At::TrueEnd).await?.offset;
    if uncertain {
        loop {
            sleep(STABLE_FOR).await;
            let again = read(At::TrueEnd).await?.offset;
            if again == end {
                break;
            }
            end = again;
        }
    }
    let begun = Instant::now();
    while read(At::HighWatermark).await?.offset < end {
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
    if read(At::TrueEnd).await?.offset != end {
        let message = "the end of the mirror partition still moves; reading it again";
        return Err(Error::new(Kind::TimedOut, message)
            .partition(partition)
            .into());
    }
    Ok(TargetOffset(end))
}

/// The batch that holds the last record below `end`.
pub(crate) async fn batch_at(
    cluster: &Cluster,
    partition: &TopicPartition,
    end: TargetOffset,
) -> Result<Batch, Trouble> {
    let wanted = end.plus(-1);
    likeness::batch_holding(cluster, partition, wanted.get())
        .await?
        .ok_or_else(|| {
            let message = "the batch at the end of the mirror partition could not be read";
            Error::new(Kind::Protocol, message)
                .partition(partition)
                .offset(wanted.get())
                .into()
        })
}

/// The newest timestamp under which the leader knows our id with the sequence of the tail (H1), if it does.
pub(crate) async fn known_at(
    cluster: &Cluster,
    identity: &LinkIdentity,
    question: &Question,
    tail: &Tail,
) -> Result<Option<i64>, Trouble> {
    if tail.end == TargetOffset::ZERO {
        return Ok(None);
    }
    let id = identity.producer_id(question.record.incarnation);
    let expected = sequence_of(tail.end.plus(-1));
    let producers = admin::describe_producers(cluster, &question.target).await?;
    Ok(producers.unwrap_or_default().iter().find_map(|producer| {
        (producer.producer_id == id && producer.last_sequence == expected)
            .then_some(producer.last_timestamp)
    }))
}
