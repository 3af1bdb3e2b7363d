//! Splitting fetched bytes into batches, whatever their format.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Batch, BatchError, frame, old};

/// Splits the records field of a fetch response (or the bytes of a log segment) into batches. Messages of formats v0
/// and v1 are converted to v2 batches.
///
/// Brokers cut responses off at a byte limit, so a partial batch at the end is not an error: it just ends the
/// iteration.
pub fn batches(bytes: Bytes) -> Batches {
    Batches {
        carried_over: VecDeque::new(),
        rest: bytes,
        is_over: false,
    }
}

/// Iterator over the batches in a stretch of log, in order; ends after an error.
#[derive(Debug)]
pub struct Batches {
    /// Batches converted from old messages.
    carried_over: VecDeque<Batch>,
    rest: Bytes,
    is_over: bool,
}

impl Batches {
    /// The bytes after the last batch returned; after an error, those that it is about.
    pub fn rest(&self) -> &Bytes {
        &self.rest
    }

    fn advance(&mut self) -> Result<Option<Batch>, BatchError> {
        if self.carried_over.is_empty() && old::is_old(&self.rest) {
            self.carried_over = old::split_first(&mut self.rest)?.unwrap_or_default();
        } else if self.carried_over.is_empty() {
            return frame::split_first(&mut self.rest);
        }
        Ok(self.carried_over.pop_front())
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let before = self.rest.clone();
        self.advance().transpose().inspect(|result| {
            if result.is_err() {
                self.is_over = true;
                self.rest = before;
            }
        })
    }
}
