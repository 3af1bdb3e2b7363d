//! The part of a partition's offset map that is in memory, and the changes to store.

use std::collections::VecDeque;

use super::block::{Follows, check, follows};
use super::{Block, Blocks, MapError};
use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};

/// The maximum number of blocks that one call of [`RunMap::prune`] removes.
const PRUNE_BLOCKS: usize = 64;

/// A change to the stored blocks of a partition. A block is identified by the offsets of its first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockChange {
    /// Write this block, replacing an earlier form of it.
    Put {
        first_source: SourceOffset,
        first_target: TargetOffset,
        /// The compact form; see [`Block::decode`].
        bytes: Vec<u8>,
    },
    /// Remove this block.
    Delete {
        first_source: SourceOffset,
        first_target: TargetOffset,
    },
}

/// What to store, all in one update, and the receipt to return afterwards.
#[derive(Debug)]
pub struct Changes {
    pub blocks: Vec<BlockChange>,
    /// For [`RunMap::stored`], once the blocks are durable.
    pub receipt: Receipt,
}

/// The number of a call of [`RunMap::take_changes`]. It stands for everything that call returned: all changes up to then
/// that weren't known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receipt(u64);

/// The offset map of one partition: the newest runs in memory, older ones behind [`Blocks`].
///
/// The last run is open: a run that joins it lengthens it without a change to store. Its stored length may therefore lag;
/// after a restart the map's owner proves where the target ends and passes that to [`RunMap::extend_last_to`].
#[derive(Debug)]
pub struct RunMap {
    /// Where the first run is expected; irrelevant once there is one.
    origin: (SourceOffset, TargetOffset),
    /// The ordinal of the oldest run not pruned.
    pub(super) first_ordinal: u64,
    /// Full blocks not known to be durable, oldest first; lookups need them until they are.
    pub(super) held: VecDeque<Held>,
    /// The newest runs; `None` in an empty map.
    pub(super) tail: Option<Block>,
    /// The first call that returns the tail as it is now; `None` if that is known to be durable.
    tail_from: Option<Receipt>,
    /// The last call of [`take_changes`](Self::take_changes).
    taken: Receipt,
}

/// A full block that isn't known to be durable.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) block: Block,
    /// The first call that returns it.
    from: Receipt,
}

impl RunMap {
    /// An empty map whose first run is expected at these offsets or later.
    pub fn empty(source: SourceOffset, target: TargetOffset) -> Self {
        Self {
            origin: (source, target),
            first_ordinal: 0,
            held: VecDeque::new(),
            tail: None,
            tail_from: None,
            taken: Receipt(0),
        }
    }

    /// The map as stored: its newest block, and the ordinal of its oldest run.
    pub fn restored(first_ordinal: u64, newest: Block) -> Self {
        Self {
            first_ordinal,
            tail: Some(newest),
            ..Self::empty(SourceOffset::ZERO, TargetOffset::ZERO)
        }
    }

    /// The last run.
    pub fn last(&self) -> Option<&Run> {
        self.tail.as_ref().map(Block::last)
    }

    /// The source offset after the last run, or where the first is expected.
    pub fn source_end(&self) -> SourceOffset {
        self.last().map_or(self.origin.0, Run::source_end)
    }

    /// The target offset after the last run, or where the first is expected.
    pub fn target_end(&self) -> TargetOffset {
        self.last().map_or(self.origin.1, Run::target_end)
    }

    /// The number of runs in the map, including stored ones.
    pub fn run_count(&self) -> u64 {
        let end = self.tail.as_ref().map_or(0, Block::end_ordinal);
        end - self.first_ordinal
    }

    /// Appends a run. One that joins the last run lengthens it; one that goes backwards on either side is refused.
    pub fn append(&mut self, run: Run) -> Result<(), MapError> {
        let Some(tail) = &mut self.tail else {
            check(&run)?;
            let expected = Run::new(self.origin.0, self.origin.1, 0);
            follows(&expected, &run)?;
            self.start_tail(0, run);
            return Ok(());
        };
        match follows(tail.last(), &run)? {
            Follows::Joining => tail.lengthen_last(run.length),
            Follows::Apart if tail.is_full() => {
                let ordinal = tail.end_ordinal();
                let from = self.next_receipt();
                let full = self.tail.take().map(|block| Held { block, from });
                self.held.extend(full);
                self.start_tail(ordinal, run);
            }
            Follows::Apart => {
                tail.push(run);
                self.note_tail();
            }
        }
        Ok(())
    }

    fn start_tail(&mut self, ordinal: u64, run: Run) {
        self.tail = Some(Block::starting(ordinal, run));
        self.note_tail();
    }

