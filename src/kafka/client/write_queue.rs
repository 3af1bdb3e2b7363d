//! Bytes waiting to be written, in the segments in which they were queued.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::task::Ownership;

/// A queue of segments, written several at a time with vectored writes.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    segments: VecDeque<Bytes>,
    size: usize,
    rights: Vec<Ownership>,
}

impl WriteQueue {
    /// Requires `right` to be held, too, while the queued bytes are written.
    pub(crate) fn needs(&mut self, right: Ownership) {
        if !self.rights.iter().any(|known| known.is_same(&right)) {
            self.rights.push(right);
        }
    }

    /// Takes the rights that must be held while these bytes are written.
    pub(crate) fn take_rights(&mut self) -> Vec<Ownership> {
        std::mem::take(&mut self.rights)
    }
}

impl Extend<Bytes> for WriteQueue {
    fn extend<I: IntoIterator<Item = Bytes>>(&mut self, segments: I) {
        for segment in segments.into_iter().filter(|segment| !segment.is_empty()) {
            self.size += segment.len();
            self.segments.push_back(segment);
        }
    }
}

impl Buf for WriteQueue {
    fn remaining(&self) -> usize {
        self.size
    }

    fn chunk(&self) -> &[u8] {
        self.segments.front().map_or(&[], |segment| segment)
    }

    fn advance(&mut self, mut count: usize) {
        self.size -= count;
        while let Some(front) = self.segments.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.segments.pop_front();
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pairs = slices.iter_mut().zip(&self.segments);
        pairs
            .map(|(slice, segment)| *slice = IoSlice::new(segment))
            .count()
    }
}

#[cfg(test)]
mod tests;
