//! Takes the next produce batch in preserve mode: a stretch of consecutive records, or the gap before it.
//!
//! Pure. A batch on the target has no holes, so a source batch with holes becomes one batch for each stretch between them.

use crate::kafka::batch::{BatchError, Builder};
use crate::model::{Run, SourceOffset, TargetOffset};
use crate::replicate::fetch::buffer::{FetchBuffer, FetchedBatch};
use crate::replicate::produce::batcher::{
    Course, MERGE_BELOW, MERGED_LIMIT, ProduceBatch, REBUILT_LIMIT, forward, mergeable,
};

/// What follows at the course's offset.
#[derive(Debug)]
pub(crate) enum NextBatch {
    /// Records, beginning at the course's offset.
    Records(ProduceBatch),
    /// No record before this offset.
    Gap(TargetOffset),
    /// Nothing is known about the next offset yet.
    Unknown,
}

/// Takes the next records or gap out of the buffer. A gap is returned again until the course has passed it.
pub(crate) fn next(
    fetch_buffer: &mut FetchBuffer,
    course: &Course,
) -> Result<NextBatch, BatchError> {
    let at = SourceOffset(course.target.get());
    loop {
        let Some(fetched) = fetch_buffer.front() else {
            match fetch_buffer.skip() {
                Some(until) if until > at => return Ok(gap(until)),
                Some(_) => continue,
                None => return Ok(NextBatch::Unknown),
            }
        };
        if fetched.intact && fetched.from > at {
            return Ok(gap(fetched.from));
        }
        let count = usize::try_from(fetched.batch.header().record_count).unwrap_or(0);
        if fetched.intact && count <= course.records_limit && !grows(fetch_buffer, fetched) {
            let Some(fetched) = fetch_buffer.unload() else {
                continue;
            };
            return Ok(NextBatch::Records(forward(&fetched, course)));
        }
        if let Some(next) = rebuild(fetch_buffer, course, at)? {
            return Ok(next);
        }
    }
}

fn gap(until: SourceOffset) -> NextBatch {
    NextBatch::Gap(TargetOffset(until.get()))
}

/// Whether a batch is small and another small one continues where it ends.
fn grows(fetch_buffer: &FetchBuffer, first: &FetchedBatch) -> bool {
    let joins = |next: &FetchedBatch| next.from == first.until() && mergeable(first, next);
    first.size() < MERGE_BELOW && fetch_buffer.second().is_some_and(joins)
}

/// Merges the records from `at` up to the next hole into a new batch; `None` if the next batch holds no wanted record.
fn rebuild(
    fetch_buffer: &mut FetchBuffer,
    course: &Course,
    at: SourceOffset,
) -> Result<Option<NextBatch>, BatchError> {
    let Some(first) = fetch_buffer.front() else {
        return Ok(None);
    };
    let mut stretch = Stretch {
        builder: Builder::new(first.batch.header().attributes.codec()?),
        until: at,
        limit: course.records_limit,
    };
    let mut bytes = 0;
    while let Some(fetched) = fetch_buffer.front() {
        let mark = (stretch.builder.mark(), stretch.until);
        let left = match stretch.take(fetched) {
            Ok(left) => left,
            Err(error) if mark.0.is_empty() => return Err(error),
            // Nothing of a batch that can't be decoded follows what precedes it.
            Err(_) => {
                stretch.builder.rewind(mark.0);
                stretch.until = mark.1;
                break;
            }
        };
        if let Some(left) = left {
            fetch_buffer.shorten(left);
            if stretch.builder.record_count() == 0 {
                return Ok(Some(gap(left)));
            }
            break;
        }
        let Some(done) = fetch_buffer.unload() else {
            break;
        };
        bytes += done.size();
        if done.until() > stretch.until {
            fetch_buffer.pass_first(done.until());
            break;
        }
        let goes_on = |next: &FetchedBatch| {
            next.from == stretch.until && mergeable(&done, next) && stretch.has_room(next)
        };
        if !fetch_buffer.front().is_some_and(goes_on) {
            break;
        }
    }
    if stretch.builder.record_count() == 0 {
        return Ok(None);
    }
    Ok(Some(NextBatch::Records(ProduceBatch {
        target: course.target,
        runs: vec![Run::new(at, course.target, stretch.until.since(at))],
        joins: true,
        frontier: stretch.until,
        bytes,
        stamped: stretch.builder.finish(course.stamp())?,
    })))
}

/// A batch being built.
struct Stretch {
    builder: Builder,
    until: SourceOffset,
    limit: usize,
}

impl Stretch {
    /// Adds records as long as none is missing between them; returns the offset of the first one left.
    fn take(&mut self, fetched: &FetchedBatch) -> Result<Option<SourceOffset>, BatchError> {
        for record in &fetched.batch.records()? {
            let record = record?;
            let offset = SourceOffset(record.offset);
            if offset < fetched.from {
                continue;
            }
            let is_full = self.builder.record_count() >= self.limit
                || self.builder.plain_size() >= REBUILT_LIMIT;
            if offset != self.until || is_full {
                return Ok(Some(offset));
            }
            self.builder.push(record.timestamp, record.content);
            self.until = offset.plus(1);
        }
        Ok(None)
    }

    fn has_room(&self, next: &FetchedBatch) -> bool {
        let count = usize::try_from(next.batch.header().record_count).unwrap_or(0);
        self.builder.plain_size() + next.size() <= MERGED_LIMIT
            && self.builder.record_count() + count <= self.limit
    }
}

#[cfg(test)]
mod tests;
