//! Composes produce batches from fetched ones: forwards, re-encodes, merges.
//!
//! Pure. A produce batch goes to the target together with the runs it covers: target offsets are consecutive, so every
//! step in the source offsets begins a run. Small waiting batches are merged, because a request costs the target broker more
//! than the records in it; large ones keep their bytes.

use crate::kafka::batch::{BatchError, Builder, Codec, Stamp, Stamped};
use crate::model::{ProducerId, Run, SourceOffset, TargetOffset, sequence_of};
use crate::replicate::fetch::buffer::{FetchBuffer, FetchedBatch};

/// A batch smaller than this, in bytes, is merged with small ones after it.
pub(crate) const MERGE_BELOW: usize = 4 * 1024;
/// A merged batch stops growing at this size, in bytes before compression; well below the 1 MiB that brokers accept by
/// default.
pub(crate) const MERGED_LIMIT: usize = 256 * 1024;
/// A batch that is decoded stops growing at this size, in bytes before compression: it is in memory twice. Its rest follows in
/// the next one.
pub(crate) const REBUILT_LIMIT: usize = 16 * 1024 * 1024;
/// A merged batch stops growing at this many runs, which all must be stored before it is sent.
const RUNS_LIMIT: usize = 2048;

/// A batch ready for the target.
#[derive(Debug)]
pub(crate) struct ProduceBatch {
    pub(crate) stamped: Stamped,
    /// Where it must land.
    pub(crate) target: TargetOffset,
    /// The runs it covers, at least one.
    pub(crate) runs: Vec<Run>,
    /// Whether its only run continues where the planned map ends: then there is nothing to store.
    pub(crate) joins: bool,
    /// The frontier once it is acknowledged.
    pub(crate) frontier: SourceOffset,
    /// Bytes it releases from the buffer.
    pub(crate) bytes: usize,
}

impl ProduceBatch {
    /// Returns the number of records.
    pub(crate) fn records(&self) -> i64 {
        i64::from(self.stamped.record_count)
    }
}

/// The position and producer state of the next produce batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    /// The link's producer id in the current incarnation.
    pub(crate) producer_id: ProducerId,
    /// The producer epoch.
    pub(crate) epoch: i16,
    /// The target offset of the next record.
    pub(crate) target: TargetOffset,
    /// The number of offsets before `target` that took no sequence number: 0 unless markers fill gaps.
    pub(crate) unnumbered: i64,
    /// The number of target offsets that each produce batch's marker takes.
    pub(crate) marker: i64,
    /// The source offset that would continue the last planned run; `None` before the first run, and after a marker.
    pub(crate) source: Option<SourceOffset>,
    /// The most records in one batch; lowered when the target refuses batches, raised again later.
    pub(crate) records_limit: usize,
}

impl Course {
    /// Returns the producer id, epoch and sequence number of the next batch.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp {
            producer_id: self.producer_id,
            producer_epoch: self.epoch,
            base_sequence: sequence_of(self.target.plus(-self.unnumbered)),
        }
    }

    /// Returns the course after a produce batch.
    pub(crate) fn behind(&self, produce_batch: &ProduceBatch) -> Self {
        Self {
            target: produce_batch
                .target
                .plus(produce_batch.records() + self.marker),
            source: produce_batch
                .runs
                .last()
                .filter(|_| self.marker == 0)
                .map(Run::source_end),
            ..*self
        }
    }
}

/// Takes the next produce batch out of the buffer; `None` if no batch is next. An error is about the next batch, which stays in
/// the buffer.
pub(crate) fn compose(
    fetch_buffer: &mut FetchBuffer,
    course: &Course,
) -> Result<Option<ProduceBatch>, BatchError> {
    fetch_buffer.skip_to_fetched();
    let Some(fetched) = fetch_buffer.front() else {
        return Ok(None);
    };
    let count = usize::try_from(fetched.batch.header().record_count).unwrap_or(0);
    let whole = fetched.intact && count <= course.records_limit;
    if !whole || (fetched.size() < MERGE_BELOW && next_is_small(fetch_buffer)) {
        return reencode(fetch_buffer, course);
    }
    let Some(fetched) = fetch_buffer.unload() else {
        return Ok(None);
    };
    let mut produce_batch = forward(&fetched, course);
    if let Some(until) = fetch_buffer.skip() {
        produce_batch.frontier = until;
    }
    Ok(Some(produce_batch))
}

/// Whether the batch after the first could be merged with it.
fn next_is_small(fetch_buffer: &FetchBuffer) -> bool {
    let Some(first) = fetch_buffer.front() else {
        return false;
    };
    fetch_buffer
        .second()
        .is_some_and(|second| mergeable(first, second))
}

