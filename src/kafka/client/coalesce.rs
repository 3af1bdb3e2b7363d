//! Questions about single partitions, gathered: those that wait while one request is under way go into the next.
//!
//! Promises: a request that answers a question is sent after it was asked; one request of a kind is under way to a broker at a
//! time, and none has a partition twice; if the caller that sends gives up, the others ask again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafka_protocol::messages::describe_producers_response::PartitionResponse;
use kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::Result;
use crate::model::{BrokerId, LeaderEpoch, TopicPartition};

use super::Connection;
use super::single_flight::SharedResult;

/// The number of partitions in one request.
const PARTITIONS_AT_ONCE: usize = 500;

/// The answer about one partition, and the connection it came from.
pub(crate) type Told<T> = (Connection, T);

/// The epoch that a leader must have, and the timestamp to look up.
pub(crate) type OffsetDetails = (LeaderEpoch, i64);
/// The replica id and isolation level of a request for offsets.
pub(crate) type OffsetKind = (i32, i8);

/// The questions to one cluster.
#[derive(Debug, Default)]
pub(crate) struct Coalescers {
    pub(crate) offsets: ByBroker<OffsetKind, OffsetDetails, Told<ListOffsetsPartitionResponse>>,
    pub(crate) producers: ByBroker<(), (), Told<PartitionResponse>>,
}

/// The questions of each kind to each broker.
#[derive(Debug)]
pub(crate) struct ByBroker<K, D, A>(Mutex<ByKey<(BrokerId, K), D, A>>);

type ByKey<K, D, A> = BTreeMap<K, Arc<Coalescer<D, A>>>;

impl<K: Ord, D, A> ByBroker<K, D, A> {
    pub(crate) fn of(&self, broker: BrokerId, kind: K) -> Arc<Coalescer<D, A>> {
        Arc::clone(self.0.lock().entry((broker, kind)).or_default())
    }
}

impl<K, D, A> Default for ByBroker<K, D, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// The questions of one kind to one broker.
#[derive(Debug)]
pub(crate) struct Coalescer<D, A> {
    waiting: Mutex<Vec<Question<D, A>>>,
    /// Held by the caller that sends.
    turn: tokio::sync::Mutex<()>,
}

/// A question whose answer is awaited; `None` is sent if the broker's answer doesn't have the partition.
#[derive(Debug)]
struct Question<D, A> {
    partition: TopicPartition,
    details: D,
    answer: oneshot::Sender<SharedResult<Option<A>>>,
}

impl<D, A> Default for Coalescer<D, A> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }
}

impl<D: Copy, A> Coalescer<D, A> {
    /// Asks about a partition, together with others: `send` sends one request, for this caller or for others. Returns `None` if
    /// the answer doesn't have the partition.
    ///
    /// Errors: that of the request, for all whose questions it had.
    /// Cancellation: callers whose questions are in a request that this one was sending ask again.
    pub(crate) async fn ask<S, F>(
        &self,
        partition: &TopicPartition,
        details: D,
        send: S,
    ) -> SharedResult<Option<A>>
    where
        S: Fn(Vec<(TopicPartition, D)>) -> F,
        F: Future<Output = Result<BTreeMap<TopicPartition, A>>>,
    {
        loop {
            let mut answer = self.wait(partition.clone(), details);
            tokio::select! {
                biased;
                told = &mut answer => if let Ok(told) = told {
                    return told;
                },
                _turn = self.turn.lock() => loop {
                    match answer.try_recv() {
                        Ok(told) => return told,
                        Err(oneshot::error::TryRecvError::Closed) => break,
                        Err(oneshot::error::TryRecvError::Empty) => self.send_next(&send).await,
                    }
                },
            }
        }
    }

    fn wait(
        &self,
        partition: TopicPartition,
        details: D,
    ) -> oneshot::Receiver<SharedResult<Option<A>>> {
        let (answer, awaited) = oneshot::channel();
        self.waiting.lock().push(Question {
            partition,
            details,
            answer,
        });
        awaited
    }

    /// Sends the questions that have waited longest, and passes on the answers.
    async fn send_next<S, F>(&self, send: &S)
    where
        S: Fn(Vec<(TopicPartition, D)>) -> F,
        F: Future<Output = Result<BTreeMap<TopicPartition, A>>>,
    {
        let next = self.take_next();
        let asked = next.iter().map(|it| (it.partition.clone(), it.details));
        let mut told = send(asked.collect()).await.map_err(Arc::new);
        for question in next {
            let answer = match &mut told {
                Ok(told) => Ok(told.remove(&question.partition)),
                Err(error) => Err(Arc::clone(error)),
            };
            // A caller that gave up needs no answer.
            let _ = question.answer.send(answer);
        }
    }

    fn take_next(&self) -> Vec<Question<D, A>> {
        let mut waiting = self.waiting.lock();
        let (mut next, mut left, mut partitions) = (Vec::new(), Vec::new(), BTreeSet::new());
        for question in waiting.drain(..).filter(|it| !it.answer.is_closed()) {
            if next.len() < PARTITIONS_AT_ONCE && partitions.insert(question.partition.clone()) {
                next.push(question);
            } else {
                left.push(question);
            }
        }
        *waiting = left;
        next
    }
}

#[cfg(test)]
mod tests;
