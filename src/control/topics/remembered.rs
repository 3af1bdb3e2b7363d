//! What the checkpoint DB stores about a link's topics.

use std::collections::BTreeMap;

use crate::checkpoint::records::{self, load_link, partitions_of, topics_of};
use crate::checkpoint::{Store, TopicRecord};
use crate::config::LinkConfig;
use crate::error::Result;
use crate::model::{KnownTopic, LinkName, TopicName};

/// What the link's very first look found; `None` before it.
pub(super) fn first_look(
    store: &dyn Store,
    link: &LinkName,
    known: &BTreeMap<TopicName, KnownTopic>,
) -> Result<Option<BTreeMap<TopicName, i32>>> {
    let recorded = records::first_look(store, link)?;
    let was_first = load_link(store, link)?.is_some_and(|record| record.initialized);
    let is_over = recorded.is_some() || was_first || !known.is_empty();
    let mut found = recorded.unwrap_or_default();
    for (name, topic) in known {
        found.insert(name.clone(), topic.initial_partitions);
    }
    Ok(is_over.then_some(found))
}

/// The stored topics of the link that the filter still selects.
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