/// Whether the second batch may be merged with the first.
pub(crate) fn mergeable(first: &FetchedBatch, second: &FetchedBatch) -> bool {
    second.size() < MERGE_BELOW
        && first.batch.header().attributes.codec().ok()
            == second.batch.header().attributes.codec().ok()
}

/// Returns the batch with its records unchanged, under a new header.
pub(crate) fn forward(fetched: &FetchedBatch, course: &Course) -> ProduceBatch {
    let stamped = fetched.batch.restamp(course.stamp());
    let run = Run::new(fetched.from, course.target, i64::from(stamped.record_count));
    ProduceBatch {
        joins: course.source == Some(run.source),
        target: course.target,
        runs: vec![run],
        frontier: fetched.until(),
        bytes: fetched.size(),
        stamped,
    }
}

/// Merges the wanted records of the next batch and of small ones after it into a new batch.
fn reencode(
    fetch_buffer: &mut FetchBuffer,
    course: &Course,
) -> Result<Option<ProduceBatch>, BatchError> {
    let Some(first) = fetch_buffer.front() else {
        return Ok(None);
    };
    let codec: Codec = first.batch.header().attributes.codec()?;
    let mut draft = Draft {
        builder: Builder::new(codec),
        runs: Vec::new(),
        course: *course,
    };
    let mut frontier = first.from;
    let mut bytes = 0;
    while let Some(fetched) = fetch_buffer.front() {
        let taken_all = match draft.take(fetched) {
            Ok(taken_all) => taken_all,
            Err(error) if draft.runs.is_empty() => return Err(error),
            // Nothing of a batch that can't be decoded follows what precedes it.
            Err(_) => break,
        };
        if !taken_all {
            // The rest of the batch stays in the buffer.
            frontier = draft.runs.last().map_or(frontier, Run::source_end);
            fetch_buffer.shorten(frontier);
            break;
        }
        let Some(done) = fetch_buffer.unload() else {
            break;
        };
        frontier = done.until();
        bytes += done.size();
        if let Some(until) = fetch_buffer.skip() {
            frontier = frontier.max(until);
        }
        let goes_on = fetch_buffer
            .front()
            .is_some_and(|next| mergeable(&done, next) && draft.has_room(next));
        if !goes_on {
            break;
        }
    }
    if draft.runs.is_empty() {
        // Every record lay before the position: nothing is sent, but the frontier moves.
        fetch_buffer.pass_first(frontier);
        return Ok(None);
    }
    let joins = draft.runs.len() == 1 && course.source == draft.runs.first().map(|run| run.source);
    let stamped = draft.builder.finish(course.stamp())?;
    Ok(Some(ProduceBatch {
        stamped,
        target: course.target,
        runs: draft.runs,
        joins,
        frontier,
        bytes,
    }))
}

/// A merged batch being built.
struct Draft {
    builder: Builder,
    runs: Vec<Run>,
    course: Course,
}

impl Draft {
    /// Adds the wanted records of a batch; returns false if the record limit was reached first. After an error nothing of the
    /// batch was added.
    fn take(&mut self, fetched: &FetchedBatch) -> Result<bool, BatchError> {
        let (mark, runs, last) = (
            self.builder.mark(),
            self.runs.len(),
            self.runs.last().copied(),
        );
        self.add(fetched).inspect_err(|_| {
            self.builder.rewind(mark);
            self.runs.truncate(runs);
            if let (Some(run), Some(last)) = (self.runs.last_mut(), last) {
                *run = last;
            }
        })
    }

    fn add(&mut self, fetched: &FetchedBatch) -> Result<bool, BatchError> {
        for record in &fetched.batch.records()? {
            let record = record?;
            if record.offset < fetched.from.get() {
                continue;
            }
            if self.builder.record_count() >= self.course.records_limit
                || self.builder.plain_size() >= REBUILT_LIMIT
            {
                return Ok(false);
            }
            self.builder.push(record.timestamp, record.content);
            self.note(SourceOffset(record.offset));
        }
        Ok(true)
    }

    fn note(&mut self, source: SourceOffset) {
        if let Some(run) = self
            .runs
            .last_mut()
            .filter(|run| run.source_end() == source)
        {
            run.length += 1;
        } else {
            let target = self.runs.last().map_or(self.course.target, Run::target_end);
            self.runs.push(Run::new(source, target, 1));
        }
    }

    fn has_room(&self, next: &FetchedBatch) -> bool {
        let count = usize::try_from(next.batch.header().record_count).unwrap_or(0);
        self.builder.plain_size() + next.size() <= MERGED_LIMIT
            && self.builder.record_count() + count <= self.course.records_limit
            && self.runs.len() < RUNS_LIMIT
    }
}

#[cfg(test)]
mod tests;
