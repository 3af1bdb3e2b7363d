//! The records of one partition that were fetched and wait to be shipped, in source order.
//!
//! Pure. Holds batches as slices of the fetch responses they came in, and counts the bytes they keep alive.

use std::collections::VecDeque;

use crate::kafka::batch::Batch;
use crate::model::SourceOffset;

/// A batch to mirror, whole or in part.
#[derive(Debug, Clone)]
pub(crate) struct FetchedBatch {
    pub(crate) batch: Batch,
    /// The first source offset to mirror.
    pub(crate) from: SourceOffset,
    /// Whether its bytes may be forwarded unchanged.
    pub(crate) intact: bool,
}

impl FetchedBatch {
    /// Returns the source offset after it.
    pub(crate) fn until(&self) -> SourceOffset {
        SourceOffset(self.batch.next_offset())
    }

    /// Returns the bytes it keeps alive.
    pub(crate) fn size(&self) -> usize {
        self.batch.size()
    }
}

/// An entry of the buffer: a batch, or a stretch without records to mirror.
#[derive(Debug)]
enum Item {
    Batch(FetchedBatch),
    /// Nothing up to this source offset is mirrored.
    Nothing(SourceOffset),
}

/// The fetched records of one partition.
#[derive(Debug, Default)]
pub(crate) struct FetchBuffer {
    items: VecDeque<Item>,
    bytes: usize,
}

impl FetchBuffer {
    pub(crate) fn load(&mut self, fetched: FetchedBatch) {
        self.bytes += fetched.size();
        self.items.push_back(Item::Batch(fetched));
    }

    /// Appends a stretch: nothing up to `until` is mirrored.
    pub(crate) fn pass(&mut self, until: SourceOffset) {
        if let Some(Item::Nothing(last)) = self.items.back_mut() {
            *last = until;
        } else {
            self.items.push_back(Item::Nothing(until));
        }
    }

    /// Removes a stretch in front if batch follows it: shipping that passes the stretch too.
    pub(crate) fn skip_to_fetched(&mut self) {
        if self.front().is_none() && matches!(self.items.get(1), Some(Item::Batch(_))) {
            self.items.pop_front();
        }
    }

    /// Puts a stretch in front of everything else.
    pub(crate) fn pass_first(&mut self, until: SourceOffset) {
        if !matches!(self.items.front(), Some(Item::Nothing(_))) {
            self.items.push_front(Item::Nothing(until));
        }
    }

    /// Returns the next batch, unless a stretch is next.
    pub(crate) fn front(&self) -> Option<&FetchedBatch> {
        match self.items.front()? {
            Item::Batch(fetched) => Some(fetched),
            Item::Nothing(_) => None,
        }
    }

    /// Returns the batch that follows the next one and any stretch between them, if there is one.
    pub(crate) fn second(&self) -> Option<&FetchedBatch> {
        self.items.iter().skip(1).find_map(|item| match item {
            Item::Batch(fetched) => Some(fetched),
            Item::Nothing(_) => None,
        })
    }

    /// Removes and returns the next batch, unless a stretch is next.
    pub(crate) fn unload(&mut self) -> Option<FetchedBatch> {
        self.front()?;
        let Some(Item::Batch(fetched)) = self.items.pop_front() else {
            return None;
        };
        self.bytes -= fetched.size();
        debug_assert!(!self.is_empty() || self.bytes == 0, "nothing holds bytes");
        Some(fetched)
    }

    /// Keeps the next batch but drops its records before `from`.
    pub(crate) fn shorten(&mut self, from: SourceOffset) {
        if let Some(Item::Batch(fetched)) = self.items.front_mut() {
            fetched.from = from;
            fetched.intact = false;
        }
    }

    /// Removes the stretch in front, if there is one, and returns its end.
    pub(crate) fn skip(&mut self) -> Option<SourceOffset> {
        match self.items.front()? {
            Item::Nothing(until) => {
                let until = *until;
                self.items.pop_front();
                Some(until)
            }
            Item::Batch(_) => None,
        }
    }

    /// Returns the bytes that the batches keep alive.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it holds neither batches nor stretches.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
