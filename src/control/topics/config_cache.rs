//! Cache of topic configs: they rarely change and are long, so they aren't read with every look.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::Result;
use crate::model::TopicName;

use super::cluster::TopicSite;
use super::configs::TopicConfigs;

/// The age at which all configs are read again.
const VALID_FOR: Duration = Duration::from_secs(30);

/// The configs of one cluster's topics, or the cluster's error.
#[derive(Debug, Default)]
pub(super) struct ConfigMemory {
    known: BTreeMap<TopicName, Result<TopicConfigs, String>>,
    read_at: Option<Instant>,
}

impl ConfigMemory {
    /// Reads the configs of `topics` that aren't cached, or all of them once the cache has expired.
    pub(super) async fn read(&mut self, site: &dyn TopicSite, topics: &[TopicName]) -> Result<()> {
        let is_old = self.read_at.is_none_or(|at| at.elapsed() >= VALID_FOR);
        let is_wanted = |topic: &&TopicName| is_old || !self.known.contains_key(*topic);
        let wanted: Vec<TopicName> = topics.iter().filter(is_wanted).cloned().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let read = site.configs(&wanted).await?.into_iter();
        let read = read.map(|(topic, configs)| (topic, configs.map_err(|e| e.chain())));
        if is_old {
            self.known = read.collect();
            self.read_at = Some(Instant::now());
        } else {
            self.known.extend(read);
        }
        Ok(())
    }

    /// The cached configs of `topic`.
    pub(super) fn of(&self, topic: &TopicName) -> Option<&Result<TopicConfigs, String>> {
        self.known.get(topic)
    }

    /// Drops a topic from the cache, after it was changed.
    pub(super) fn forget(&mut self, topic: &TopicName) {
        self.known.remove(topic);
    }
}
