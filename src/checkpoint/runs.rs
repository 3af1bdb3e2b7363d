//! The run blocks of a partition in the checkpoint DB, searchable by source and target offset.

use super::keys::{self, PartitionKey};
use super::store::{Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::{SourceOffset, TargetOffset};
use crate::offsets::{Block, BlockChange, Blocks, RunMap};

/// The stored blocks of one partition. Cheap to create when needed.
#[derive(Debug)]
pub struct StoredRuns<'a> {
    store: &'a dyn Store,
    key: &'a PartitionKey,
    prefix: Vec<u8>,
}

impl<'a> StoredRuns<'a> {
    /// The blocks of the partition `key`.
    pub fn new(store: &'a dyn Store, key: &'a PartitionKey) -> Self {
        Self {
            store,
            key,
            prefix: keys::partition(key),
        }
    }

    /// The map as stored; if nothing is, an empty map that expects its first run at these offsets.
    ///
    /// Errors: those of the store, or a block is damaged.
    pub fn load(&self, source: SourceOffset, target: TargetOffset) -> Result<RunMap> {
        let oldest = self.at_or_after_target(TargetOffset::ZERO)?;
        let newest = self.at_or_before_target(TargetOffset(i64::MAX))?;
        Ok(match (oldest, newest) {
            (Some(oldest), Some(newest)) => RunMap::restored(oldest.ordinal(), newest),
            _ => RunMap::empty(source, target),
        })
    }

    /// Adds changes of the map to `update`.
    pub fn apply(&self, update: &mut Update, changes: Vec<BlockChange>) {
        for change in changes {
            match change {
                BlockChange::Put {
                    first_source,
                    first_target,
                    bytes,
                } => {
                    let first = first_target.get().to_be_bytes().to_vec();
                    update.put(Space::Runs, self.by_target(first_target), bytes);
                    update.put(Space::RunsBySource, self.by_source(first_source), first);
                }
                BlockChange::Delete {
                    first_source,
                    first_target,
                } => {
                    update.delete(Space::Runs, self.by_target(first_target));
                    update.delete(Space::RunsBySource, self.by_source(first_source));
                }
            }
        }
    }

    /// Adds the removal of every block to `update`, for a partition that starts over. Errors: those of the store.
    pub fn forget(&self, update: &mut Update) -> Result<()> {
        for space in [Space::Runs, Space::RunsBySource] {
            for (key, _) in self.store.scan(space, &self.prefix, usize::MAX)? {
                update.delete(space, key);
            }
        }
        Ok(())
    }

    fn by_target(&self, first: TargetOffset) -> Vec<u8> {
        keys::at_offset(&self.prefix, first.get())
    }

    fn by_source(&self, first: SourceOffset) -> Vec<u8> {
        keys::at_offset(&self.prefix, first.get())
    }

    fn decoded(&self, key: &[u8], bytes: &[u8]) -> Result<Block> {
        let block =
            Block::decode(bytes).map_err(|error| self.damaged("a run block").caused_by(error))?;
        if self.by_target(block.first().target) == key {
            Ok(block)
        } else {
            Err(self.damaged("the key of a run block"))
        }
    }

    fn damaged(&self, what: &str) -> Error {
        let message = format!(
            "{what} of link {} in the checkpoint DB is damaged; restore its directory from a copy",
            self.key.link
        );
        Error::new(Kind::Store, message).partition(&self.key.topic_partition())
    }
}

impl Blocks for StoredRuns<'_> {
    fn at_or_before_source(&self, source: SourceOffset) -> Result<Option<Block>> {
        if source < SourceOffset::ZERO {
            return Ok(None);
        }
        let key = self.by_source(source);
        // Pruning may remove a block between the two reads, but not twice in a row the one just found.
        for _ in 0..2 {
            let found = self.store.floor(Space::RunsBySource, &self.prefix, &key)?;
            let Some((by_source, first)) = found else {
                return Ok(None);
            };
            let by_target = [&self.prefix[..], &first].concat();
            if let Some(bytes) = self.store.get(Space::Runs, &by_target)? {
                let block = self.decoded(&by_target, &bytes)?;
                if self.by_source(block.first().source) == by_source {
                    return Ok(Some(block));
                }
            }
        }
        Err(self.damaged("the index of run blocks"))
    }

    fn at_or_before_target(&self, target: TargetOffset) -> Result<Option<Block>> {
        if target < TargetOffset::ZERO {
            return Ok(None);
        }
        let key = self.by_target(target);
        let found = self.store.floor(Space::Runs, &self.prefix, &key)?;
        found
            .map(|(key, bytes)| self.decoded(&key, &bytes))
            .transpose()
    }

    fn at_or_after_target(&self, target: TargetOffset) -> Result<Option<Block>> {
        let key = self.by_target(target.max(TargetOffset::ZERO));
        let found = self.store.scan_from(Space::Runs, &self.prefix, &key, 1)?;
        let first = found.first();
        first
            .map(|(key, bytes)| self.decoded(key, bytes))
            .transpose()
    }
}
