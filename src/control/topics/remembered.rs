//! What the checkpoint DB remembers of a link's topics.

use std::collections::BTreeMap;

use crate::checkpoint::records::{partitions_of, topics_of};
use crate::checkpoint::{Store, TopicRecord};
use crate::config::LinkConfig;
use crate::error::Result;
use crate::model::{KnownTopic, TopicName};

/// What the link's very first look found, if there was one: what it told was remembered first.
pub(super) fn first_look(
    known: &BTreeMap<TopicName, KnownTopic>,
    is_initialized: bool,
) -> Option<BTreeMap<TopicName, i32>> {
    let initial = known
        .iter()
        .map(|(name, topic)| (name.clone(), topic.initial_partitions));
    (is_initialized || !known.is_empty()).then(|| initial.collect())
}

/// The topics of the link that the checkpoint DB remembers, if they still belong to it.
pub(super) fn known(
    store: &dyn Store,
    config: &LinkConfig,
) -> Result<BTreeMap<TopicName, KnownTopic>> {
    let mut known = BTreeMap::new();
    for (name, record) in topics_of(store, &config.name)? {
        if config.topics.matches(&name) {
            known.insert(name, KnownTopic::from(record));
        }
    }
    for (key, _) in partitions_of(store, &config.name)? {
        if let Some(topic) = known.get_mut(&key.topic) {
            topic.partitions = topic.partitions.max(key.partition.0 + 1);
        }
    }
    Ok(known)
}

impl From<TopicRecord> for KnownTopic {
    fn from(record: TopicRecord) -> Self {
        Self {
            source_id: record.source_topic_id,
            target_name: record.mirror_topic,
            target_id: record.target_topic_id,
            created: record.created,
            partitions: 0,
            initial_partitions: record.initial_partitions,
            reseeded: record.reseeded,
        }
    }
}

impl From<&KnownTopic> for TopicRecord {
    fn from(known: &KnownTopic) -> Self {
        Self {
            mirror_topic: known.target_name.clone(),
            source_topic_id: known.source_id,
            target_topic_id: known.target_id,
            created: known.created,
            initial_partitions: known.initial_partitions,
            reseeded: known.reseeded,
        }
    }
}
