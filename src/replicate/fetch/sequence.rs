//! Checks the offsets of fetched batches. No checksum covers a base offset, because brokers assign it.
//!
//! Pure. A wrong base offset would lose records, or map them to the wrong place. So what doesn't fit is asked for again, and
//! what is possible but rare is believed once a second answer shows it too: a hole where nothing is compacted, or a first
//! batch that begins before the offset asked for.

use crate::kafka::batch::Batch;
use crate::model::LeaderEpoch;

/// How many oddities of one answer are remembered; those after them need an answer more.
const SHOWN_MAX: usize = 1024;
/// How many answers in a row may bring nothing because of their offsets.
const ANSWERS_MAX: u32 = 3;

/// Where a batch begins other than where the one before it ended: the expected and the actual offset.
type Oddity = (i64, i64);

/// What earlier answers of a partition showed.
#[derive(Debug, Default)]
pub(crate) struct Doubts {
    /// The oddities of the previous answer from the first one that wasn't believed.
    shown: Vec<Oddity>,
    /// The number of answers in a row that brought nothing because of their offsets.
    barren: u32,
}

/// Why a batch and what follows it is not taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It begins elsewhere than where the one before it ended, and only one answer has shown that.
    Unproven(Oddity),
    /// It ends before the offset asked for.
    Behind { asked: i64, end: i64 },
    /// It begins before the end of the one before it.
    Overlaps { end: i64, base: i64 },
    /// It ends beyond the high watermark of the same answer.
    Beyond { end: i64, high_watermark: i64 },
}

impl std::fmt::Display for Misplaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unproven((expected, base)) => {
                write!(
                    f,
                    "a batch at offset {base} follows where {expected} is next"
                )
            }
            Self::Behind { asked, end } => {
                write!(f, "a batch ends at offset {end}, but {asked} was asked for")
            }
            Self::Overlaps { end, base } => {
                write!(f, "a batch at offset {base} follows one that ends at {end}")
            }
            Self::Beyond {
                end,
                high_watermark,
            } => write!(
                f,
                "a batch ends at offset {end}, beyond the high watermark {high_watermark}"
            ),
        }
    }
}

/// The batches of one answer, in sequence.
#[derive(Debug)]
pub(crate) struct Sequence {
    next: i64,
    begins: bool,
    high_watermark: i64,
    compacted: bool,
}

impl Sequence {
    /// The sequence of an answer to a fetch of `asked`; `high_watermark` is the answer's own, or negative. In a
    /// `compacted` topic holes are expected.
    pub(crate) fn new(asked: i64, high_watermark: i64, compacted: bool) -> Self {
        Self {
            next: asked,
            begins: true,
            high_watermark,
            compacted,
        }
    }

    /// Checks the next batch, given what earlier answers showed.
    pub(crate) fn check(&mut self, batch: &Batch, doubts: &Doubts) -> Result<(), Misplaced> {
        let (expected, base, end) = (self.next, batch.base_offset(), batch.next_offset());
        if self.high_watermark >= 0 && end > self.high_watermark {
            let high_watermark = self.high_watermark;
            return Err(Misplaced::Beyond {
                end,
                high_watermark,
            });
        }
        if self.begins && end <= expected {
            // An old message that holds many becomes several batches where it has holes, and is returned as a whole.
            if batch.header().leader_epoch == LeaderEpoch::UNKNOWN {
                return Ok(());
            }
            let asked = expected;
            return Err(Misplaced::Behind { asked, end });
        }
        if !self.begins && base < expected {
            let end = expected;
            return Err(Misplaced::Overlaps { end, base });
        }
        let usual = base == expected || (self.compacted && base > expected);
        if !usual && !doubts.shown.contains(&(expected, base)) {
            return Err(Misplaced::Unproven((expected, base)));
        }
        self.begins = false;
        self.next = end;
        Ok(())
    }
}

impl Doubts {
    /// Records that an answer was taken over as a whole.
    pub(crate) fn settle(&mut self) {
        if self.barren > 0 || !self.shown.is_empty() {
            *self = Self::default();
        }
    }

    /// Records that an answer was taken over only up to a misplaced batch, which is the first of `left`. Returns whether
    /// asking again is worth it.
    pub(crate) fn doubt<'a>(
        &mut self,
        misplaced: Misplaced,
        left: impl Iterator<Item = &'a Batch>,
        brought: bool,
    ) -> bool {
        self.shown.clear();
        if let Misplaced::Unproven((expected, _)) = misplaced {
            let mut next = expected;
            for batch in left {
                let base = batch.base_offset();
                if base != next && self.shown.len() < SHOWN_MAX {
                    self.shown.push((next, base));
                }
                next = batch.next_offset();
            }
        }
        self.barren = if brought { 0 } else { self.barren + 1 };
        self.barren < ANSWERS_MAX
    }
}

#[cfg(test)]
mod tests;
