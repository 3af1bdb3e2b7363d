//! The data plane on either path: where fetched partitions come from and where batches go.
//!
//! Promises: both paths answer alike, so callers don't have to know which one is in use.
//! Doesn't: choose a path, or serve the control plane, which always uses the wire protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::error::Result;
use crate::kafka::client::Connection;
use crate::kafka::record::{RecordReader, Shard};
use crate::task::Ownership;

use super::fetcher::Fetcher;
use super::requests::{
    FetchChange, FetchLimits, FetchOrder, FetchPartition, FetchTicket, FetchedPartition,
    ProduceAnswer, ProducePart, start_produce,
};

/// Produce requests in flight on one connection: the broker handles one at a time while the next one waits in its
/// socket buffer.
const RAW_REQUESTS: u64 = 3;
/// Transactions of one producer are sequential, and the next one fills up while one is in progress.
const RECORD_REQUESTS: u64 = 1;

/// A source of fetched partitions on one broker. Cheap to clone; one fetch at a time.
#[derive(Debug, Clone)]
pub enum Source {
    /// On a connection, unchanged.
    Raw(Fetcher),
    /// Through librdkafka.
    Record(Reading),
}

/// The partitions wanted through librdkafka, which has no sessions.
#[derive(Debug, Clone)]
pub struct Reading {
    reader: RecordReader,
    wanted: Arc<Mutex<BTreeMap<usize, (u32, FetchPartition)>>>,
}

impl Reading {
    /// Creates a reading in which nothing is wanted yet.
    pub fn new(reader: RecordReader) -> Self {
        Self {
            reader,
            wanted: Arc::default(),
        }
    }

    fn change(&self, change: FetchChange) {
        let mut wanted = self.wanted.lock();
        match change {
            FetchChange::Want((place, round), it) => wanted.insert(place, (round, it)),
            FetchChange::Leave(place) => wanted.remove(&place),
        };
    }

    /// Fetches everything wanted; each partition is in the result, whether there is news or not.
    async fn fetch(
        self,
        limits: FetchLimits,
        timeout: Duration,
    ) -> Result<Vec<(FetchTicket, FetchedPartition)>> {
        let (tickets, partitions): (Vec<FetchTicket>, Vec<FetchPartition>) = {
            let wanted = self.wanted.lock();
            let wanted = wanted.iter();
            wanted
                .map(|(place, (round, it))| ((*place, *round), it.clone()))
                .unzip()
        };
        let order = FetchOrder { limits, partitions };
        let fetched = self.reader.fetch(order, timeout).await?.into_iter();
        let fetched = fetched.filter_map(|(place, it)| Some((*tickets.get(place)?, it)));
        Ok(fetched.collect())
    }
}

impl Source {
    /// Whether fetches can still be started.
    pub fn is_alive(&self) -> bool {
        match self {
            Self::Raw(fetcher) => fetcher.is_alive(),
            Self::Record(reading) => reading.reader.is_alive(),
        }
    }

    /// Applies a change to what is wanted; it takes effect with the next fetch.
    pub fn change(&self, change: FetchChange) {
        match self {
            Self::Raw(fetcher) => fetcher.change(change),
            Self::Record(reading) => reading.change(change),
        }
    }

    /// Whether anything is wanted.
    pub fn wants(&self) -> bool {
        match self {
            Self::Raw(fetcher) => fetcher.wants(),
            Self::Record(reading) => !reading.wanted.lock().is_empty(),
        }
    }

    /// Starts a `read_committed` fetch of what is wanted; the broker has `max_wait` plus `timeout` to answer.
    ///
    /// For partitions missing from the result, what was last returned still holds. Cancellation: dropping the future
    /// discards the response.
    pub fn start_fetch(
        &self,
        limits: FetchLimits,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Vec<(FetchTicket, FetchedPartition)>>> {
        match self {
            Self::Raw(fetcher) => match fetcher.start(limits, timeout) {
                Ok(pending) => pending.boxed(),
                Err(error) => std::future::ready(Err(error)).boxed(),
            },
            Self::Record(reading) => reading.clone().fetch(limits, timeout).boxed(),
        }
    }
}

/// A destination for batches. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Sink {
    /// On a connection to their leader.
    Raw(Connection),
    /// In transactions, through librdkafka.
    Record(Shard),
}

impl Sink {
    /// A number that distinguishes it from one created later.
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

    /// The useful number of requests in flight.
    pub fn requests(&self) -> u64 {
        match self {
            Self::Raw(_) => RAW_REQUESTS,
            Self::Record(_) => RECORD_REQUESTS,
        }
    }

    /// Starts to send batches, while `right` is held; answers are in the order of the parts.
    ///
    /// Cancellation: dropping the future discards the answers; the batches are still appended.
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
