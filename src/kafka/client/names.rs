//! Names between our words and the protocol's.

use std::collections::BTreeMap;

use kafka_protocol::messages as kafka;
use kafka_protocol::protocol::StrBytes;

use crate::model::{GroupId, TopicName, TopicPartition};

/// Any text for the wire.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A topic's name for the wire.
pub(crate) fn topic_name(name: &TopicName) -> kafka::TopicName {
    kafka::TopicName(text(name.as_str()))
}

/// A group's id for the wire.
pub(crate) fn group_id(group: &GroupId) -> kafka::GroupId {
    kafka::GroupId(text(group.as_str()))
}

/// A partition from the wire.
pub(crate) fn topic_partition(topic: &kafka::TopicName, partition: i32) -> TopicPartition {
    TopicPartition::new(topic.as_str(), partition)
}

/// Groups partitions, each with something, by topic as requests want them.
pub(crate) fn by_topic<'a, T>(
    partitions: impl IntoIterator<Item = (&'a TopicPartition, T)>,
) -> Vec<(kafka::TopicName, Vec<T>)> {
    let mut topics: BTreeMap<&TopicName, Vec<T>> = BTreeMap::new();
    for (partition, value) in partitions {
        topics.entry(&partition.topic).or_default().push(value);
    }
    let named = topics.into_iter();
    named
        .map(|(name, values)| (topic_name(name), values))
        .collect()
}
