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
mod tests {
    use super::*;
    use crate::model::SourceOffset;

    fn run(source: i64, target: i64, length: i64) -> Run {
        Run::new(SourceOffset(source), TargetOffset(target), length)
    }

    fn segment(predicted: i64, actual: i64, length: i64) -> Segment {
        Segment {
            predicted: TargetOffset(predicted),
            actual: TargetOffset(actual),
            length,
        }
    }

    #[test]
    fn records_keep_their_source_offsets_where_they_landed() {
        // 0..10 is known; 10..25 was sent: five more of the last run, then a run planned after a gap.
        let explanation = Explanation {
            runs: vec![run(30, 15, 10)],
            position: SourceOffset(40),
        };
        let (from, end) = (TargetOffset(10), TargetOffset(25));
        let covering = cover(run(0, 0, 10), &explanation, from, end);
        assert_eq!(covering, [run(10, 10, 5), run(30, 15, 10)]);
        // Three foreign records come before, two in between.
        let landed = shifted(&covering, &[segment(10, 13, 8), segment(18, 23, 7)]);
        assert_eq!(landed, [run(10, 13, 5), run(30, 18, 3), run(33, 23, 7)]);
    }

    #[test]
    fn what_goes_on_without_a_gap_is_one_run() {
        let explanation = Explanation {
            runs: Vec::new(),
            position: SourceOffset(20),
        };
        let covering = cover(
            run(5, 5, 5),
            &explanation,
            TargetOffset(10),
            TargetOffset(20),
        );
        let landed = shifted(&covering, &[segment(10, 12, 5), segment(15, 17, 5)]);
        assert_eq!(landed, [run(10, 12, 10)]);
        assert_eq!(shifted(&covering, &[]), []);
    }

    #[test]
    fn a_run_about_to_begin_is_not_counted_twice() {
        // The map continues with source offset 7 at 40; the first batch landed after a foreign one.
        let explanation = Explanation {
            runs: vec![run(7, 40, 4)],
            position: SourceOffset(11),
        };
        let covering = cover(
            run(7, 40, 0),
            &explanation,
            TargetOffset(40),
            TargetOffset(44),
        );
        assert_eq!(shifted(&covering, &[segment(40, 42, 4)]), [run(7, 42, 4)]);
    }
}
