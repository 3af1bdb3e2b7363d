//! The state machine of a partition in preserve mode, where target offsets equal source offsets.
//!
//! Pure. Decides the next step: filler batches before the first record, deleting them again, records, or markers for a gap.
//! Records and markers are never in flight together: a marker isn't bound to an offset, so it could take the place of a
//! refused batch.

use crate::error::{Error, Kind};
use crate::kafka::admin::ProducerStatus;
use crate::kafka::batch::{BatchError, Header};
use crate::model::{Moment, OffsetsMode, Run, SourceOffset, TargetOffset};
use crate::replicate::partition::preserve_state::{Before, Chore, MarkerStage, Preserving, Task};
use crate::replicate::preserve::batcher::{self, NextBatch};
use crate::replicate::preserve::filler::{Filler, markers_due};
use crate::replicate::preserve::markers::{Filled, Order};
use crate::replicate::produce::window::{PIPELINE_MINIMUM, Window};
use crate::replicate::resync::input::ResyncResult;

use super::mirror::{Mirror, Staged};
use super::phase::Trouble;

impl Mirror {
    /// Prepares a resynced partition for preserve mode, or leaves that mode.
    pub(crate) fn keep_offsets(&mut self, resync_result: &ResyncResult, now: Moment) {
        self.offsets = resync_result.offsets;
        self.preserve = None;
        (self.course.epoch, self.course.unnumbered) = (0, 0);
        if resync_result.offsets == OffsetsMode::Translate {
            return;
        }
        let tail = &resync_result.target.tail;
        let origin = TargetOffset(resync_result.origin.get());
        let preserving = Preserving {
            origin,
            trimmed: tail.log_start >= origin || origin == TargetOffset::ZERO,
            // Requests left in doubt by an earlier resync may still land too.
            fences: !self.window.is_sure(),
            epoch: 0,
            chore: None,
            filler: Filler::new(now.wall_ms),
        };
        let ours = |last: &&Header| last.producer_id == self.course.producer_id;
        if let Some(last) = tail.last.as_ref().filter(ours) {
            self.course.epoch = last.producer_epoch.max(0);
        }
        if let Some(producer_status) = resync_result.target.producer_status {
            self.course.recover(producer_status);
        }
        self.fence = self.fence.filter(|epoch| *epoch > self.course.epoch);
        self.tracked.lock().show_prefix(origin);
        self.preserve = Some(Box::new(preserving));
        let at = SourceOffset(self.course.target.get());
        if at >= resync_result.origin && resync_result.next > at {
            // A given-up stretch is filled without waiting for the records after it.
            self.fetch_buffer.pass(resync_result.next);
        }
    }

    /// Composes the next produce batch of a partition in preserve mode, or sets the next chore.
    pub(crate) fn stage_preserved(&mut self) -> Result<(), BatchError> {
        let waits = !self.staged.is_empty() || !self.window.has_room();
        let Some(preserving) = self.preserve.as_deref_mut() else {
            return Ok(());
        };
        if waits || preserving.chore.is_some() {
            return Ok(());
        }
        let produce_batch = if self.course.target < preserving.origin {
            preserving.filler.next(&self.course, preserving.origin)?
        } else if !preserving.trimmed {
            preserving.chore = Some(Chore::due(Task::Trim(preserving.origin)));
            return Ok(());
        } else {
            let is_large = |size: usize| size >= PIPELINE_MINIMUM;
            let next_is_large = self
                .fetch_buffer
                .front()
                .is_some_and(|it| is_large(it.size()));
            if !self.window.is_empty() && !next_is_large {
                return Ok(());
            }
            match batcher::next(&mut self.fetch_buffer, &self.course)? {
                NextBatch::Records(produce_batch) => produce_batch,
                NextBatch::Gap(until) => {
                    preserving.chore = Some(Chore::due(Task::Fill(until)));
                    return Ok(());
                }
                NextBatch::Unknown => return Ok(()),
            }
        };
        self.course = self.course.behind(&produce_batch);
        self.staged.push_back(Staged {
            produce_batch,
            durable: true,
        });
        Ok(())
    }

    /// Returns the chore to take up now that nothing is in flight.
    pub(crate) fn chore_due(&self) -> Option<Task> {
        let chore = self.preserve.as_ref()?.chore?;
        let idle = self.window.is_empty() && self.staged.is_empty();
        (idle && chore.stage == MarkerStage::Due).then_some(chore.task)
    }

    /// Sets the progress of the chore.
    pub(crate) fn set_stage(&mut self, stage: MarkerStage) {
        if let Some(chore) = self.chore_mut() {
            chore.stage = stage;
        }
    }

    /// Whether a chore's answer is outstanding.
    pub(crate) fn awaits_chore(&self) -> bool {
        let chore = self.preserve.as_ref().and_then(|it| it.chore);
        matches!(
            chore,
            Some(Chore {
                stage: MarkerStage::Sent(_),
                ..
            })
        )
    }

    /// Discards a chore of which nothing was sent.
    pub(crate) fn drop_chore(&mut self) {
        if !self.awaits_chore()
            && let Some(preserving) = &mut self.preserve
        {
            preserving.chore = None;
        }
    }

