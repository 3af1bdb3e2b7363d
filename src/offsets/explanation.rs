//! An explanation of how a log continues an offset map.

use crate::model::{Run, SourceOffset, TargetOffset};

/// A possible explanation of the log after the map: stored runs that may have been appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Explanation {
    /// The runs to append to the map; the last one reaches the end.
    pub(crate) runs: Vec<Run>,
    /// The source offset after the last record.
    pub(crate) position: SourceOffset,
}

impl Explanation {
    /// The source offset of a record, if this explanation or `last_run` covers it.
    pub(crate) fn source_of(
        &self,
        last_run: Option<Run>,
        target: TargetOffset,
    ) -> Option<SourceOffset> {
        self.runs
            .iter()
            .chain(last_run.as_ref())
            .find_map(|run| run.to_source(target))
    }
}
