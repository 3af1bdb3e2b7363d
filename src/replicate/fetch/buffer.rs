//! What was fetched of one partition and waits to be shipped, in source order.
//!
//! Pure. Holds batches as slices of the fetch responses they came in and the bytes they keep alive.

use std::collections::VecDeque;

use crate::kafka::batch::Batch;
use crate::model::SourceOffset;

/// A batch that travels, whole or in part.
#[derive(Debug, Clone)]
pub(crate) struct Cargo {
    /// The batch as fetched.
    pub(crate) batch: Batch,
    /// The first source offset wanted of it.
    pub(crate) from: SourceOffset,
    /// Whether its bytes may travel as they are.
    pub(crate) intact: bool,
}

impl Cargo {
    /// The source offset behind it.
    pub(crate) fn until(&self) -> SourceOffset {
        SourceOffset(self.batch.next_offset())
    }

    /// Bytes it keeps alive.
    pub(crate) fn size(&self) -> usize {
        self.batch.size()
    }
}

/// What waits: cargo and stretches of which nothing travels.
#[derive(Debug)]
enum Item {
    Cargo(Cargo),
    /// Nothing up to this source offset is wanted.
    Nothing(SourceOffset),
}

/// The queue of one partition.
#[derive(Debug, Default)]
pub(crate) struct Hold {
    items: VecDeque<Item>,
    bytes: usize,
}

impl Hold {
    /// Appends a batch.
    pub(crate) fn load(&mut self, cargo: Cargo) {
        self.bytes += cargo.size();
        self.items.push_back(Item::Cargo(cargo));
    }

    /// Notes that nothing up to `until` travels.
    pub(crate) fn pass(&mut self, until: SourceOffset) {
        if let Some(Item::Nothing(last)) = self.items.back_mut() {
            *last = until;
        } else {
            self.items.push_back(Item::Nothing(until));
        }
    }

    /// Forgets a stretch of which nothing travels if cargo follows it: whoever ships that has passed the stretch too.
    pub(crate) fn skip_to_cargo(&mut self) {
        if self.front().is_none() && matches!(self.items.get(1), Some(Item::Cargo(_))) {
            self.items.pop_front();
        }
    }

    /// Puts a stretch of which nothing travels before all else.
    pub(crate) fn pass_first(&mut self, until: SourceOffset) {
        if !matches!(self.items.front(), Some(Item::Nothing(_))) {
            self.items.push_front(Item::Nothing(until));
        }
    }

    /// The next batch, if one is next.
    pub(crate) fn front(&self) -> Option<&Cargo> {
        match self.items.front()? {
            Item::Cargo(cargo) => Some(cargo),
            Item::Nothing(_) => None,
        }
    }

    /// The batch behind the next one and what doesn't travel between them, if there is one.
    pub(crate) fn second(&self) -> Option<&Cargo> {
        self.items.iter().skip(1).find_map(|item| match item {
            Item::Cargo(cargo) => Some(cargo),
            Item::Nothing(_) => None,
        })
    }

    /// Takes the next batch.
    pub(crate) fn unload(&mut self) -> Option<Cargo> {
        self.front()?;
        let Some(Item::Cargo(cargo)) = self.items.pop_front() else {
            return None;
        };
        self.bytes -= cargo.size();
        debug_assert!(!self.is_empty() || self.bytes == 0, "nothing holds bytes");
        Some(cargo)
    }

    /// Leaves the next batch in place, of which records before `from` are done with.
    pub(crate) fn shorten(&mut self, from: SourceOffset) {
        if let Some(Item::Cargo(cargo)) = self.items.front_mut() {
            cargo.from = from;
            cargo.intact = false;
        }
    }

    /// Takes the stretch without cargo that is next, if one is, and returns where it ends.
    pub(crate) fn skip(&mut self) -> Option<SourceOffset> {
        match self.items.front()? {
            Item::Nothing(until) => {
                let until = *until;
                self.items.pop_front();
                Some(until)
            }
            Item::Cargo(_) => None,
        }
    }

    /// Bytes waiting.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
