use crate::error::Result;
use crate::model::{Stretch, Totals};
use crate::replicate::testing::run;

use super::*;

const HERE: TopicId = TopicId(uuid::Uuid::from_u128(1));
const ELSEWHERE: TopicId = TopicId(uuid::Uuid::from_u128(2));

/// A mirror of source offsets 100 to 200 in target offsets 0 to 100, with nothing else.
fn mapped() -> Mapped {
    Mapped {
        until: 100,
        frontier: 200,
        begun: true,
        source_id: HERE,
        target_id: HERE,
        ..Mapped::nothing()
    }
}

fn evidence(log: Range<i64>, source: Range<i64>) -> Evidence {
    Evidence {
        log,
        target_id: HERE,
        source: Some((source, HERE)),
        is_compacted: false,
    }
}

/// Counts with runs of 30 offsets, each in a block of its own, up to where `mapped` ends.
fn count(mapped: &Mapped, evidence: &Evidence, behind: LogBehindMap) -> [u64; 3] {
    let end = mapped.until;
    let runs = |at: TargetOffset| -> Result<Vec<Run>> {
        let first = at.get() / 30 * 30;
        let length = (end - first).min(30);
        Ok(if first < end {
            vec![run(100 + first, first, length)]
        } else {
            Vec::new()
        })
    };
    counted(mapped, evidence, behind, runs)
}

fn counted(
    mapped: &Mapped,
    evidence: &Evidence,
    behind: LogBehindMap,
    runs: impl FnMut(TargetOffset) -> Result<Vec<Run>>,
) -> [u64; 3] {
    let held = mapped.count(evidence, behind, runs).unwrap();
    let doubt = u64::from(held.at_most);
    assert!(held.of_others <= held.only_there && held.only_there <= held.records);
    [held.only_there, held.of_others, doubt]
}

fn reason(code: HaltCode, source: Option<i64>, target: Option<i64>) -> Reason {
    let reason = Reason::new(code, "m");
    reason.at(source.map(SourceOffset), target.map(TargetOffset))
}

const NOTHING: LogBehindMap = LogBehindMap {
    own: 0,
    of_others: 0,
    unread: 0,
};

#[test]
fn copies_that_the_source_still_has_are_no_loss() {
    let whole = evidence(0..100, 0..300);
    assert_eq!(count(&mapped(), &whole, NOTHING), [0, 0, 0]);
    let held = mapped().count(&whole, NOTHING, |_| Ok(Vec::new())).unwrap();
    assert_eq!(held.records, 100);
}

#[test]
fn what_retention_removed_from_the_source_exists_only_in_the_mirror() {
    // The mirror has removed some of it, too.
    for (log_start, source_start, lost) in [(0, 145, 45), (20, 145, 25), (45, 145, 0), (60, 145, 0)]
    {
        let found = count(
            &mapped(),
            &evidence(log_start..100, source_start..300),
            NOTHING,
        );
        assert_eq!(found, [lost, 0, 0], "{log_start}");
    }
    assert_eq!(
        count(&mapped(), &evidence(0..100, 250..300), NOTHING),
        [100, 0, 0]
    );
}

#[test]
fn a_source_that_was_truncated_or_replaced_lacks_what_the_mirror_has() {
    assert_eq!(
        count(&mapped(), &evidence(0..100, 0..190), NOTHING),
        [10, 0, 0]
    );
    let truncated = Mapped {
        reason: Some(reason(HaltCode::SourceTruncated, Some(170), None)),
        ..mapped()
    };
    // It has grown again.
    assert_eq!(
        count(&truncated, &evidence(0..100, 0..300), NOTHING),
        [30, 0, 0]
    );
    let recreated = Mapped {
        reason: Some(reason(HaltCode::SourceRecreated, None, None)),
        source_id: TopicId::NONE,
        ..mapped()
    };
    assert_eq!(
        count(&recreated, &evidence(0..100, 0..300), NOTHING),
        [100, 0, 0]
    );
    let other = Evidence {
        source: Some((0..300, ELSEWHERE)),
        ..evidence(0..100, 0..300)
    };
    assert_eq!(count(&mapped(), &other, NOTHING), [100, 0, 0]);
}

#[test]
fn a_source_that_does_not_answer_may_lack_everything() {
    let silent = Evidence {
        source: None,
        ..evidence(0..100, 0..0)
    };
    assert_eq!(count(&mapped(), &silent, NOTHING), [100, 0, 1]);
}

