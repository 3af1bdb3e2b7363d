//! The data plane on either path: where fetched partitions come from and where batches go.
//!
//! Promises: both paths answer alike, so that nobody behind this file has to know which one it is.
//! Doesn't: choose a path, or serve the control plane, which is always on the wire.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::error::Result;
use crate::kafka::client::Connection;
use crate::kafka::record::{Reader, Shard};
use crate::task::Ownership;

use super::fetcher::Fetcher;
use super::requests::{
    FetchChange, FetchLimits, FetchOrder, FetchPartition, FetchTicket, FetchedPartition,
    ProduceAnswer, ProducePart, start_produce,
};

/// Requests out on one connection: the broker works on one at a time, the next one waits in its socket buffer.
const RAW_REQUESTS: u64 = 3;
/// Transactions of one producer follow each other, and the next one grows while one is under way.
const RECORD_REQUESTS: u64 = 1;

/// Where partitions of one source broker are fetched. Cheap to clone; one fetch at a time.
#[derive(Debug, Clone)]
pub enum Source {
    /// On a connection, as they are.
    Raw(Fetcher),
    /// Through librdkafka.
    Record(Reading),
}

/// What is wanted through librdkafka, which has no sessions.
#[derive(Debug, Clone)]
pub struct Reading {
    reader: Reader,
    wanted: Arc<Mutex<BTreeMap<usize, (u32, FetchPartition)>>>,
}

impl Reading {
    /// Nothing is wanted yet.
    pub fn new(reader: Reader) -> Self {
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

    /// Everything wanted is answered, whether there is news or not.
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

    /// Takes over what is wanted; the next fetch says so.
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
    /// What the answer leaves out stands as it was told last. Cancellation: dropping the future forgets the answer.
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
