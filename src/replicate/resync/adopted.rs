//! Own records that landed after foreign ones: finds their source offsets. Pure.

use crate::model::{Run, TargetOffset};
use crate::offsets::Explanation;

/// Consecutive own records: where they were predicted to land, and where they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The predicted offset of the first record.
    pub(crate) predicted: TargetOffset,
    /// The actual offset of the first record.
    pub(crate) actual: TargetOffset,
    /// The number of records.
    pub(crate) length: i64,
}

/// Returns the runs of the predicted offsets from `from` to `end`: the last run as far as it continues, then the explained
/// runs.
pub(crate) fn cover(
    last_run: Run,
    explanation: &Explanation,
    from: TargetOffset,
    end: TargetOffset,
) -> Vec<Run> {
    let until = explanation.runs.first().map_or(end, |run| run.target);
    let grown = Run {
        source: last_run.source.plus(from.since(last_run.target)),
        target: from,
        length: until.since(from),
    };
    let explained = explanation.runs.iter().copied();
    let runs = std::iter::once(grown).chain(explained);
    runs.filter(|run| run.length > 0).collect()
}

/// Returns the runs of own records at their actual offsets, given the runs at their predicted ones.
pub(crate) fn shifted(covering: &[Run], segments: &[Segment]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for segment in segments {
        let shift = segment.actual.since(segment.predicted);
        let segment_end = segment.predicted.plus(segment.length);
        for run in covering {
            let from = run.target.max(segment.predicted);
            let length = run.target_end().min(segment_end).since(from);
            if length > 0 {
                let source = run.source.plus(from.since(run.target));
                push(&mut runs, Run::new(source, from.plus(shift), length));
            }
        }
    }
    runs
}

fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut().filter(|last| last.joins(&run)) {
        Some(last) => last.length += run.length,
        None => runs.push(run),
    }
}

#[cfg(test)]
mod tests;
