//! The fetching side of the worker.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::kafka::batch::{Batch, BatchError, Batches, batches};
use crate::kafka::{FetchedPartition, Source};
use crate::model::{DataPath, Moment, SourceOffset, TopicPartition};
use crate::replicate::fetch::budget::{Brought, SentFetch};
use crate::replicate::fetch::buffer::FetchedBatch;
use crate::replicate::fetch::eligibility::{Eligibility, Verdict};
use crate::replicate::fetch::queue::FetchQueue;
use crate::replicate::fetch::sequence::{Misplaced, Sequence};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::Lane;
use crate::replicate::shared::source_ends::SourceEnds;
use crate::replicate::shared::source_writers::{MarkedBatch, SourceWriters};

use super::event::{Event, Ticket};
use super::state::Worker;

/// A part is small if it makes up less than one in this many bytes of an answer.
const SMALL_PART: usize = 4;

impl Worker {
    /// Sends a fetch on each idle connection whose partitions have room.
    pub(crate) fn fetch(&mut self) {
        let idle = self
            .intakes
            .iter()
            .filter(|(_, it)| it.waits_since.is_none());
        let mut lanes: Vec<(u64, Lane)> =
            idle.map(|(lane, it)| (it.habits.rotation, *lane)).collect();
        lanes.sort_unstable();
        for (_, lane) in lanes {
            self.fetch_lane(lane);
        }
    }

    fn fetch_lane(&mut self, lane: Lane) {
        let now = self.link.now();
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        if intake.members.is_empty() {
            return;
        }
        let Some(source) = intake.source.clone().filter(Source::is_alive) else {
            intake.waits_since = Some(now);
            intake.source = None;
            let link = Arc::clone(&self.link);
            self.events.push(Box::pin(async move {
                Event::IntakeUp(lane, link.open_source(lane).await)
            }));
            return;
        };
        let Some((limits, asked)) = self.order(lane, &source) else {
            return;
        };
        self.reserved += asked.bytes;
        if let Some(intake) = self.intakes.get_mut(&lane) {
            intake.waits_since = Some(now);
        }
        let pending = source.start_fetch(limits, self.link.settings.request_timeout);
        self.events.push(Box::pin(async move {
            Event::Fetched {
                lane,
                asked,
                answer: pending.await,
            }
        }));
    }

    pub(crate) fn intake_up(&mut self, lane: Lane, source: Result<Source>) {
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.waits_since = None;
        match source {
            Ok(source) => {
                intake.source = Some(source);
                // A new connection has no fetch session yet.
                intake.fetch_queue = FetchQueue::default();
                intake.changed = intake.members.iter().copied().collect();
            }
            Err(error) => self.intake_lost(lane, &error),
        }
    }

    fn intake_lost(&mut self, lane: Lane, error: &Error) {
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.source = None;
        for index in std::mem::take(&mut intake.members) {
            if self.mirrors[index].fetches_at(lane) {
                let error = error.shared("fetching stopped");
                self.trouble(index, Trouble::retry(&error), false);
            }
        }
    }

