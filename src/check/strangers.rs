//! Checks whether the last batch of each mirror partition is the link's own, as the service does when it starts.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use crate::config::LinkConfig;
use crate::control::topics::sight::TargetTopic;
use crate::error::Result;
use crate::kafka::admin::{self, ListedOffsets, OffsetSpec};
use crate::kafka::client::Cluster;
use crate::model::{DataPath, LeaderEpoch, LinkIdentity, TargetOffset, TopicName, TopicPartition};
use crate::replicate::{Tail, check_tail};

use super::facts::Stranger;

/// The number of partitions read concurrently.
const AT_ONCE: usize = 16;
/// The broker returns at least one batch, whatever its size.
const READ_BYTES: i32 = 1;

/// Returns the mirror partitions whose last batch isn't the link's own, by mirror topic. Partitions that can't be read are
/// left out: the cause is found elsewhere.
pub(super) async fn find(
    target: &Cluster,
    identity: &LinkIdentity,
    link: &LinkConfig,
    mirrors: &BTreeMap<TopicName, TargetTopic>,
) -> Result<BTreeMap<TopicName, Vec<Stranger>>> {
    let partitions: Vec<(TopicPartition, LeaderEpoch)> = mirrors
        .iter()
        .flat_map(|(name, topic)| (0..topic.partitions).map(|number| (name.clone(), number)))
        .map(|(name, number)| (TopicPartition::new(name, number), LeaderEpoch::UNKNOWN))
        .collect();
    let starts = admin::list_offsets(target, &partitions, OffsetSpec::Earliest).await?;
    let ends = admin::list_offsets(target, &partitions, OffsetSpec::HighWatermark).await?;
    let filled = partitions.into_iter().filter_map(|(partition, _)| {
        let end = offset(&ends, &partition)?;
        (end > offset(&starts, &partition)?).then_some((partition, end))
    });
    let mut read = stream::iter(filled)
        .map(|(partition, end)| async move {
            let stranger = last_of(target, identity, link, &partition, end).await;
            (partition, stranger)
        })
        .buffered(AT_ONCE);
    let mut strangers: BTreeMap<TopicName, Vec<Stranger>> = BTreeMap::new();
    while let Some((partition, stranger)) = read.next().await {
        if let Some(stranger) = stranger {
            strangers.entry(partition.topic).or_default().push(stranger);
        }
    }
    Ok(strangers)
}

fn offset(listed: &ListedOffsets, partition: &TopicPartition) -> Option<i64> {
    let listed = listed.get(partition)?.as_ref().ok()?;
    Some(listed.offset)
}

async fn last_of(
    target: &Cluster,
    identity: &LinkIdentity,
    link: &LinkConfig,
    partition: &TopicPartition,
    end: i64,
) -> Option<Stranger> {
    let read = admin::read_at(target, partition, end - 1, READ_BYTES).await;
    let read = read.ok()?;
    let last = *read.batches.first()?.header();
    if link.path == DataPath::Record && last.attributes.is_transactional() {
        // Only the checkpoint DB has the information.
        return None;
    }
    let tail = Tail {
        end: TargetOffset(end),
        log_start: TargetOffset(read.log_start),
        last: Some(last),
        data_end: TargetOffset(end),
    };
    let reason = check_tail(identity, link.offsets, &tail, None, None).err()?;
    Some(Stranger {
        partition: partition.partition,
        what: reason.message,
    })
}
