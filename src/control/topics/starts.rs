//! What a link's first look found, and where its partitions start (H10).
//!
//! Promises: `latest` and times are resolved for everything that the first look found, and stored, before a mirror topic is
//! created; creating many topics takes long, and records that are written meanwhile are not skipped.
//! Doesn't: resolve `earliest`, which is whatever the source still has when a partition begins.

use std::collections::BTreeMap;

use crate::checkpoint::records::put_first_look;
use crate::checkpoint::starts::{StartRecord, put_start, starts_of};
use crate::checkpoint::{PartitionKey, Store, Update};
use crate::config::{LinkConfig, Start};
use crate::error::Result;
use crate::model::{KnownTopic, TopicId, TopicName, TopicPartition};

use super::cluster::{SeenTopic, TopicSite};

/// The link's first look.
#[derive(Debug)]
pub(super) struct FirstLook {
    /// The topics found and their numbers of partitions; `None` before the look.
    found: Option<BTreeMap<TopicName, i32>>,
    /// Whether everything that the look determines is stored.
    is_stored: bool,
}

impl FirstLook {
    /// Starts from what the checkpoint DB has; `None` before the look.
    pub(super) fn new(found: Option<BTreeMap<TopicName, i32>>) -> Self {
        Self {
            found,
            is_stored: false,
        }
    }

    /// Returns the topics that the first look found, which may be this one. They and the starts of their partitions are
    /// durable on return. Also resolves starts that an earlier process didn't, or resolved for another `start`.
    ///
    /// Errors: the checkpoint DB failed.
    pub(super) async fn take(
        &mut self,
        config: &LinkConfig,
        (source, store): (&dyn TopicSite, &dyn Store),
        known: &BTreeMap<TopicName, KnownTopic>,
        selected: &BTreeMap<&TopicName, &SeenTopic>,
    ) -> Result<BTreeMap<TopicName, i32>> {
        if let (Some(found), true) = (&self.found, self.is_stored) {
            return Ok(found.clone());
        }
        let mut update = Update::new();
        let found = self.found.clone().unwrap_or_else(|| {
            let found = selected.iter();
            let found = found.map(|(name, seen)| ((*name).clone(), seen.partitions));
            let found = found.collect();
            put_first_look(&mut update, &config.name, &found);
            found
        });
        if config.start != Start::Earliest {
            // Workers know the topics that have a mirror.
            let waiting = found.iter().filter(|(name, _)| !known.contains_key(*name));
            let waiting = waiting.filter_map(|(name, count)| {
                let seen = selected.get(name)?;
                Some((name, seen.id, seen.partitions.min(*count)))
            });
            let unresolved = unresolved(config, store, waiting)?;
            resolve(config, source, &unresolved, &mut update).await;
        }
        if !update.is_empty() {
            store.commit(update).await?;
        }
        self.is_stored = true;
        Ok(self.found.insert(found).clone())
    }
}

/// The partitions of topics for which the present `start` has no entry yet.
fn unresolved<'a>(
    config: &LinkConfig,
    store: &dyn Store,
    topics: impl Iterator<Item = (&'a TopicName, TopicId, i32)>,
) -> Result<BTreeMap<TopicPartition, TopicId>> {
    let stored = starts_of(store, &config.name)?;
    let partitions = topics.flat_map(|(name, id, count)| {
        (0..count).map(move |number| (TopicPartition::new(name.clone(), number), id))
    });
    let is_unresolved = |(partition, _): &(TopicPartition, TopicId)| {
        let stored = stored.get(partition);
        stored.is_none_or(|start| start.time_ms != config.start.time_ms())
    };
    Ok(partitions.filter(is_unresolved).collect())
}

/// Adds the starts of partitions to `update`, as far as their leaders tell.
async fn resolve(
    config: &LinkConfig,
    source: &dyn TopicSite,
    unresolved: &BTreeMap<TopicPartition, TopicId>,
    update: &mut Update,
) {
    let looked_at_ms = crate::telemetry::now_ms();
    let partitions: Vec<TopicPartition> = unresolved.keys().cloned().collect();
    if partitions.is_empty() {
        return;
    }
    let offsets = source.starts(&partitions, config.start).await;
    for (partition, id) in unresolved {
        let start = StartRecord {
            source_topic_id: *id,
            time_ms: config.start.time_ms(),
            looked_at_ms,
            offset: offsets.get(partition).copied(),
        };
        put_start(update, &PartitionKey::new(&config.name, partition), &start);
    }
    if let Some(silent) = partitions.iter().find(|it| !offsets.contains_key(*it)) {
        let count = partitions.len() - offsets.len();
        tracing::warn!(
            link = %config.name, count, partition = %silent,
            "partitions whose leaders don't answer start at the first record with the time of this look or a later one"
        );
    }
}
