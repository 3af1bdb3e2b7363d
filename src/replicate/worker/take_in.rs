//! Takes over a partition's part of a fetch answer, up to what can't be mirrored or has to be asked for again.

use bytes::Bytes;

use crate::error::{BrokerCode, Error, Kind};
use crate::kafka::FetchedPartition;
use crate::kafka::batch::{Batch, BatchError, Batches, Damaged, batches, incomplete};
use crate::kafka::client::code_name;
use crate::model::{DataPath, Moment, SourceOffset, TopicPartition};
use crate::replicate::fetch::buffer::FetchedBatch;
use crate::replicate::fetch::damage::Corruption;
use crate::replicate::fetch::eligibility::{Eligibility, Verdict};
use crate::replicate::fetch::sequence::{Misplaced, Sequence};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::shared::source_ends::SourceEnds;
use crate::replicate::shared::source_writers::{MarkedBatch, SourceWriters};

/// A broker's answer if the log can't be split into batches.
pub(crate) const CORRUPT_MESSAGE: BrokerCode = BrokerCode(2);

/// What ended an answer before its last batch.
pub(super) enum Stop {
    Misplaced(Misplaced, Batch),
    Damaged(BatchError),
    Trouble(Trouble),
}

/// What was taken over of an answer.
pub(super) struct TakenBatches {
    /// What ended it early, if anything did.
    pub(super) stop: Option<Stop>,
    /// What is left, and its bytes from the batch that ended it on.
    left: Batches,
    at: Bytes,
    /// The time of the first record taken over.
    pub(super) oldest: Option<i64>,
    /// Whether deletions may have been missed.
    pub(super) missed: bool,
}

/// A partition's part of an answer while it is taken over.
struct PartialAnswer<'a> {
    mirror: &'a mut Mirror,
    writers: &'a SourceWriters,
    sequence: Option<Sequence>,
    eligibility: Eligibility,
    now: Moment,
    /// The time of the first record taken over.
    oldest: Option<i64>,
    /// Whether deletions may have been missed.
    missed: bool,
}

/// Appends a partition's part of a fetch answer to its buffer. Returns whether deletions may have been missed.
pub(crate) fn take_in(
    mirror: &mut Mirror,
    fetched: &FetchedPartition,
    now: Moment,
    writers: &SourceWriters,
) -> Result<bool, Trouble> {
    if fetched.error == Some(CORRUPT_MESSAGE) {
        note_unread(mirror)?;
        return Ok(false);
    }
    check_answer(mirror, fetched, writers)?;
    let asked = mirror.fetch_next;
    let sequence = sequence_of(mirror, fetched);
    let taken = take_batches(mirror, fetched, sequence, (now, writers));
    let brought = mirror.fetch_next > asked;
    match taken.stop {
        Some(Stop::Trouble(trouble)) => return Err(trouble),
        Some(Stop::Misplaced(misplaced, batch)) => {
            doubt(mirror, misplaced, (batch, taken.left), brought)?;
        }
        Some(Stop::Damaged(error)) => {
            let damaged = Damaged::new(error, &taken.at, visible(fetched));
            note_damage(mirror, damaged, brought)?;
        }
        None if brought => {
            mirror.doubts.settle();
            mirror.damages.settle();
        }
        None => {}
    }
    let mut known = mirror.tracked.lock();
    let ends = SourceEnds {
        log_start: fetched.log_start,
        stable: fetched.last_stable,
        high_watermark: fetched.high_watermark,
    };
    known.hear(ends, now);
    known.figures.first_timestamp = known.figures.first_timestamp.or(taken.oldest);
    known.judge_state();
    known.note_fetch(now.wall_ms);
    Ok(taken.missed)
}