    pub(crate) fn fetched(
        &mut self,
        lane: Lane,
        asked: &SentFetch,
        answer: Result<Vec<(Ticket, FetchedPartition)>>,
    ) {
        self.reserved -= asked.bytes;
        let mut brought = Brought::default();
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.waits_since = None;
        let partitions = match answer {
            Ok(partitions) => partitions,
            Err(error) => {
                self.pay(lane, asked, &brought);
                return self.intake_lost(lane, &error);
            }
        };
        let now = self.link.now();
        let quiet_until = intake.heard.replace(now);
        let changed = partitions.iter().map(|((index, _), _)| *index);
        intake.changed.extend(changed);
        let whole = partitions.iter().map(|(_, it)| it.records.len()).sum();
        for ((index, round), mut fetched) in partitions {
            let (bytes, end) = (fetched.records.len(), fetched.last_stable);
            let mirror = &mut self.mirrors[index];
            let before = mirror.fetch_next;
            if !mirror.fetch_buffer.is_empty() {
                fetched.records = apart(fetched.records, whole);
            }
            if mirror.flows_in(round) {
                mirror.note_told(quiet_until);
                match take_in(mirror, fetched, now, &self.link.source_writers) {
                    Ok(missed) => {
                        if missed {
                            self.tell_missed(index);
                        }
                        self.touch(index);
                    }
                    Err(trouble) => self.trouble(index, trouble, false),
                }
            }
            let next = self.mirrors[index].fetch_next;
            let more = (end >= 0).then(|| end - next.get());
            let got = (bytes, next.since(before), more);
            self.serve(lane, index, &mut brought, got);
        }
        self.pay(lane, asked, &brought);
    }
}

/// Copies a small part of an answer that has to wait: as a slice it would keep the whole answer in memory, uncounted.
fn apart(records: Bytes, whole: usize) -> Bytes {
    if records.len() < whole / SMALL_PART {
        Bytes::copy_from_slice(&records)
    } else {
        records
    }
}

/// Appends a partition's part of a fetch response to its hold. Returns whether deletions may have been missed.
fn take_in(
    mirror: &mut Mirror,
    fetched: FetchedPartition,
    now: Moment,
    writers: &SourceWriters,
) -> Result<bool, Trouble> {
    check_answer(mirror, &fetched, writers)?;
    let asked = mirror.fetch_next;
    let mut sequence = sequence_of(mirror, &fetched);
    let mut eligibility = Eligibility::of(&fetched.aborted);
    let (mut oldest, mut missed) = (None, false);
    let mut left = batches(fetched.records);
    while let Some(batch) = left.next() {
        let batch = batch.map_err(|error| corrupt(mirror, error))?;
        batch.check_crc().map_err(|error| corrupt(mirror, error))?;
        let checked = sequence.as_mut().map(|it| it.check(&batch, &mirror.doubts));
        if let Some(Err(misplaced)) = checked {
            let brought = mirror.fetch_next > asked;
            doubt(mirror, misplaced, (batch, left), brought)?;
            sequence = None;
            break;
        }
        let until = SourceOffset(batch.next_offset());
        if until <= mirror.fetch_next {
            continue;
        }
        if let Some(marked) = MarkedBatch::of(&batch) {
            check_writer(&mirror.route.source, &mut mirror.suspect, marked, writers)?;
        }
        missed |= mirror.note_cleaning(&batch, now.wall_ms);
        let verdict = eligibility
            .judge(&batch, mirror.fetch_next)
            .map_err(|error| corrupt(mirror, error))?;
        let epoch = batch.header().leader_epoch;
        if epoch > mirror.fetched_epoch {
            mirror.tracked.lock().note_epoch(epoch, mirror.fetch_next);
            mirror.fetched_epoch = epoch;
        }
        match verdict {
            Verdict::Skip => mirror.fetch_buffer.pass(until),
            Verdict::Forward | Verdict::Reencode => {
                oldest.get_or_insert(batch.header().first_timestamp());
                let from = mirror.fetch_next.max(SourceOffset(batch.base_offset()));
                let intact = verdict == Verdict::Forward;
                mirror.fetch_buffer.load(FetchedBatch {
                    batch,
                    from,
                    intact,
                });
            }
        }
        mirror.fetch_next = until;
    }
    if sequence.is_some() && mirror.fetch_next > asked {
        mirror.doubts.settle();
    }
    let mut known = mirror.tracked.lock();
    let ends = SourceEnds {
        log_start: fetched.log_start,
        stable: fetched.last_stable,
        high_watermark: fetched.high_watermark,
    };
    known.hear(ends, now);
    known.figures.first_timestamp = known.figures.first_timestamp.or(oldest);
    known.judge_state();
    known.note_fetch(now.wall_ms);
    Ok(missed)
}

