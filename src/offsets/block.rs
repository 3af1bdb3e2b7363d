//! A block: up to [`BLOCK_RUNS`] runs in order, and its compact form.
//!
//! Compact form, all numbers as varints: ordinal, number of runs, first run (source, target, length), then for each
//! further run: source gap × 2 + whether there is a target gap, the target gap if there is one, length. Two or three bytes
//! per run.

use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};

/// The maximum number of runs per block. 256 runs take 6 KiB in memory and well under 1 KiB when stored.
pub const BLOCK_RUNS: usize = 256;

/// Why a run can't go into the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The run has no records, starts below 0 or ends past the maximum offset.
    #[error("{0:?} is not a run: it needs records and offsets from 0 on")]
    NotARun(Run),
    /// The run begins before the end of the last one on either side.
    #[error("{next:?} begins before the end of {last:?}")]
    Backwards {
        /// The last run of the map.
        last: Run,
        next: Run,
    },
    /// The map can't be made to end before its current end, and an empty map can't be extended.
    #[error("the map ends at target offset {end} and cannot be extended to {asked}")]
    CannotExtend {
        /// Where the map ends.
        end: TargetOffset,
        /// The requested end.
        asked: TargetOffset,
    },
}

/// Why stored bytes are not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The bytes end early, continue past the end or hold an invalid number.
    #[error("the run block is cut short or garbled")]
    Garbled,
    /// The number of runs is 0 or more than a block holds.
    #[error("the run block names {0} runs")]
    Count(u64),
    /// The runs are out of order.
    #[error("the run block is out of order: {0}")]
    Order(#[from] MapError),
}

/// How a run relates to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follows {
    /// It continues where the other ends, on both sides: they are one run.
    Joining,
    /// There is a gap on at least one side.
    Apart,
}

/// The ordering rule: a run begins where the one before it ends or later, on both sides.
pub(super) fn follows(last: &Run, next: &Run) -> Result<Follows, MapError> {
    check(next)?;
    if next.source < last.source_end() || next.target < last.target_end() {
        return Err(MapError::Backwards {
            last: *last,
            next: *next,
        });
    }
    Ok(if last.joins(next) {
        Follows::Joining
    } else {
        Follows::Apart
    })
}

/// Whether a run is valid by itself.
pub(super) fn check(run: &Run) -> Result<(), MapError> {
    let fits = |start: i64| start >= 0 && start.checked_add(run.length).is_some();
    if run.length >= 1 && fits(run.source.get()) && fits(run.target.get()) {
        Ok(())
    } else {
        Err(MapError::NotARun(*run))
    }
}

/// One to [`BLOCK_RUNS`] runs in order; no two neighbours join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    ordinal: u64,
    runs: Vec<Run>,
}

impl Block {
    /// A block with the single run `first`, which the caller has checked.
    pub(super) fn starting(ordinal: u64, first: Run) -> Self {
        Self {
            ordinal,
            runs: vec![first],
        }
    }

    /// The number of runs in the partition before this block, including pruned ones.
    pub fn ordinal(&self) -> u64 {
        self.ordinal
    }

    /// The number of runs in the partition up to the end of this block.
    pub(super) fn end_ordinal(&self) -> u64 {
        self.ordinal + u64::try_from(self.runs.len()).unwrap_or(u64::MAX)
    }

    /// The runs, at least one.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The first run, whose offsets are the block's keys.
    pub fn first(&self) -> &Run {
        &self.runs[0]
    }

    /// The last run.
    pub fn last(&self) -> &Run {
        &self.runs[self.runs.len() - 1]
    }

    pub(super) fn is_full(&self) -> bool {
        self.runs.len() == BLOCK_RUNS
    }

    pub(super) fn lengthen_last(&mut self, records: i64) {
        let last = self.runs.len() - 1;
        self.runs[last].length += records;
    }

    /// Adds a run that follows the last one with a gap, to a block that isn't full.
    pub(super) fn push(&mut self, run: Run) {
        debug_assert!(!self.is_full() && follows(self.last(), &run) == Ok(Follows::Apart));
        self.runs.push(run);
    }

