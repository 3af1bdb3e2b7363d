//! Finds out what keeping offsets would take: tries the permissions, and counts the offsets to fill.

use std::collections::BTreeMap;

use super::facts::{Fill, MirrorFacts, PreserveFacts, TopicFacts};
use crate::app::probe;
use crate::config::{LinkConfig, Start};
use crate::error::Result;
use crate::kafka::admin::{self, At, ListedOffsets};
use crate::kafka::wire::Cluster;
use crate::model::{LeaderEpoch, OffsetsMode, TopicName, TopicPartition};

/// What concerns a link that is to keep offsets; none for others.
pub(super) async fn facts(
    link: &LinkConfig,
    source: &Cluster,
    target: &Cluster,
    topics: &BTreeMap<TopicName, TopicFacts>,
) -> Result<Option<PreserveFacts>> {
    if link.offsets != OffsetsMode::Preserve {
        return Ok(None);
    }
    let is_new = |topic: &TopicFacts| matches!(topic.on_target, MirrorFacts::Missing { .. });
    let new = topics.iter().filter(|(_, topic)| is_new(topic));
    let partitions: Vec<(TopicPartition, LeaderEpoch)> = new
        .flat_map(|(name, topic)| (0..topic.partitions).map(|number| (name.clone(), number)))
        .map(|(name, number)| (TopicPartition::new(name, number), LeaderEpoch::UNKNOWN))
        .collect();
    let begin = match link.start {
        Start::Earliest => At::Earliest,
        Start::Latest => At::LastStable,
        Start::At(timestamp) => At::Timestamp(timestamp),
    };
    let begins = admin::list_offsets(source, &partitions, begin).await?;
    let ends = admin::list_offsets(source, &partitions, At::HighWatermark).await?;
    let mut fills: BTreeMap<TopicName, Fill> = BTreeMap::new();
    for (partition, _) in partitions {
        let Some(end) = offset(&ends, &partition) else {
            continue;
        };
        // No record of that time or later: everything before the end is filled.
        let begin = offset(&begins, &partition).filter(|it| *it >= 0);
        let begin = begin.unwrap_or(end);
        let fill = fills.entry(partition.topic).or_default();
        fill.longest_prefix = fill.longest_prefix.max(begin);
        fill.prefixes += begin;
        fill.history += end - begin;
    }
    Ok(Some(PreserveFacts {
        limits: link.preserve,
        probe: probe::probe(target).await?,
        fills,
    }))
}

fn offset(listed: &ListedOffsets, partition: &TopicPartition) -> Option<i64> {
    Some(listed.get(partition)?.as_ref().ok()?.offset)
}