    /// Notes that the tail, if there is one, differs from what was last returned.
    pub(super) fn note_tail(&mut self) {
        self.tail_from = self.tail.is_some().then(|| self.next_receipt());
    }

    /// Lengthens the last run up to a proven end of the target. Refused if that lies before the map's end.
    pub fn extend_last_to(&mut self, target_end: TargetOffset) -> Result<(), MapError> {
        let end = self.target_end();
        let records = target_end.since(end);
        match &mut self.tail {
            _ if records == 0 => Ok(()),
            Some(tail) if records > 0 => {
                check(&Run {
                    length: tail.last().length.saturating_add(records),
                    ..*tail.last()
                })?;
                tail.lengthen_last(records);
                Ok(())
            }
            Some(_) | None => Err(MapError::CannotExtend {
                end,
                asked: target_end,
            }),
        }
    }

    /// Has the last run stored with its true length, because something else follows it.
    pub fn close(&mut self) {
        self.note_tail();
    }

    /// The blocks to write: full ones, and the tail if it has new runs, unless they are known to be durable.
    ///
    /// Each call returns again whatever earlier calls returned and [`stored`](Self::stored) didn't confirm: an update that
    /// was refused, or whose outcome never becomes known, needs no handling and loses nothing. Full blocks stay in memory
    /// until confirmed.
    pub fn take_changes(&mut self) -> Changes {
        self.taken = self.next_receipt();
        let full = self.held.iter().map(|held| &held.block);
        let tail = self.tail.iter().filter(|_| self.tail_from.is_some());
        Changes {
            blocks: full.chain(tail).map(put).collect(),
            receipt: self.taken,
        }
    }

    /// The receipt of the next [`take_changes`](Self::take_changes), which is the first to return any change made now.
    pub fn next_receipt(&self) -> Receipt {
        Receipt(self.taken.0 + 1)
    }

    /// Notes that what was returned with `receipt` is durable, and drops the full blocks among it.
    pub fn stored(&mut self, receipt: Receipt) {
        while let Some(held) = self.held.front()
            && held.from <= receipt
        {
            self.held.pop_front();
        }
        self.tail_from = self.tail_from.filter(|from| *from > receipt);
    }

    /// Replaces this map with another. Receipts continue from here, so earlier ones don't confirm anything in the new map.
    pub fn replace(&mut self, map: Self) {
        let later = |receipt: Receipt| Receipt(self.taken.0 + receipt.0);
        let held = map.held.into_iter().map(|held| Held {
            from: later(held.from),
            ..held
        });
        *self = Self {
            held: held.collect(),
            tail_from: map.tail_from.map(later),
            taken: later(map.taken),
            ..map
        };
    }

    /// The stored blocks no longer needed: all their runs end at or before the log starts of both sides. At most 64 per
    /// call, oldest first; call again once they are removed. Anything in memory, and so the last run, always stays. A caller
    /// that only needs the map above one side's log start passes `i64::MAX` for the other.
    pub fn prune(
        &mut self,
        source_log_start: SourceOffset,
        target_log_start: TargetOffset,
        blocks: &impl Blocks,
    ) -> Result<Vec<BlockChange>> {
        let mut deletes = Vec::new();
        let mut from = TargetOffset::ZERO;
        while deletes.len() < PRUNE_BLOCKS && self.has_older_blocks() {
            let Some(block) = blocks.at_or_after_target(from)? else {
                break;
            };
            let last = block.last();
            let needed =
                last.source_end() > source_log_start || last.target_end() > target_log_start;
            if needed || block.ordinal() >= self.oldest_in_memory() {
                break;
            }
            deletes.push(BlockChange::Delete {
                first_source: block.first().source,
                first_target: block.first().target,
            });
            self.first_ordinal = self.first_ordinal.max(block.end_ordinal());
            from = last.target_end();
        }
        Ok(deletes)
    }

    /// The blocks in memory, oldest first.
    pub(super) fn recent(&self) -> impl DoubleEndedIterator<Item = &Block> {
        self.held.iter().map(|held| &held.block).chain(&self.tail)
    }

    /// Whether some runs are only in stored blocks.
    pub(super) fn has_older_blocks(&self) -> bool {
        self.first_ordinal < self.oldest_in_memory()
    }

    fn oldest_in_memory(&self) -> u64 {
        self.recent().next().map_or(0, Block::ordinal)
    }
}

fn put(block: &Block) -> BlockChange {
    BlockChange::Put {
        first_source: block.first().source,
        first_target: block.first().target,
        bytes: block.encode(),
    }
}

#[cfg(test)]
impl RunMap {
    pub(super) fn runs_in_memory(&self) -> usize {
        self.recent().map(|block| block.runs().len()).sum()
    }
}