    /// A block with what `kept` leaves of each run; something must be left of the first.
    pub(super) fn cut(&self, kept: impl Fn(&Run) -> Run) -> Self {
        let runs = self.runs.iter().map(kept);
        let runs: Vec<Run> = runs.take_while(|run| run.length > 0).collect();
        debug_assert!(!runs.is_empty(), "something stays of the first run");
        Self {
            ordinal: self.ordinal,
            runs,
        }
    }

    /// The compact form.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(16 + 3 * self.runs.len());
        write_number(self.ordinal, &mut bytes);
        write_number(self.end_ordinal() - self.ordinal, &mut bytes);
        write_offset(self.first().source.get(), &mut bytes);
        write_offset(self.first().target.get(), &mut bytes);
        write_offset(self.first().length, &mut bytes);
        for pair in self.runs.windows(2) {
            let source_gap = pair[1].source.since(pair[0].source_end()).unsigned_abs();
            let target_gap = pair[1].target.since(pair[0].target_end());
            write_number(source_gap << 1 | u64::from(target_gap > 0), &mut bytes);
            if target_gap > 0 {
                write_offset(target_gap, &mut bytes);
            }
            write_offset(pair[1].length, &mut bytes);
        }
        bytes
    }

    /// Decodes the compact form and checks all invariants of a block.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, BlockError> {
        let bytes = &mut bytes;
        let ordinal = read_number(bytes).ok_or(BlockError::Garbled)?;
        let count = read_number(bytes).ok_or(BlockError::Garbled)?;
        if !(1..=BLOCK_RUNS as u64).contains(&count) {
            return Err(BlockError::Count(count));
        }
        ordinal.checked_add(count).ok_or(BlockError::Garbled)?;
        let first = Run {
            source: SourceOffset(read_offset(bytes)?),
            target: TargetOffset(read_offset(bytes)?),
            length: read_offset(bytes)?,
        };
        check(&first)?;
        let mut block = Self::starting(ordinal, first);
        for _ in 1..count {
            let run = read_run_behind(block.last(), bytes)?;
            match follows(block.last(), &run)? {
                Follows::Joining => return Err(BlockError::Garbled),
                Follows::Apart => block.push(run),
            }
        }
        if bytes.is_empty() {
            Ok(block)
        } else {
            Err(BlockError::Garbled)
        }
    }
}

/// The stored blocks of one partition. Errors: those of the store behind it.
pub trait Blocks {
    /// The block with the greatest first source offset not above `source`.
    fn at_or_before_source(&self, source: SourceOffset) -> Result<Option<Block>>;
    /// The block with the greatest first target offset not above `target`.
    fn at_or_before_target(&self, target: TargetOffset) -> Result<Option<Block>>;
    /// The block with the smallest first target offset not below `target`.
    fn at_or_after_target(&self, target: TargetOffset) -> Result<Option<Block>>;
}

fn read_run_behind(last: &Run, bytes: &mut &[u8]) -> Result<Run, BlockError> {
    let head = read_number(bytes).ok_or(BlockError::Garbled)?;
    let source_gap = i64::try_from(head >> 1).map_err(|_| BlockError::Garbled)?;
    let target_gap = if head & 1 == 1 {
        read_offset(bytes)?
    } else {
        0
    };
    if head & 1 == 1 && target_gap == 0 {
        return Err(BlockError::Garbled);
    }
    let after = |end: i64, gap: i64| end.checked_add(gap).ok_or(BlockError::Garbled);
    Ok(Run {
        source: SourceOffset(after(last.source_end().get(), source_gap)?),
        target: TargetOffset(after(last.target_end().get(), target_gap)?),
        length: read_offset(bytes)?,
    })
}

fn read_offset(bytes: &mut &[u8]) -> Result<i64, BlockError> {
    let number = read_number(bytes).ok_or(BlockError::Garbled)?;
    i64::try_from(number).map_err(|_| BlockError::Garbled)
}

/// Writes a number that is never negative.
fn write_offset(number: i64, bytes: &mut Vec<u8>) {
    debug_assert!(number >= 0);
    write_number(number.unsigned_abs(), bytes);
}

/// Appends a number in groups of seven bits, lowest first; each number has exactly one encoding.
fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Takes a number off the front; `None` if it is cut short, exceeds 64 bits or is longer than necessary.
fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let group = u64::from(byte & 0x7f);
        if group << shift >> shift != group || (byte == 0 && shift > 0) {
            return None;
        }
        number |= group << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
