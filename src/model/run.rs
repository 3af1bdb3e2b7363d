//! A run: a stretch of a partition where target offset = source offset + constant.

use serde::{Deserialize, Serialize};

use super::{SourceOffset, TargetOffset};

/// `length` records whose source offsets start at `source` and whose target offsets start at `target`, both without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// Source offset of the first record.
    pub source: SourceOffset,
    /// Target offset of the first record.
    pub target: TargetOffset,
    /// Number of records, at least 1 in a stored run.
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

    /// The source offset just behind the run.
    pub const fn source_end(&self) -> SourceOffset {
        self.source.plus(self.length)
    }

    /// The target offset just behind the run.
    pub const fn target_end(&self) -> TargetOffset {
        self.target.plus(self.length)
    }

    /// Whether `next` goes on where this run ends, on both sides.
    pub fn joins(&self, next: &Self) -> bool {
        self.source_end() == next.source && self.target_end() == next.target
    }

    /// The target offset of a source offset inside the run.
    pub fn to_target(&self, source: SourceOffset) -> Option<TargetOffset> {
        (self.source <= source && source < self.source_end())
            .then(|| self.target.plus(source.since(self.source)))
    }

    /// The source offset of a target offset inside the run.
    pub fn to_source(&self, target: TargetOffset) -> Option<SourceOffset> {
        (self.target <= target && target < self.target_end())
            .then(|| self.source.plus(target.since(self.target)))
    }
}
