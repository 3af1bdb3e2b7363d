//! The data plane on either path: where fetched partitions come from and where batches go.
//!
//! Promises: both paths answer alike, so that nobody behind this file has to know which one it is.
//! Doesn't: choose a path, or serve the control plane, which is always on the wire.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::record::{Reader, Shard};
use super::stream::{
    FetchOrder, FetchedPartition, ProduceAnswer, ProducePart, start_fetch, start_produce,
};
use super::wire::Connection;
use crate::error::Result;
use crate::task::Ownership;

/// Requests out on one connection: the broker works on one at a time, the next one waits in its socket buffer.
const RAW_REQUESTS: u64 = 3;
/// Transactions of one producer follow each other, and the next one grows while one is under way.
const RECORD_REQUESTS: u64 = 1;

/// Where the partitions of one source broker are fetched. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Source {
    /// On a connection, as they are.
    Raw(Connection),
    /// Through librdkafka.
    Record(Reader),
}

impl Source {
    /// Whether fetches can still be started.
    pub fn is_alive(&self) -> bool {
        match self {
            Self::Raw(connection) => connection.is_alive(),
            Self::Record(reader) => reader.is_alive(),
        }
    }

    /// Starts a `read_committed` fetch; the broker has the order's `max_wait` plus `timeout` to answer.
    ///
    /// Cancellation: dropping the future forgets the answer.
    pub fn start_fetch(
        &self,
        order: FetchOrder,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Vec<FetchedPartition>>> {
        match self {
            Self::Raw(connection) => match start_fetch(connection, &order, timeout) {
                Ok(pending) => pending.boxed(),
                Err(error) => std::future::ready(Err(error)).boxed(),
            },
            Self::Record(reader) => reader.clone().fetch(order, timeout).boxed(),
        }
    }
}

/// Where batches go. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Sink {
    /// On a connection to their leader.
    Raw(Connection),
    /// In transactions, through librdkafka.
    Record(Shard),
}

impl Sink {
    /// A number that tells it from one made later.
    pub fn id(&self) -> u64 {
        match self {
            Self::Raw(connection) => connection.id(),
            Self::Record(_) => 0,
        }
    }

    /// Whether batches can still be sent.
    pub fn is_alive(&self) -> bool {
        match self {
            Self::Raw(connection) => connection.is_alive(),
            Self::Record(_) => true,
        }
    }

    /// How many requests are worth having out at once.
    pub fn requests(&self) -> u64 {
        match self {
            Self::Raw(_) => RAW_REQUESTS,
            Self::Record(_) => RECORD_REQUESTS,
        }
    }

    /// Starts to send batches, while the right is held; answers come in the order of the parts.
    ///
    /// Cancellation: dropping the future forgets the answer; the batches are appended all the same.
    pub fn start_produce(
        &self,
        parts: Vec<ProducePart>,
        timeout: Duration,
        right: &Ownership,
    ) -> BoxFuture<'static, Result<Vec<ProduceAnswer>>> {
        match self {
            Self::Raw(connection) => match start_produce(connection, parts, timeout, Some(right)) {
                Ok(pending) => pending.boxed(),
                Err(error) => std::future::ready(Err(error)).boxed(),
            },
            Self::Record(shard) => shard.clone().produce(parts, Some(right.clone())).boxed(),
        }
    }
}