#[test]
fn records_behind_the_map_are_copies_or_written_by_others() {
    let behind = LogBehindMap {
        own: 7,
        of_others: 3,
        unread: 0,
    };
    assert_eq!(
        count(&mapped(), &evidence(0..110, 0..300), behind),
        [3, 3, 0]
    );
    // The source no longer has what this link mirrored last.
    assert_eq!(
        count(&mapped(), &evidence(0..110, 250..300), behind),
        [110, 3, 0]
    );
    let unread = LogBehindMap {
        unread: 5,
        ..behind
    };
    assert_eq!(
        count(&mapped(), &evidence(0..115, 0..300), unread),
        [8, 8, 1]
    );
    // Its producers look like any other's.
    let anonymous = Mapped {
        is_anonymous: true,
        ..mapped()
    };
    assert_eq!(
        count(&anonymous, &evidence(0..110, 0..300), behind),
        [3, 3, 1]
    );
    // Without a map it can't be told which source records they are.
    let log = evidence(0..10, 0..300);
    assert_eq!(count(&Mapped::nothing(), &log, behind), [10, 3, 1]);
}

#[test]
fn the_log_is_read_from_where_the_map_is_in_doubt_or_is_another_topics() {
    let log = evidence(20..110, 0..300);
    assert_eq!(mapped().read_from(&log), 100);
    assert_eq!(mapped().read_from(&evidence(0..60, 0..300)), 60);
    let other = Evidence {
        target_id: ELSEWHERE,
        ..log.clone()
    };
    assert_eq!(mapped().read_from(&other), 20);
    let behind = LogBehindMap {
        of_others: 90,
        ..NOTHING
    };
    assert_eq!(count(&mapped(), &other, behind), [90, 90, 0]);
    for (code, from) in [
        (HaltCode::ForeignWrite, Some(TargetOffset(40))),
        (HaltCode::TargetTruncated, Some(TargetOffset(40))),
        (HaltCode::RecordRefused, None),
    ] {
        let reason = reason(code, None, Some(40));
        assert_eq!(doubted_from(&reason), from, "{code}");
    }
}

#[test]
fn stretches_without_an_image_exist_only_there() {
    let stretch = |kind, from, until| Stretch { kind, from, until };
    let stretches = vec![
        stretch(StretchKind::Adopted, 10, 15),
        stretch(StretchKind::Lost, 0, 50),
        stretch(StretchKind::Former, 0, 40),
        stretch(StretchKind::TargetOnly, 50, 60),
    ];
    let history = History {
        stretches,
        ..History::default()
    };
    let interrupted = Mapped {
        history,
        ..mapped()
    };
    let runs = |_| Ok(vec![run(100, 40, 10), run(110, 60, 40)]);
    let found = |log| counted(&interrupted, &evidence(log, 0..300), NOTHING, runs);
    assert_eq!(found(0..100), [50, 5, 0]);
    assert_eq!(found(12..100), [38, 3, 0]);
    assert_eq!(found(55..100), [5, 0, 0]);
}

#[test]
fn forgotten_stretches_may_be_of_others_and_markers_are_no_records() {
    let runs = |_| Ok(vec![run(100, 0, 50), run(150, 51, 49)]);
    let whole = evidence(0..100, 0..300);
    // A marker behind a transaction of this link.
    assert_eq!(counted(&mapped(), &whole, NOTHING, runs), [0, 0, 0]);
    let stretches = (0..256).map(|at| Stretch {
        kind: StretchKind::Adopted,
        from: 200 + at,
        until: 201 + at,
    });
    let history = History {
        stretches: stretches.collect(),
        totals: Totals {
            adopted: 257,
            ..Totals::default()
        },
        ..History::default()
    };
    let forgetful = Mapped {
        history,
        ..mapped()
    };
    assert_eq!(counted(&forgetful, &whole, NOTHING, runs), [1, 1, 1]);
}

#[test]
fn offsets_are_not_all_records_where_the_log_may_have_holes() {
    let gone = evidence(0..100, 150..300);
    let compacted = Evidence {
        is_compacted: true,
        ..gone.clone()
    };
    assert_eq!(count(&mapped(), &compacted, NOTHING), [50, 0, 1]);
    let preserved = Mapped {
        sparse: true,
        ..mapped()
    };
    assert_eq!(count(&preserved, &gone, NOTHING), [50, 0, 1]);
    // Nothing is certainly nothing.
    let compacted = Evidence {
        is_compacted: true,
        ..evidence(0..100, 0..300)
    };
    assert_eq!(count(&mapped(), &compacted, NOTHING), [0, 0, 0]);
}

#[test]
fn what_would_be_lost_is_described() {
    let held = |only_there, of_others, at_most| {
        let held = Holdings {
            records: 10,
            only_there,
            of_others,
            at_most,
        };
        held.described()
    };
    assert_eq!(held(0, 0, false), None);
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(held(5, 0, false), told("5 records that exist only there"));
    assert_eq!(
        held(5, 5, true),
        told("at most 5 records that exist only there, written by others")
    );
    assert_eq!(
        held(5, 2, false),
        told("5 records that exist only there, 2 of them written by others")
    );
}