    /// Returns the step that has to precede requesting markers for a gap.
    pub(crate) fn before_markers(&mut self) -> Before {
        let fences = self.preserve.as_ref().is_some_and(|it| it.fences);
        if !fences || self.fence.is_some() {
            return Before::Nothing;
        }
        let mut known = self.tracked.lock();
        let used = known.record.fence_epoch.max(self.course.epoch);
        let Some(epoch) = used.checked_add(1) else {
            return Before::Renew;
        };
        known.record.fence_epoch = epoch;
        drop(known);
        self.set_stage(MarkerStage::Storing(epoch));
        Before::Store
    }

    /// Takes note that the fence epoch is durable.
    pub(crate) fn fence_stored(&mut self) {
        if let Some(chore) = self.chore_mut()
            && let MarkerStage::Storing(epoch) = chore.stage
        {
            chore.stage = MarkerStage::Due;
            self.fence = Some(epoch);
        }
    }

    /// Takes note that the requested markers weren't written: their epoch can be used again.
    pub(crate) fn unfilled(&mut self) {
        let asked = self.preserve.as_ref().filter(|it| it.fences);
        self.fence = asked.map(|it| it.epoch);
    }

    /// Returns the request for the next markers of the gap, at most `room` of them.
    pub(crate) fn order_markers(&mut self, now: Moment, room: i64) -> Option<Order> {
        let armed = self.window.is_armed(now);
        let course = self.course;
        let route = self.route.clone();
        let preserving = self.preserve.as_deref_mut()?;
        let chore = preserving.chore.as_mut()?;
        let (Task::Fill(until), MarkerStage::Queued) = (chore.task, chore.stage) else {
            return None;
        };
        // An earlier fence whose outcome is unknown may still land as well, so each has an epoch of its own.
        let epoch = if preserving.fences {
            self.fence.take()?
        } else {
            course.epoch
        };
        preserving.epoch = epoch;
        let left = until.since(course.target);
        let count = markers_due(left, preserving.fences).min(room);
        chore.stage = MarkerStage::Sent(count);
        Some(Order {
            partition: route.target,
            topic_id: route.target_id,
            producer_id: course.producer_id,
            epoch,
            count,
            end: course.target,
            patient: preserving.fences && left == 1,
            recovers: preserving.fences || (!armed && count == left),
        })
    }

    /// Applies the outcome of a marker request and returns the run it filled.
    pub(crate) fn filled(
        &mut self,
        filled: &Filled,
        memory_ms: i64,
        now: Moment,
    ) -> Result<Run, Trouble> {
        let from = self.course.target;
        let Some(preserving) = self.preserve.as_deref_mut() else {
            return Err(unasked());
        };
        let Some(Chore {
            task: Task::Fill(until),
            stage: MarkerStage::Sent(count),
        }) = preserving.chore
        else {
            return Err(unasked());
        };
        let expected = from.plus(count);
        // Requests still in flight may land before a fence, never after it.
        let fits = if preserving.fences {
            (expected..=until).contains(&filled.end)
        } else {
            filled.end == expected
        };
        if !fits {
            let message = format!(
                "the mirror partition ends at {} after {count} markers were written at {from}",
                filled.end
            );
            let error = Error::new(Kind::Protocol, message).partition(&self.route.target);
            return Err(Trouble::retry(&error));
        }
        preserving.chore = (filled.end < until).then_some(Chore::due(Task::Fill(until)));
        self.course.unnumbered += filled.end.since(from);
        self.course.target = filled.end;
        if preserving.fences {
            preserving.fences = false;
            self.course.epoch = preserving.epoch;
            // Everything else in flight is fenced off too.
            self.window = Window::new(memory_ms);
        }
        if let Some(producer_status) = filled.producer_status {
            self.course.recover(producer_status);
            self.window.arm(producer_status.last_timestamp, now);
        }
        let source = SourceOffset(from.get());
        Ok(Run::new(source, from, filled.end.since(from)))
    }

    /// Takes note that the prefix is deleted.
    pub(crate) fn trimmed(&mut self) {
        if let Some(preserving) = &mut self.preserve {
            preserving.trimmed = true;
            preserving.chore = None;
        }
    }

    /// Drops the fence once no earlier request can land any more.
    pub(crate) fn note_sure(&mut self) {
        if self.window.is_sure()
            && let Some(preserving) = &mut self.preserve
        {
            preserving.fences = false;
        }
    }

    fn chore_mut(&mut self) -> Option<&mut Chore> {
        self.preserve.as_deref_mut()?.chore.as_mut()
    }
}

impl crate::replicate::produce::batcher::Course {
    /// Continues with the epoch and sequence number that the leader remembers (H23).
    pub(crate) fn recover(&mut self, producer_status: ProducerStatus) {
        self.epoch = producer_status.epoch;
        self.unnumbered = self.target.get() - producer_status.next_sequence();
    }
}

fn unasked() -> Trouble {
    Trouble::retry(&Error::new(Kind::Protocol, "unexpected marker response"))
}

#[cfg(test)]
mod tests;
