//! What topic discovery asks of a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::model::{TopicId, TopicName};

use super::configs::Configs;
use super::plan::NewMirror;

/// One cluster, seen as the place where topics are.
///
/// Every call is one question with a limited time; a change whose answer is lost may have happened, and may be asked for again.
pub trait TopicSite: Send + Sync + Debug {
    /// The topics as they are now, without Kafka's own.
    fn look(&self) -> BoxFuture<'_, Result<Look>>;
    /// The effective configs of topics, or why one doesn't tell them; a topic that doesn't exist is left out.
    fn configs<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Result<Configs>>>>;
    /// The config names that brokers have; none if that may not be asked.
    fn broker_config_names(&self) -> BoxFuture<'_, Result<BTreeSet<String>>>;
    /// Creates a topic; false if it exists.
    fn create<'a>(&'a self, mirror: &'a NewMirror) -> BoxFuture<'a, Result<bool>>;
    /// Gives a topic this many partitions in all.
    fn grow<'a>(&'a self, topic: &'a TopicName, count: i32) -> BoxFuture<'a, Result<()>>;
    /// Deletes a topic; fine if there is none.
    fn delete<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>>;
    /// Sets configs of a topic.
    fn alter<'a>(&'a self, topic: &'a TopicName, changes: &'a Configs)
    -> BoxFuture<'a, Result<()>>;
}

/// One look at a cluster.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// How many brokers it has.
    pub brokers: usize,
    /// Its topics.
    pub topics: BTreeMap<TopicName, SeenTopic>,
}

/// A topic as seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenTopic {
    /// Its id.
    pub id: TopicId,
    /// Its number of partitions.
    pub partitions: i32,
    /// Its replication factor.
    pub replication_factor: i16,
    /// Whether the brokers could say all this; otherwise nothing is to be concluded from it.
    pub is_clear: bool,
}
