//! What topic discovery asks of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::model::{TopicId, TopicName};

use super::configs::TopicConfigs;
use super::plan::NewMirror;

/// A cluster as the store of topics.
///
/// Every call is one request with a timeout. A change whose answer is lost may have been made, and may be requested again.
pub trait TopicSite: Send + Sync + Debug {
    /// The current topics, without Kafka's internal ones.
    fn look(&self) -> BoxFuture<'_, Result<Look>>;
    /// The effective configs of topics, or why they can't be read; a topic that doesn't exist is left out.
    fn configs<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Result<TopicConfigs>>>>;
    /// The names of the brokers' configs; empty if they may not be described.
    fn broker_config_names(&self) -> BoxFuture<'_, Result<BTreeSet<String>>>;
    /// Creates a topic; `false` if it exists.
    fn create<'a>(&'a self, mirror: &'a NewMirror) -> BoxFuture<'a, Result<bool>>;
    /// Extends a topic to `count` partitions in total.
    fn grow<'a>(&'a self, topic: &'a TopicName, count: i32) -> BoxFuture<'a, Result<()>>;
    /// Deletes a topic; succeeds if it doesn't exist.
    fn delete<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>>;
    /// Sets configs of a topic.
    fn alter<'a>(
        &'a self,
        topic: &'a TopicName,
        changes: &'a TopicConfigs,
    ) -> BoxFuture<'a, Result<()>>;
}

/// One observation of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The number of brokers.
    pub brokers: usize,
    pub topics: BTreeMap<TopicName, SeenTopic>,
}

/// A topic as observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenTopic {
    pub id: TopicId,
    pub partitions: i32,
    pub replication_factor: i16,
    /// Whether the brokers could report all of this; otherwise nothing may be concluded from it.
    pub is_clear: bool,
}
