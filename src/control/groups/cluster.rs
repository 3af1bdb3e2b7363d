//! What group sync and moves ask of a cluster.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures_util::future::BoxFuture;

use crate::error::Result;
use crate::model::{GroupId, TopicPartition};

/// How many groups are asked for at once.
pub(crate) const GROUPS_AT_ONCE: usize = 16;

/// One cluster, seen as the place where groups keep their offsets.
///
/// Every call is one question with a limited time; dropping its future forgets the answer.
pub trait Site: Send + Sync + Debug {
    /// The groups of the cluster, and whether each is at rest.
    fn groups(&self) -> BoxFuture<'_, Result<BTreeMap<GroupId, Standing>>>;
    /// Everything a group committed; nothing for a group that doesn't exist.
    fn offsets<'a>(
        &'a self,
        group: &'a GroupId,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, Committed>>>;
    /// Commits offsets of a group without members, each with its own answer.
    ///
    /// After an error that may pass it is unknown whether the offset was committed, or still will be.
    fn commit<'a>(
        &'a self,
        group: &'a GroupId,
        offsets: &'a BTreeMap<TopicPartition, Committed>,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, Result<()>>>>;
    /// An end of each partition.
    fn ends<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        end: End,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, i64>>>;
    /// Whether a transaction is open in a partition; none if the brokers are too old to say.
    fn has_open_transaction<'a>(
        &'a self,
        partition: &'a TopicPartition,
    ) -> BoxFuture<'a, Result<Option<bool>>>;
    /// The cluster's retention of offsets of a group without members, in milliseconds; `None` if it doesn't report it.
    fn offsets_retention_ms(&self) -> BoxFuture<'_, Result<Option<i64>>>;
}

/// Whether offsets can be committed for a group from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has no members.
    AtRest,
    /// It has members: only they may commit.
    Active,
    /// A kind of group whose offsets can't be carried (share groups).
    Unsupported,
}

/// A committed offset as it stands on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The next offset the group reads.
    pub offset: i64,
    /// The application's text.
    pub metadata: Option<String>,
}

/// Which end of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Behind the last record in the leader's log, replicated or not.
    Log,
    /// Behind the last record that is replicated.
    HighWatermark,
    /// Behind the last record that isn't part of an open transaction.
    LastStable,
}
