//! A batch of the source's log that can't be mirrored.
//!
//! Pure. Bytes may be damaged on their way, so a batch whose checksum is wrong is given up only once a second answer has
//! brought the same bytes.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::kafka::batch::{BatchError, Damaged};
use crate::model::{HaltCode, Monotonic, Reason, SourceOffset, TargetOffset};

/// How many answers in a row may bring nothing because each is damaged in another way.
const ANSWERS_MAX: u32 = 3;
/// How long a partition waits for a batch that its source should have before a look of its own.
const LONG: Duration = Duration::from_secs(10);

/// What answers showed of a batch that can't be mirrored.
#[derive(Debug, Default)]
pub(crate) struct Damages {
    last: Option<Corruption>,
    is_proven: bool,
    /// The number of answers in a row that brought damage and nothing else.
    barren: u32,
    waiting: Option<Waiting>,
}

/// A partition that waits for its source.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    at: SourceOffset,
    since: Monotonic,
    /// Whether a look showed something to fetch there.
    is_readable: bool,
}

/// A batch that can't be mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Corruption {
    /// Its first offset that isn't mirrored.
    pub(crate) from: SourceOffset,
    /// The offset after it, if that is certain.
    pub(crate) until: Option<SourceOffset>,
    /// Why it can't be.
    what: String,
    digest: [u8; 32],
}

impl Corruption {
    pub(crate) fn new(from: SourceOffset, damaged: &Damaged) -> Self {
        let until = damaged.until.map(SourceOffset);
        Self {
            from,
            until: until.filter(|until| *until > from),
            what: why(&damaged.error),
            digest: Sha256::digest(&damaged.bytes).into(),
        }
    }

    /// What the source itself can't read from an offset on; `answer` is its error.
    pub(crate) fn unread(from: SourceOffset, answer: &str) -> Self {
        Self {
            from,
            until: None,
            what: format!("the source answers {answer}"),
            digest: [0; 32],
        }
    }

    /// The reason for which the partition stops, with `end` as the end of its mirror.
    pub(crate) fn reason(&self, end: TargetOffset) -> Reason {
        let (from, what) = (self.from, &self.what);
        let message = match self.until.map(|until| until.plus(-1)) {
            Some(last) if last == from => format!("source offset {from} can't be mirrored: {what}"),
            Some(last) => format!("source offsets {from} to {last} can't be mirrored: {what}"),
            None => format!("the source's log can't be read from offset {from} on: {what}"),
        };
        Reason::new(HaltCode::SourceCorrupt, message).at(Some(from), Some(end))
    }
}

impl Damages {
    /// Records the damage that ended an answer, after something usable if `brought`. Returns whether asking again is worth
    /// it.
    pub(crate) fn notice(&mut self, damage: Corruption, brought: bool) -> bool {
        self.is_proven |= self.last.as_ref() == Some(&damage);
        self.last = Some(damage);
        self.barren = if brought { 0 } else { self.barren + 1 };
        self.is_proven || self.barren < ANSWERS_MAX
    }

    /// Records what a partition waits for, if it waits. Returns whether it has waited long, without a known cause.
    pub(crate) fn waits_long(&mut self, at: Option<SourceOffset>, now: Monotonic) -> bool {
        let same = self.waiting.filter(|waiting| Some(waiting.at) == at);
        self.waiting = same.or(at.map(|at| Waiting {
            at,
            since: now,
            is_readable: false,
        }));
        same.is_some_and(|it| !it.is_readable && now.since(it.since) >= LONG)
    }

    /// Records that the source shows something at an offset, which just hasn't arrived.
    pub(crate) fn note_readable(&mut self, at: SourceOffset) {
        let waiting = self.waiting.as_mut().filter(|waiting| waiting.at == at);
        if let Some(waiting) = waiting {
            waiting.is_readable = true;
        }
    }

    /// Records damage that no second answer has to prove.
    pub(crate) fn prove(&mut self, damage: Corruption) {
        self.last = Some(damage);
        self.is_proven = true;
    }

    /// Records that an answer was sound.
    pub(crate) fn settle(&mut self) {
        if self.last.is_some() && !self.is_proven {
            *self = Self::default();
        }
    }

    /// Returns the damage that keeps the partition from going on.
    pub(crate) fn proven(&self) -> Option<&Corruption> {
        self.last.as_ref().filter(|_| self.is_proven)
    }
}

/// Whether an error is about the batch that was read, and not about one that was built.
pub(crate) fn is_of_source(error: &BatchError) -> bool {
    match error {
        BatchError::UnknownFormat { .. }
        | BatchError::Crc { .. }
        | BatchError::Malformed { .. }
        | BatchError::UnknownCodec(_)
        | BatchError::Decompress { .. }
        | BatchError::TooLarge { .. } => true,
        BatchError::Compress { .. } | BatchError::Unbuildable(_) => false,
    }
}

fn why(error: &BatchError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

#[cfg(test)]
mod tests;
