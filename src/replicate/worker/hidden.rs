//! Source logs that answer nothing although they go on: a length on disk that points past its segment hides everything behind
//! it from the broker, which then reports no error.
//!
//! A look of its own confirms it, apart from the fetch session and its limits.

use futures_util::StreamExt;
use futures_util::stream::iter;

use crate::error::Result;
use crate::kafka::admin;
use crate::kafka::client::Cluster;
use crate::model::{HaltCode, Monotonic, SourceOffset, TopicPartition};
use crate::replicate::fetch::damage::Corruption;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::input::ResyncInput;

use super::event::{Event, HiddenRead};
use super::state::Worker;

/// The most partitions read in one look, and at the same time.
const READS: usize = 64;
const READS_AT_ONCE: usize = 8;
/// Brokers return a whole batch even if that is larger.
const BYTES: i32 = 1;

impl Worker {
    /// Reads where partitions have been fetched for long without an answer that brings something, unless that is under way.
    pub(crate) fn ask_hidden(&mut self, now: Monotonic) {
        if self.reads_hidden {
            return;
        }
        let mut reads = Vec::new();
        for index in 0..self.mirrors.len() {
            let awaited = self.awaited(index);
            let mirror = &mut self.mirrors[index];
            if mirror.damages.waits_long(awaited, now) && reads.len() < READS {
                reads.push(HiddenRead {
                    ticket: (index, mirror.round),
                    partition: mirror.route.source.clone(),
                    offset: mirror.fetch_next,
                });
            }
        }
        if reads.is_empty() {
            return;
        }
        self.reads_hidden = true;
        let source = self.link.source.clone();
        self.events.push(Box::pin(async move {
            let reads = iter(reads).map(|read| async {
                let shows = shows_batch(&source, &read.partition, read.offset).await;
                (read, shows)
            });
            Event::Hidden(reads.buffer_unordered(READS_AT_ONCE).collect().await)
        }));
    }

    /// Returns the offset that a partition fetches, if its source has it and everything before is on the target.
    fn awaited(&self, index: usize) -> Option<SourceOffset> {
        let mirror = &self.mirrors[index];
        let intake = self.intakes.get(&mirror.intake()?)?;
        let is_asked = intake.fetch_queue.is_asked(index) && mirror.damages.proven().is_none();
        let next = mirror.fetch_next;
        let is_awaited = is_asked
            && mirror.bytes() == 0
            && mirror.tracked.lock().figures.source_end > next.get();
        is_awaited.then_some(next)
    }

    /// Applies what the reads showed.
    pub(crate) fn hidden(&mut self, found: Vec<(HiddenRead, Result<bool>)>) {
        self.reads_hidden = false;
        for (read, shows) in found {
            let (index, round) = read.ticket;
            let mirror = &mut self.mirrors[index];
            // A read that failed says nothing, and is repeated.
            let (true, Ok(shows)) = (mirror.flows_in(round), shows) else {
                continue;
            };
            if mirror.fetch_next != read.offset || mirror.damages.proven().is_some() {
                continue;
            }
            if shows {
                mirror.damages.note_readable(read.offset);
                // The leader has it, so a follower that doesn't show it is of no use.
                self.doubt_follower(index, "it shows nothing where the leader has records");
                continue;
            }
            let nothing = Corruption::unread(read.offset, "nothing, although its log goes on");
            mirror.damages.notice(nothing, false);
            let lane = mirror.intake();
            if let Some(intake) = lane.and_then(|it| self.intakes.get_mut(&it)) {
                intake.changed.push(index);
            }
            self.touch(index);
        }
    }
}

/// Looks again where the source showed nothing, so that a partition halted for it stays halted while that lasts.
///
/// Errors: what it is halted for; what prevents the look.
pub(super) async fn still_hidden(
    source: &Cluster,
    input: &ResyncInput,
    next: SourceOffset,
) -> Result<(), Trouble> {
    let halted = input.reported.as_ref().filter(|reason| {
        let is_here = reason.source_offset == Some(next);
        reason.code == HaltCode::SourceCorrupt && is_here && input.pending.is_none()
    });
    match halted {
        Some(reason) if !shows_batch(source, &input.source, next).await? => {
            Err(Trouble::Halt(reason.clone()))
        }
        _ => Ok(()),
    }
}

/// Whether the source has a batch at an offset or behind it: where everything before an open transaction was compacted away,
/// the next one is the transaction's. Errors: that can't be told.
async fn shows_batch(
    source: &Cluster,
    partition: &TopicPartition,
    offset: SourceOffset,
) -> Result<bool> {
    let read = admin::read_patiently(source, partition, offset.get(), BYTES).await?;
    let goes_on = read.error.is_none() && read.high_watermark > offset.get();
    let mut batches = read.batches.iter();
    Ok(!goes_on || batches.any(|batch| batch.next_offset() > offset.get()))
}

#[cfg(test)]
mod tests;