/// Appends the batches of a fetch answer to a partition's buffer, up to one that doesn't fit.
pub(super) fn take_batches(
    mirror: &mut Mirror,
    fetched: &FetchedPartition,
    sequence: Option<Sequence>,
    (now, writers): (Moment, &SourceWriters),
) -> TakenBatches {
    let mut answer = PartialAnswer {
        sequence,
        eligibility: Eligibility::of(&fetched.aborted),
        mirror,
        writers,
        now,
        oldest: None,
        missed: false,
    };
    let mut left = batches(fetched.records.clone());
    let (stop, at) = loop {
        let at = left.rest().clone();
        let taken = match left.next() {
            None => break (incomplete(&fetched.records, &at).map(Stop::Damaged), at),
            Some(batch) => batch.map_err(Stop::Damaged).and_then(|it| answer.take(it)),
        };
        if let Err(stop) = taken {
            break (Some(stop), at);
        }
    };
    TakenBatches {
        stop,
        left,
        at,
        oldest: answer.oldest,
        missed: answer.missed,
    }
}

impl PartialAnswer<'_> {
    /// Takes over the next batch.
    fn take(&mut self, batch: Batch) -> Result<(), Stop> {
        batch.check_crc().map_err(Stop::Damaged)?;
        let mirror = &mut *self.mirror;
        if let Some(sequence) = &mut self.sequence
            && let Err(misplaced) = sequence.check(&batch, &mirror.doubts)
        {
            return Err(Stop::Misplaced(misplaced, batch));
        }
        let until = SourceOffset(batch.next_offset());
        if until <= mirror.fetch_next {
            return Ok(());
        }
        if let Some(marked) = MarkedBatch::of(&batch) {
            let source = &mirror.route.source;
            let checked = check_writer(source, &mut mirror.suspect, marked, self.writers);
            checked.map_err(Stop::Trouble)?;
        }
        self.missed |= mirror.note_cleaning(&batch, self.now.wall_ms);
        let verdict = judge(mirror, &mut self.eligibility, &batch).map_err(Stop::Damaged)?;
        let epoch = batch.header().leader_epoch;
        if epoch > mirror.fetched_epoch {
            mirror.tracked.lock().note_epoch(epoch, mirror.fetch_next);
            mirror.fetched_epoch = epoch;
        }
        match verdict {
            Verdict::Skip => mirror.fetch_buffer.pass(until),
            Verdict::Forward | Verdict::Reencode => {
                self.oldest.get_or_insert(batch.header().first_timestamp());
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
        Ok(())
    }
}

/// Returns the end of what readers of the source see.
fn visible(fetched: &FetchedPartition) -> i64 {
    let ends = [fetched.last_stable, fetched.high_watermark];
    ends.into_iter().find(|end| *end >= 0).unwrap_or(i64::MAX)
}

/// Judges a batch; one that the target refused as unreadable is decoded first.
fn judge(
    mirror: &Mirror,
    eligibility: &mut Eligibility,
    batch: &Batch,
) -> Result<Verdict, BatchError> {
    let verdict = eligibility.judge(batch, mirror.fetch_next)?;
    let is_doubted = mirror
        .examined_until
        .is_some_and(|until| batch.base_offset() < until.get());
    if is_doubted && verdict == Verdict::Forward {
        match batch.check_records() {
            // It can be forwarded as it is.
            Ok(()) | Err(BatchError::TooLarge { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(verdict)
}

/// Leaves a batch that can't be mirrored, to be asked for again; that is trouble if each answer is damaged in another way.
fn note_damage(mirror: &mut Mirror, damaged: Damaged, brought: bool) -> Result<(), Trouble> {
    let damage = Corruption::new(mirror.fetch_next, &damaged);
    if mirror.damages.notice(damage, brought) {
        return Ok(());
    }
    Err(corrupt(mirror, damaged.error))
}

/// Takes note that the source itself can't read its log where it was asked.
fn note_unread(mirror: &mut Mirror) -> Result<(), Trouble> {
    let answer = code_name(CORRUPT_MESSAGE);
    let corruption = Corruption::unread(mirror.fetch_next, &answer);
    if mirror.damages.notice(corruption, false) {
        return Ok(());
    }
    Err(refused(mirror, CORRUPT_MESSAGE))
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
pub(crate) fn check_writer(
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
fn refused(mirror: &Mirror, code: BrokerCode) -> Trouble {
    let message = format!("the source refused a fetch: {}", code_name(code));
    Trouble::from(
        Error::new(Kind::Broker(code), message)
            .partition(&mirror.route.source)
            .offset(mirror.fetch_next.get()),
    )
}

#[cfg(test)]
mod tests;