/// Returns the trouble for a batch that can't be used.
fn corrupt(mirror: &Mirror, error: BatchError) -> Trouble {
    let message = "the source sent a corrupt batch; fetching it again";
    let error = Error::new(Kind::Protocol, message)
        .partition(&mirror.route.source)
        .offset(mirror.fetch_next.get())
        .caused_by(error);
    Trouble::retry(&error)
}

/// The check of an answer's offsets; `None` on the record path, where they are librdkafka's.
fn sequence_of(mirror: &Mirror, fetched: &FetchedPartition) -> Option<Sequence> {
    let known = mirror.tracked.lock();
    let compacted = known.record.history.deletions.are_possible();
    (known.record.path == DataPath::Raw).then(|| {
        let asked = mirror.fetch_next.get();
        Sequence::new(asked, fetched.high_watermark, compacted)
    })
}

/// Leaves a misplaced batch and what is left of its answer, to be asked for again; that is trouble if it doesn't help.
fn doubt(
    mirror: &mut Mirror,
    misplaced: Misplaced,
    (batch, left): (Batch, Batches),
    brought: bool,
) -> Result<(), Trouble> {
    let left: Vec<Batch> = left.map_while(Result::ok).collect();
    let left = std::iter::once(&batch).chain(&left);
    if mirror.doubts.doubt(misplaced, left, brought) {
        return Ok(());
    }
    let message = format!("the source's offsets don't follow each other: {misplaced}");
    let error = Error::new(Kind::Protocol, message)
        .partition(&mirror.route.source)
        .offset(mirror.fetch_next.get());
    Err(Trouble::retry(&error))
}

/// Returns the trouble that an answer reports about a partition as a whole.
fn check_answer(
    mirror: &mut Mirror,
    fetched: &FetchedPartition,
    writers: &SourceWriters,
) -> Result<(), Trouble> {
    if let Some(diverging) = fetched.diverging {
        // Only a resync can find out whether this affects what was mirrored, or just what was fetched.
        let message = format!(
            "the source's log of leader epoch {} ends at {}, before what was fetched",
            diverging.epoch.0, diverging.end
        );
        let error = Error::new(Kind::Invalid, message).partition(&mirror.route.source);
        return Err(Trouble::retry(&error));
    }
    if let Some(code) = fetched.error {
        return Err(refused(mirror, code));
    }
    let Some((offset, producer)) = fetched.marked else {
        return Ok(());
    };
    let offset = SourceOffset(offset);
    let marked = MarkedBatch { producer, offset };
    check_writer(&mirror.route.source, &mut mirror.suspect, marked, writers)
}

/// Stops for a batch of a farshore link that isn't known to be fine; the resync finds out which link it was.
fn check_writer(
    partition: &TopicPartition,
    suspect: &mut Option<MarkedBatch>,
    marked: MarkedBatch,
    writers: &SourceWriters,
) -> Result<(), Trouble> {
    if writers.is_fine(marked.producer, &partition.topic) {
        return Ok(());
    }
    *suspect = Some(marked);
    let message = "a farshore link wrote to the source topic; finding out which one";
    let error = Error::new(Kind::Invalid, message)
        .partition(partition)
        .offset(marked.offset.get());
    Err(Trouble::retry(&error))
}

/// Returns the trouble for an error code of a fetch. A resync decides what it means: a log start that moved may have passed
/// the frontier, or not.
fn refused(mirror: &Mirror, code: crate::error::BrokerCode) -> Trouble {
    let message = format!(
        "the source refused a fetch: {}",
        crate::kafka::client::code_name(code)
    );
    Trouble::from(
        Error::new(Kind::Broker(code), message)
            .partition(&mirror.route.source)
            .offset(mirror.fetch_next.get()),
    )
}

#[cfg(test)]
mod tests;
