//! Conversions between farshore's names and the protocol's.

use std::collections::BTreeMap;

use kafka_protocol::messages as kafka;
use kafka_protocol::protocol::StrBytes;

use crate::model::{GroupId, TopicName, TopicPartition};

/// Converts a string to the protocol's type.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Converts a topic name to the protocol's type.
pub(crate) fn topic_name(name: &TopicName) -> kafka::TopicName {
    kafka::TopicName(text(name.as_str()))
}

/// Converts a group id to the protocol's type.
pub(crate) fn group_id(group: &GroupId) -> kafka::GroupId {
    kafka::GroupId(text(group.as_str()))
}

/// Builds a [`TopicPartition`] from the protocol's topic name and partition number.
pub(crate) fn topic_partition(topic: &kafka::TopicName, partition: i32) -> TopicPartition {
    TopicPartition::new(topic.as_str(), partition)
}

/// Groups `partitions` and their values by topic, the shape that requests expect.
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
