//! Counts the offsets that are older than the target will keep them, or remember their producers.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::topics::sight::Sight;
use crate::error::Result;
use crate::kafka::admin::{self, ListedOffsets, OffsetSpec};
use crate::kafka::client::Cluster;
use crate::model::{LeaderEpoch, TopicName, TopicPartition};

use super::facts::{Found, LinkFacts};
use super::finding::{Finding, advice, listed};

/// Returns, per topic, the number of offsets before the first record that its mirror's `retention.ms` keeps; topics with
/// none are left out.
///
/// A source keeps expired records as long as they share a segment with newer ones; the mirror may not.
pub(super) async fn outlived(source: &Cluster, sight: &Sight) -> Result<BTreeMap<TopicName, i64>> {
    let now = crate::telemetry::now_ms();
    let kept = sight
        .source
        .keys()
        .filter_map(|name| Some((name, retention(sight, name)?)));
    let mut by_retention: BTreeMap<i64, BTreeSet<&TopicName>> = BTreeMap::new();
    for (name, retention) in kept {
        by_retention.entry(retention).or_default().insert(name);
    }
    let mut outlived = BTreeMap::new();
    for (retention, topics) in by_retention {
        outlived.extend(older(source, sight, topics, now.saturating_sub(retention)).await?);
    }
    Ok(outlived)
}

/// Returns, per topic without a mirror, the number of offsets before the first record that its producer wrote within half
/// of the time in milliseconds for which the target remembers producers; topics with none are left out.
pub(super) async fn unpipelined(
    source: &Cluster,
    sight: &Sight,
    memory_ms: i64,
) -> Result<BTreeMap<TopicName, i64>> {
    let due = sight.source.iter();
    let due = due.filter(|(_, topic)| !sight.target.contains_key(&topic.target_name));
    let since = crate::telemetry::now_ms().saturating_sub(memory_ms / 2);
    older(source, sight, due.map(|(name, _)| name), since).await
}

/// Returns, per topic, the number of offsets before the first record with a timestamp of `since` or later; topics with none
/// are left out.
async fn older(
    source: &Cluster,
    sight: &Sight,
    topics: impl IntoIterator<Item = &TopicName>,
    since: i64,
) -> Result<BTreeMap<TopicName, i64>> {
    let partitions: Vec<(TopicPartition, LeaderEpoch)> = topics
        .into_iter()
        .flat_map(|name| (0..sight.source[name].partitions).map(move |number| (name, number)))
        .map(|(name, number)| {
            let partition = TopicPartition::new(name.clone(), number);
            (partition, LeaderEpoch::UNKNOWN)
        })
        .collect();
    let listed = async |at| admin::list_offsets(source, &partitions, at).await;
    let begins = listed(OffsetSpec::Earliest).await?;
    let young = listed(OffsetSpec::Timestamp(since)).await?;
    let ends = listed(OffsetSpec::HighWatermark).await?;
    let mut older = BTreeMap::new();
    for (partition, _) in &partitions {
        let (Some(begin), Some(end)) = (offset(&begins, partition), offset(&ends, partition))
        else {
            continue;
        };
        let young = offset(&young, partition).filter(|it| *it >= 0);
        let count = young.unwrap_or(end) - begin;
        if count > 0 {
            *older.entry(partition.topic.clone()).or_default() += count;
        }
    }
    Ok(older)
}

/// The retention of a topic's mirror in milliseconds; `None` if unlimited, or if the topic is only compacted.
fn retention(sight: &Sight, name: &TopicName) -> Option<i64> {
    let source = sight.source.get(name)?;
    let deletes = source.configs.get("cleanup.policy");
    if deletes.is_some_and(|policy| !policy.contains("delete")) {
        return None;
    }
    let of = |configs: &BTreeMap<String, String>| -> Option<i64> {
        configs.get("retention.ms")?.trim().parse().ok()
    };
    let theirs = of(&source.configs)?;
    let ours = sight.target.get(&source.target_name);
    let ours = ours
        .and_then(|mirror| of(&mirror.configs))
        .unwrap_or(theirs);
    // Topic discovery raises a mirror's retention, but never lowers it.
    (theirs >= 0 && ours >= 0).then_some(theirs.max(ours))
}

fn offset(listed: &ListedOffsets, partition: &TopicPartition) -> Option<i64> {
    Some(listed.get(partition)?.as_ref().ok()?.offset)
}

/// The finding about records older than the mirror's retention.
pub(super) fn findings(link: &LinkFacts, found: &Found) -> Option<Finding> {
    let most: i64 = found.outlived.values().sum();
    let topics: Vec<&TopicName> = found.outlived.keys().collect();
    (most > 0).then(|| {
        advice(
            &format!("link {}", link.name),
            format!(
                "{most} offsets of {} are older than retention.ms of the mirror topics: {} may remove them once they are mirrored, before the source does",
                listed(&topics),
                link.target
            ),
            "Raise retention.ms of these topics on the source, which their mirrors follow, or accept that the records expire; expired_on_target in farshore's status counts them.",
        )
    })
}
