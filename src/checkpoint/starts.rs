//! Where the partitions that a link's first look found start, until they have begun.
//!
//! An entry is written before the first mirror topic is created, and removed by the update that stores the beginning of its
//! partition: from then on the partition's own record says where it started.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PartitionKey;
use super::json::{list, load, put};
use super::keys::{self, Parts};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{LinkName, SourceOffset, TopicId, TopicPartition};

/// The start of a partition, as the link's first look found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRecord {
    /// The source topic's id: a start says nothing about another topic of the same name.
    pub source_topic_id: TopicId,
    /// The time that `start` named, in milliseconds since 1970; `None` for `latest`.
    pub time_ms: Option<i64>,
    /// When the link looked, in milliseconds since 1970.
    pub looked_at_ms: i64,
    /// The first source offset to mirror; `None` if the partition's leader didn't answer.
    pub offset: Option<SourceOffset>,
}

/// Writes the start of a partition.
pub fn put_start(update: &mut Update, key: &PartitionKey, record: &StartRecord) {
    put(update, Space::Meta, &keys::start(key), record);
}

/// Removes the start of a partition.
pub fn delete_start(update: &mut Update, key: &PartitionKey) {
    update.delete(Space::Meta, keys::start(key));
}

/// Reads the start of a partition; `None` if none is stored.
pub fn load_start(store: &dyn Store, key: &PartitionKey) -> Result<Option<StartRecord>> {
    load(store, Space::Meta, &keys::start(key))
}

/// Reads all stored starts of a link. Errors: those of the store.
pub fn starts_of(
    store: &dyn Store,
    link: &LinkName,
) -> Result<BTreeMap<TopicPartition, StartRecord>> {
    let prefix = keys::starts(link);
    let found = list(store, Space::Meta, &prefix, |key| {
        Parts::behind(&prefix, key)?.topic_partition()
    });
    Ok(found?.into_iter().collect())
}
