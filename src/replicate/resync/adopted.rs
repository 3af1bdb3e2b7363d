//! Own records that landed behind somebody else's: which source offsets they are. Pure.

use crate::model::{Run, TargetOffset};
use crate::offsets::Explanation;

/// Own records in a row: where they were to land, and where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where the first one was to land.
    pub(crate) predicted: TargetOffset,
    /// Where it is.
    pub(crate) actual: TargetOffset,
    /// How many.
    pub(crate) length: i64,
}

/// The runs of predicted offsets from `from` up to `end`: the last run as far as it goes on, and those explained behind it.
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

/// The runs of own records where they are, from those where they were to be.
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
        // 0..10 is known; 10..25 was sent: five more of the last run, then a run planned behind a gap.
        let explanation = Explanation {
            runs: vec![run(30, 15, 10)],
            position: SourceOffset(40),
        };
        let (from, end) = (TargetOffset(10), TargetOffset(25));
        let covering = cover(run(0, 0, 10), &explanation, from, end);
        assert_eq!(covering, [run(10, 10, 5), run(30, 15, 10)]);
        // Three foreign records before, two between.
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
        // The map goes on with source offset 7 at 40; the first batch landed behind a foreign one.
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
