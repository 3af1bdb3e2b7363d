//! Shortens a map when a side has lost or replaced what was mapped.

use super::{Block, BlockChange, Blocks, RunMap};
use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};

impl RunMap {
    /// Discards all images of target offsets from `end` on.
    ///
    /// Returns the blocks to be removed; the new last run, with its true length, is part of the next
    /// [`take_changes`](Self::take_changes). Both belong in one update. Errors: those of `blocks`, which leave the map
    /// unchanged.
    pub fn cut_at_target(
        &mut self,
        end: TargetOffset,
        blocks: &impl Blocks,
    ) -> Result<Vec<BlockChange>> {
        self.cut(blocks, &|run| {
            let length = run.length.min(end.since(run.target));
            Run { length, ..*run }
        })
    }

    /// Discards all images of source offsets from `end` on, like [`cut_at_target`](Self::cut_at_target).
    pub fn cut_at_source(
        &mut self,
        end: SourceOffset,
        blocks: &impl Blocks,
    ) -> Result<Vec<BlockChange>> {
        self.cut(blocks, &|run| {
            let length = run.length.min(end.since(run.source));
            Run { length, ..*run }
        })
    }

    /// `kept` shortens a run to what remains of it; nothing does if its length isn't positive.
    fn cut(
        &mut self,
        blocks: &impl Blocks,
        kept: &dyn Fn(&Run) -> Run,
    ) -> Result<Vec<BlockChange>> {
        let recent: Vec<&Block> = self.recent().collect();
        let staying = recent.iter().rposition(|it| kept(it.first()).length > 0);
        let mut removed: Vec<BlockChange> = recent[staying.map_or(0, |at| at + 1)..]
            .iter()
            .map(|block| delete(block))
            .collect();
        let tail = match staying {
            Some(at) => Some(recent[at].cut(kept)),
            None => self.cut_stored(blocks, kept, &mut removed)?,
        };
        let held = staying.unwrap_or(0).min(self.held.len());
        self.held.truncate(held);
        self.first_ordinal = tail
            .as_ref()
            .map_or(0, |tail| self.first_ordinal.min(tail.ordinal()));
        self.tail = tail;
        self.note_tail();
        Ok(removed)
    }

    /// Searches the stored blocks for the new last block.
    fn cut_stored(
        &self,
        blocks: &impl Blocks,
        kept: &dyn Fn(&Run) -> Run,
        removed: &mut Vec<BlockChange>,
    ) -> Result<Option<Block>> {
        let mut before = self.recent().next().map(|block| block.first().target);
        while let Some(behind) = before.filter(|_| self.has_older_blocks()) {
            let Some(block) = blocks.at_or_before_target(behind.plus(-1))? else {
                break;
            };
            if kept(block.first()).length > 0 {
                return Ok(Some(block.cut(kept)));
            }
            removed.push(delete(&block));
            before = Some(block.first().target);
        }
        Ok(None)
    }
}

fn delete(block: &Block) -> BlockChange {
    BlockChange::Delete {
        first_source: block.first().source,
        first_target: block.first().target,
    }
}
