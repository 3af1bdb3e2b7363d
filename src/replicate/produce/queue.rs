//! The order of requests on a target connection, and of their answers.
//!
//! Pure. Live partitions go first, those of each kind in turn. Once live ones have sent seven times a share while others
//! were waiting, one of the others goes first.

use std::collections::{BTreeMap, VecDeque};

use crate::replicate::fetch::budget::{FairnessCredit, Rank};

/// The partitions that have a batch to send: the queues of live ones and of those behind.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    live: VecDeque<usize>,
    behind: VecDeque<usize>,
    patience: FairnessCredit,
}

impl Ready {
    /// Appends a partition to its queue.
    pub(crate) fn push(&mut self, index: usize, rank: Rank) {
        match rank {
            Rank::Live => self.live.push_back(index),
            Rank::Behind => self.behind.push_back(index),
        }
    }

    /// Takes the next partition. `share` is what one behind sends in its turn, in bytes; `all` is whether those behind may
    /// be taken at all.
    pub(crate) fn pop(&mut self, share: usize, all: bool) -> Option<(usize, Rank)> {
        if all
            && self.patience.is_out(share)
            && let Some(index) = self.behind.pop_front()
        {
            return Some((index, Rank::Behind));
        }
        let live = self.live.pop_front().map(|index| (index, Rank::Live));
        live.or_else(|| {
            let index = if all { self.behind.pop_front() } else { None };
            index.map(|index| (index, Rank::Behind))
        })
    }

    /// Records that a partition sends `bytes`.
    pub(crate) fn sent(&mut self, rank: Rank, bytes: usize) {
        match rank {
            Rank::Behind => self.patience.serve(bytes),
            Rank::Live if self.behind.is_empty() => {}
            Rank::Live => self.patience.pass(bytes),
        }
    }

    /// Whether no partition is queued.
    pub(crate) fn is_empty(&self) -> bool {
        self.live.is_empty() && self.behind.is_empty()
    }

    /// Removes and returns all of them.
    pub(crate) fn take(&mut self) -> Vec<usize> {
        self.live.drain(..).chain(self.behind.drain(..)).collect()
    }
}

/// The outstanding requests of one connection.
///
/// A broker answers the requests of one connection in order, but futures that complete together are yielded in any order. A
/// partition's window takes answers oldest first, so a later one processed earlier would look like a foreign write.
#[derive(Debug)]
pub(crate) struct ResponseOrder<T> {
    /// The number of the next request.
    next: u64,
    /// The number of the request whose answer is due.
    due: u64,
    /// Answers that were received before their turn.
    early: BTreeMap<u64, T>,
}

impl<T> Default for ResponseOrder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            due: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<T> ResponseOrder<T> {
    /// Returns the number for a request that is being sent.
    pub(crate) fn send(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Returns how many requests haven't had their turn yet.
    pub(crate) fn outstanding(&self) -> u64 {
        self.next - self.due
    }

    /// Takes an answer, and returns all answers whose turn it is now.
    pub(crate) fn arrive(&mut self, number: u64, answer: T) -> Vec<T> {
        self.early.insert(number, answer);
        let mut in_turn = Vec::new();
        while let Some(answer) = self.early.remove(&self.due) {
            self.due += 1;
            in_turn.push(answer);
        }
        in_turn
    }
}

#[cfg(test)]
mod tests;
