//! A run: a stretch of a partition in which target offset = source offset + constant.

use serde::{Deserialize, Serialize};

use super::{SourceOffset, TargetOffset};

/// `length` records with contiguous source offsets from `source` and contiguous target offsets from `target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The source offset of the first record.
    pub source: SourceOffset,
    /// The target offset of the first record.
    pub target: TargetOffset,
    /// The number of records, at least 1 in a stored run.
    pub length: i64,
}

impl Run {
    /// A run of `length` records.
    pub const fn new(source: SourceOffset, target: TargetOffset, length: i64) -> Self {
        Self {
            source,
            target,
            length,
        }
    }

    /// The source offset just after the run.
    pub const fn source_end(&self) -> SourceOffset {
        self.source.plus(self.length)
    }

    /// The target offset just after the run.
    pub const fn target_end(&self) -> TargetOffset {
        self.target.plus(self.length)
    }

    /// Whether `next` continues this run without a gap on either side.
    pub fn joins(&self, next: &Self) -> bool {
        self.source_end() == next.source && self.target_end() == next.target
    }

    /// The target offset for `source`; `None` if it lies outside the run.
    pub fn to_target(&self, source: SourceOffset) -> Option<TargetOffset> {
        (self.source <= source && source < self.source_end())
            .then(|| self.target.plus(source.since(self.source)))
    }

    /// The source offset for `target`; `None` if it lies outside the run.
    pub fn to_source(&self, target: TargetOffset) -> Option<SourceOffset> {
        (self.target <= target && target < self.target_end())
            .then(|| self.source.plus(target.since(self.target)))
    }
}
