//! Takes the next shipment in preserve mode: a stretch of consecutive records, or the gap before it.
//!
//! Pure. A batch on the target has no holes, so a source batch with holes becomes one batch for each stretch between them.

use crate::kafka::batch::{BatchError, Builder};
use crate::model::{Run, SourceOffset, TargetOffset};
use crate::replicate::fetch::buffer::{Cargo, Hold};
use crate::replicate::produce::batcher::{
    Course, MERGE_BELOW, MERGED_LIMIT, Shipment, forward, mergeable,
};

/// What follows at the course's offset.
#[derive(Debug)]
pub(crate) enum Next {
    /// Records, beginning at the course's offset.
    Records(Shipment),
    /// No record before this offset.
    Gap(TargetOffset),
    /// Nothing is known about the next offset yet.
    Unknown,
}

/// Takes the next records or gap out of the hold. A gap is returned again until the course has passed it.
pub(crate) fn next(hold: &mut Hold, course: &Course) -> Result<Next, BatchError> {
    let at = SourceOffset(course.target.get());
    loop {
        let Some(cargo) = hold.front() else {
            match hold.skip() {
                Some(until) if until > at => return Ok(gap(until)),
                Some(_) => continue,
                None => return Ok(Next::Unknown),
            }
        };
        if cargo.intact && cargo.from > at {
            return Ok(gap(cargo.from));
        }
        let count = usize::try_from(cargo.batch.header().record_count).unwrap_or(0);
        if cargo.intact && count <= course.records_limit && !grows(hold, cargo) {
            let Some(cargo) = hold.unload() else { continue };
            return Ok(Next::Records(forward(&cargo, course)));
        }
        if let Some(next) = rebuild(hold, course, at)? {
            return Ok(next);
        }
    }
}

fn gap(until: SourceOffset) -> Next {
    Next::Gap(TargetOffset(until.get()))
}

/// Whether a batch is small and another small one continues where it ends.
fn grows(hold: &Hold, first: &Cargo) -> bool {
    let joins = |next: &Cargo| next.from == first.until() && mergeable(first, next);
    first.size() < MERGE_BELOW && hold.second().is_some_and(joins)
}

/// Merges the records from `at` up to the next hole into a new batch; `None` if the next batch holds no wanted record.
fn rebuild(hold: &mut Hold, course: &Course, at: SourceOffset) -> Result<Option<Next>, BatchError> {
    let Some(first) = hold.front() else {
        return Ok(None);
    };
    let mut stretch = Stretch {
        builder: Builder::new(first.batch.header().attributes.codec()?),
        until: at,
        limit: course.records_limit,
    };
    let mut bytes = 0;
    while let Some(cargo) = hold.front() {
        if let Some(left) = stretch.take(cargo)? {
            hold.shorten(left);
            if stretch.builder.record_count() == 0 {
                return Ok(Some(gap(left)));
            }
            break;
        }
        let Some(done) = hold.unload() else { break };
        bytes += done.size();
        if done.until() > stretch.until {
            hold.pass_first(done.until());
            break;
        }
        let goes_on = |next: &Cargo| {
            next.from == stretch.until && mergeable(&done, next) && stretch.has_room(next)
        };
        if !hold.front().is_some_and(goes_on) {
            break;
        }
    }
    if stretch.builder.record_count() == 0 {
        return Ok(None);
    }
    Ok(Some(Next::Records(Shipment {
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
    fn take(&mut self, cargo: &Cargo) -> Result<Option<SourceOffset>, BatchError> {
        for record in &cargo.batch.records()? {
            let record = record?;
            let offset = SourceOffset(record.offset);
            if offset < cargo.from {
                continue;
            }
            if offset != self.until || self.builder.record_count() >= self.limit {
                return Ok(Some(offset));
            }
            self.builder.push(record.timestamp, record.content);
            self.until = offset.plus(1);
        }
        Ok(None)
    }

    fn has_room(&self, next: &Cargo) -> bool {
        let count = usize::try_from(next.batch.header().record_count).unwrap_or(0);
        self.builder.plain_size() + next.size() <= MERGED_LIMIT
            && self.builder.record_count() + count <= self.limit
    }
}

#[cfg(test)]
mod tests;
