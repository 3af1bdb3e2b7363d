//! What group sync and moves ask of a cluster.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures_util::future::BoxFuture;

use crate::error::{Error, Result};
use crate::model::{GroupId, TopicName, TopicPartition};

/// The number of groups queried concurrently.
pub(crate) const GROUPS_AT_ONCE: usize = 16;

/// A cluster as the store of consumer group offsets.
///
/// Every call is one request with a timeout. Dropping its future discards the answer.
pub trait Site: Send + Sync + Debug {
    /// Whether no broker answered when the cluster was last looked for.
    fn is_lost(&self) -> bool;
    /// The groups of the cluster and their standing.
    fn groups(&self) -> BoxFuture<'_, Result<BTreeMap<GroupId, GroupActivity>>>;
    /// All committed offsets of `group`; empty for a group that doesn't exist.
    fn offsets<'a>(
        &'a self,
        group: &'a GroupId,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, CommittedOffset>>>;
    /// Those of these topics that may not be seen, each with the error: offsets in them are left out.
    fn hidden_topics<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Error>>>;
    /// Commits offsets of a group without members; each partition has its own result.
    ///
    /// After a retriable error it is unknown whether the offset was committed, or still will be.
    fn commit<'a>(
        &'a self,
        group: &'a GroupId,
        offsets: &'a BTreeMap<TopicPartition, CommittedOffset>,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, Result<()>>>>;
    /// The present number of partitions of each topic, asked of the cluster now; topics that don't exist are left out.
    fn partitions<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, i32>>>;
    /// The chosen end of each partition.
    fn ends<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        end: LogEdge,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, i64>>>;
    /// Whether a transaction is open in `partition`; `None` if the brokers are too old to say.
    fn has_open_transaction<'a>(
        &'a self,
        partition: &'a TopicPartition,
    ) -> BoxFuture<'a, Result<Option<bool>>>;
    /// How long the cluster keeps the offsets of a group without members, in milliseconds; `None` if it doesn't report it.
    fn offsets_retention_ms(&self) -> BoxFuture<'_, Result<Option<i64>>>;
    /// The longest metadata the cluster takes with a commit, in UTF-16 units; `None` if it doesn't report it.
    fn metadata_limit(&self) -> BoxFuture<'_, Result<Option<usize>>>;
}

/// Whether offsets can be committed for a group from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupActivity {
    /// The group has no members.
    AtRest,
    /// The group has members, and only they may commit.
    Active,
    /// The offsets of this kind of group can't be carried (share groups).
    Unsupported,
}

/// An offset as committed on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset the group reads.
    pub offset: i64,
    /// Text set by the application.
    pub metadata: Option<String>,
}

/// Which end of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEdge {
    /// The log end offset of the leader, replicated or not.
    Log,
    /// The high watermark: the end of what is replicated.
    HighWatermark,
    /// The last stable offset: the start of the first open transaction, or else the high watermark.
    LastStable,
}
