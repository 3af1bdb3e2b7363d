//! Long lists in chunks, each under its own key: no value grows with the number of groups, and a list is read and written
//! chunk by chunk.
//!
//! ```text
//!  key of the list, generation, number  ->  [item, item, ...]   at most 1,000 items
//! ```
//!
//! The head that a list belongs to holds its generation and its number of chunks. A list is replaced by a new generation, in
//! the update that replaces the head: a reader of an older head finds that head's chunks or none, never others.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::json;
use super::store::{Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::{GroupId, Partition, TopicName, TopicPartition};

/// The maximum number of items in a chunk.
const CHUNK_ITEMS: usize = 1_000;
/// The size in bytes at which a chunk is closed; the last item may exceed it.
const CHUNK_BYTES: usize = 256 << 10;
/// How many times a reader starts over because the list was replaced in the meantime.
const ATTEMPTS: usize = 32;

/// The location of a list's chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkedList {
    /// A random number, new each time the list is written.
    generation: u64,
    chunks: u32,
}

/// A list, packed but not yet stored.
#[derive(Debug, Default)]
pub struct Packed {
    closed: Vec<Vec<u8>>,
    open: Vec<u8>,
    items: usize,
}

impl Packed {
    /// Packs a list.
    pub fn list<T: Serialize>(items: impl IntoIterator<Item = T>) -> Self {
        let mut packed = Self::default();
        for item in items {
            packed.push(&item);
        }
        packed
    }

    /// Packs values for groups and partitions; group and topic are given only where they change.
    pub fn cells<'a, T: Serialize>(
        cells: impl IntoIterator<Item = (&'a GroupId, &'a TopicPartition, T)>,
    ) -> Self {
        let mut packed = Self::default();
        let mut before: Option<(&GroupId, &TopicName)> = None;
        for (group, partition, value) in cells {
            let known = before.filter(|_| packed.items > 0);
            let cell = Cell {
                group: (known.map(|it| it.0) != Some(group)).then(|| group.clone()),
                topic: (known.map(|it| it.1) != Some(&partition.topic))
                    .then(|| partition.topic.clone()),
                partition: partition.partition,
                value,
            };
            packed.push(&cell);
            before = Some((group, &partition.topic));
        }
        packed
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.items == 0
    }

    fn push<T: Serialize>(&mut self, item: &T) {
        self.open.push(if self.items == 0 { b'[' } else { b',' });
        serde_json::to_writer(&mut self.open, item).expect("records have nothing JSON cannot say");
        self.items += 1;
        if self.items >= CHUNK_ITEMS || self.open.len() >= CHUNK_BYTES {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.items > 0 {
            self.open.push(b']');
            self.closed.push(std::mem::take(&mut self.open));
            self.items = 0;
        }
    }

    /// Adds the chunks to `update`.
    pub(super) fn put(mut self, update: &mut Update, space: Space, prefix: &[u8]) -> ChunkedList {
        self.close();
        let generation = fastrand::u64(..);
        let mut chunks = 0;
        for chunk in self.closed {
            update.put(space, chunk_key(prefix, generation, chunks), chunk);
            chunks += 1;
        }
        ChunkedList { generation, chunks }
    }
}

impl ChunkedList {
    /// An upper bound on the number of items.
    pub fn capacity(self) -> usize {
        CHUNK_ITEMS.saturating_mul(usize::try_from(self.chunks).unwrap_or(usize::MAX))
    }

    /// Removes the chunks.
    pub(super) fn delete(self, update: &mut Update, space: Space, prefix: &[u8]) {
        for number in 0..self.chunks {
            update.delete(space, chunk_key(prefix, self.generation, number));
        }
    }

    /// Reads the list; `None` if it was replaced.
    pub(super) fn load<T: DeserializeOwned>(
        self,
        store: &dyn Store,
        space: Space,
        prefix: &[u8],
    ) -> Result<Option<Vec<T>>> {
        let mut items = Vec::new();
        for number in 0..self.chunks {
            let key = chunk_key(prefix, self.generation, number);
            let Some(chunk) = json::load::<Vec<T>>(store, space, &key)? else {
                return Ok(None);
            };
            items.extend(chunk);
        }
        Ok(Some(items))
    }

    /// Reads values for groups and partitions, and passes each to `take`; `None` if they were replaced. Equal names share
    /// memory.
    pub(super) fn load_cells<T: DeserializeOwned>(
        self,
        store: &dyn Store,
        space: Space,
        prefix: &[u8],
        mut take: impl FnMut(&GroupId, TopicPartition, T),
    ) -> Result<Option<()>> {
        for number in 0..self.chunks {
            let key = chunk_key(prefix, self.generation, number);
            let Some(chunk) = json::load::<Vec<Cell<T>>>(store, space, &key)? else {
                return Ok(None);
            };
            let mut names: (Option<GroupId>, Option<TopicName>) = (None, None);
            for cell in chunk {
                names = (cell.group.or(names.0), cell.topic.or(names.1));
                let (Some(group), Some(topic)) = (&names.0, &names.1) else {
                    return Err(json::unreadable(space, &key));
                };
                let partition = TopicPartition {
                    topic: topic.clone(),
                    partition: cell.partition,
                };
                take(group, partition, cell.value);
            }
        }
        Ok(Some(()))
    }
}

/// Reads a head and its lists consistently; retries if a part was replaced in the meantime, which `read` reports as `None`.
pub fn read_whole<T>(mut read: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..ATTEMPTS {
        if let Some(whole) = read()? {
            return Ok(whole);
        }
    }
    let message = "the checkpoint DB lacks part of a list whose head it holds; restore it from a copy, or let it be refilled from the journal";
    Err(Error::new(Kind::Store, message))
}

/// A value for a group and a partition; omitted fields are those of the previous value.
#[derive(Debug, Serialize, Deserialize)]
struct Cell<T> {
    #[serde(rename = "g", skip_serializing_if = "Option::is_none", default)]
    group: Option<GroupId>,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", default)]
    topic: Option<TopicName>,
    #[serde(rename = "p")]
    partition: Partition,
    #[serde(rename = "v")]
    value: T,
}

fn chunk_key(prefix: &[u8], generation: u64, number: u32) -> Vec<u8> {
    [prefix, &generation.to_be_bytes(), &number.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests;
