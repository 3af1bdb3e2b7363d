//! What the offsets of records say about their images: the map and the history of a partition, walked along with the log.

use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset, TopicPartition};
use crate::replicate::{LinkView, VerificationSnapshot};

use super::digest::RecordOrigin;

/// Determines the places of records, in log order; `None` for a record outside the range.
pub(crate) trait Places {
    /// The place of the record at `offset`. Errors: those of the store.
    fn place(&mut self, offset: i64) -> Result<Option<RecordOrigin>>;
}

/// Places of the source's records.
#[derive(Debug)]
pub(crate) struct OnSource<'a>(pub(crate) &'a VerificationSnapshot);

impl Places for OnSource<'_> {
    fn place(&mut self, offset: i64) -> Result<Option<RecordOrigin>> {
        let at = SourceOffset(offset);
        let left_out = self.0.history.at_source(at).is_some();
        Ok(Some(if left_out {
            RecordOrigin::LeftOut
        } else {
            RecordOrigin::At(at)
        }))
    }
}

/// Places for records that are examined on their own.
#[derive(Debug)]
pub(crate) struct Anywhere;

impl Places for Anywhere {
    fn place(&mut self, _offset: i64) -> Result<Option<RecordOrigin>> {
        Ok(Some(RecordOrigin::Stray))
    }
}

/// Places of the target's records.
#[derive(Debug)]
pub(crate) struct OnTarget<'a> {
    view: &'a LinkView,
    partition: &'a TopicPartition,
    snapshot: &'a VerificationSnapshot,
    /// The source offsets being verified.
    range: (SourceOffset, SourceOffset),
    /// The runs of the current block of the map.
    runs: Vec<Run>,
    /// The index in `runs` of the next one.
    next: usize,
    forgotten_below: i64,
}

impl<'a> OnTarget<'a> {
    pub(crate) fn new(
        view: &'a LinkView,
        partition: &'a TopicPartition,
        snapshot: &'a VerificationSnapshot,
        range: (SourceOffset, SourceOffset),
    ) -> Self {
        Self {
            view,
            partition,
            snapshot,
            range,
            runs: Vec::new(),
            next: 0,
            forgotten_below: snapshot.history.forgotten_below(false),
        }
    }

    /// The source offset that corresponds to a target offset.
    fn image(&mut self, at: TargetOffset) -> Result<Option<SourceOffset>> {
        let is_passed = |run: &Run| run.target_end() <= at;
        while self.runs.get(self.next).is_some_and(is_passed) {
            self.next += 1;
        }
        if self.next == self.runs.len() {
            self.runs = self.view.runs_behind(self.partition, at)?;
            self.next = self.runs.partition_point(is_passed);
        }
        Ok(self.runs.get(self.next).and_then(|run| run.to_source(at)))
    }
}

impl Places for OnTarget<'_> {
    fn place(&mut self, offset: i64) -> Result<Option<RecordOrigin>> {
        let at = TargetOffset(offset);
        if let Some(source) = self.image(at)? {
            let (from, until) = self.range;
            let is_within = from <= source && source < until;
            return Ok(is_within.then_some(RecordOrigin::At(source)));
        }
        Ok(if self.snapshot.history.at_target(at).is_some() {
            Some(RecordOrigin::LeftOut)
        } else if offset < self.forgotten_below {
            Some(RecordOrigin::Forgotten)
        } else {
            // Records past the map are checked after everything else.
            (at < self.snapshot.end).then_some(RecordOrigin::Stray)
        })
    }
}
