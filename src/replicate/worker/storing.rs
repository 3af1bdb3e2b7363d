//! Writes to the checkpoint DB: runs before the batches that open them, everything else lazily.

use crate::checkpoint::{PendingCommit, Update};
use crate::error::Result;
use crate::offsets::Receipt;
use crate::replicate::partition::effect::Event;
use crate::replicate::partition::phase::Trouble;

use super::decide::unstored;
use super::event::{Event as WorkerEvent, Ticket};
use super::state::Worker;

impl Worker {
    /// Stores the runs of every produce batch staged since the last call, in one update.
    pub(crate) fn store_staged(&mut self) {
        if self.to_store.is_empty() {
            return;
        }
        let mut indexes = std::mem::take(&mut self.to_store);
        indexes.sort_unstable();
        indexes.dedup();
        self.commit(&indexes, true);
    }

    /// Stores changes that are worth storing at once, so that after a crash they can't be mistaken for changes that never
    /// happened.
    pub(crate) fn store_news(&mut self) {
        if !self.newsworthy.is_empty() {
            let indexes = std::mem::take(&mut self.newsworthy);
            self.commit(&indexes, false);
        }
    }

    /// Stores all other changes.
    pub(crate) fn store_lazily(&mut self) {
        let changed = |index: &usize| self.mirrors[*index].tracked.lock().is_unsaved();
        let indexes: Vec<usize> = (0..self.mirrors.len()).filter(changed).collect();
        if !indexes.is_empty() {
            self.prune(&indexes);
            self.commit(&indexes, false);
        }
    }

    /// Removes runs that lie below both log starts.
    fn prune(&mut self, indexes: &[usize]) {
        let _order = self.link.view.save_order();
        let mut update = Update::lazy();
        let mut failure = None;
        for &index in indexes {
            let mirror = &self.mirrors[index];
            failure = failure.or(mirror.tracked.prune(&mut update).err());
        }
        match failure {
            Some(error) => self.pruning.failed(&error),
            None => self.pruning.worked(),
        }
        if !update.is_empty() {
            // Whatever a failed commit leaves on disk does no harm, and the next one removes it.
            drop(self.link.store.commit(update));
        }
    }

    fn commit(&mut self, indexes: &[usize], staged: bool) {
        let (committed, receipts) = self.save(indexes, staged);
        let saved = receipts.iter().filter(|_| staged);
        let tickets: Vec<Ticket> = saved
            .map(|&(index, _)| (index, self.mirrors[index].round))
            .collect();
        self.events.push(Box::pin(async move {
            let result = committed.await;
            WorkerEvent::Stored {
                receipts,
                staged: tickets,
                result,
            }
        }));
    }

    /// Queues the whole state of these partitions for storing; later calls are stored later. `urgent` commits at once, as
    /// data that depends on the update requires.
    pub(crate) fn save(
        &self,
        indexes: &[usize],
        urgent: bool,
    ) -> (PendingCommit, Vec<(usize, Receipt)>) {
        let _order = self.link.view.save_order();
        let mut update = if urgent {
            Update::new()
        } else {
            Update::lazy()
        };
        let mut receipts = Vec::with_capacity(indexes.len());
        for &index in indexes {
            let receipt = self.mirrors[index].tracked.save(&mut update);
            receipts.extend(receipt.map(|receipt| (index, receipt)));
        }
        (self.link.store.commit(update), receipts)
    }

    pub(crate) fn stored(
        &mut self,
        receipts: &[(usize, Receipt)],
        staged: &[Ticket],
        result: Result<()>,
    ) {
        if let Err(error) = result {
            let failure = unstored(&error);
            for &(index, round) in staged {
                if self.mirrors[index].round == round {
                    let trouble = Trouble::Retry(failure.clone());
                    if self.mirrors[index].underway.start {
                        self.start_stored(index, Err(trouble));
                    } else {
                        self.trouble(index, trouble, false);
                    }
                }
            }
            return;
        }
        for (index, receipt) in receipts {
            self.mirrors[*index].tracked.lock().stored(*receipt);
        }
        for &(index, round) in staged {
            if self.mirrors[index].round != round {
                continue;
            }
            if self.mirrors[index].underway.start {
                self.start_stored(index, Ok(()));
                continue;
            }
            let mirror = &mut self.mirrors[index];
            for staged in &mut mirror.staged {
                staged.durable = true;
            }
            mirror.fence_stored();
            self.touch(index);
        }
    }

    /// Ends the storing of a start position, if that was under way.
    fn start_stored(&mut self, index: usize, result: Result<(), Trouble>) {
        if std::mem::take(&mut self.mirrors[index].underway.start) {
            self.live(index, Event::StartStored(result));
            self.drained(index);
        }
    }

    /// Brings the count of held bytes up to date for a partition.
    pub(crate) fn recount(&mut self, index: usize) {
        let mirror = &mut self.mirrors[index];
        let bytes = mirror.bytes();
        let lane = mirror.intake();
        let (was, at) = std::mem::replace(&mut mirror.counted, (bytes, lane));
        self.held = self.held - was + bytes;
        debug_assert!(self.held >= bytes, "a part is at most the whole");
        if let Some(intake) = at.and_then(|it| self.intakes.get_mut(&it)) {
            intake.held -= was;
        }
        if let Some(intake) = lane.and_then(|it| self.intakes.get_mut(&it)) {
            intake.held += bytes;
        }
    }
}
