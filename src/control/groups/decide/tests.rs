use proptest::prelude::*;

use crate::control::groups::translate::Fit;
use crate::model::SourceOffset;

use super::*;

const HOUR: i64 = 3_600_000;

fn at(source: i64, target: i64) -> Wanted {
    let commit = SourceCommit {
        offset: SourceOffset(source),
        metadata: Some("text".into()),
    };
    let place = TargetPosition {
        offset: TargetOffset(target),
        stands_for: SourceOffset(source),
        fit: Fit::Exact,
    };
    Wanted::At(commit, Ok(place))
}

fn intent(source: i64, target: i64) -> PlannedCommit {
    PlannedCommit {
        offset: TargetOffset(target),
        stands_for: SourceOffset(source),
        metadata: Some("text".into()),
    }
}

fn wrote(source: i64, target: i64) -> Written {
    Written::default()
        .intending(&intent(source, target))
        .fulfilled(0)
}

#[expect(clippy::unnecessary_wraps, reason = "reads better where it is used")]
fn found(target: i64) -> Option<TargetCommit> {
    Some(TargetCommit {
        offset: TargetOffset(target),
        metadata: Some("text".into()),
    })
}

struct Case {
    wanted: Wanted,
    found: Option<TargetCommit>,
    written: Written,
    active: bool,
    frozen: bool,
    target_log: TargetLog,
    target_end: i64,
    now_ms: i64,
}

impl Case {
    fn new(wanted: Wanted, found: Option<TargetCommit>, written: Written) -> Self {
        Self {
            wanted,
            found,
            written,
            active: false,
            frozen: false,
            target_log: TargetLog::Whole,
            target_end: 1_000,
            now_ms: 0,
        }
    }

    fn decide(&self) -> CommitDecision {
        decide(&Scene {
            wanted: &self.wanted,
            found: self.found.as_ref(),
            written: &self.written,
            active: self.active,
            frozen_by: self.frozen.then_some("op"),
            target_log: self.target_log,
            target_end: TargetOffset(self.target_end),
            now_ms: self.now_ms,
            refresh_after_ms: HOUR,
        })
    }
}

fn decided(wanted: Wanted, found: Option<TargetCommit>, written: Written) -> CommitDecision {
    Case::new(wanted, found, written).decide()
}

#[test]
fn the_first_commit_goes_where_there_is_none() {
    let first = decided(at(10, 7), None, Written::default());
    assert_eq!(first, CommitDecision::Commit(intent(10, 7)));
}

#[test]
fn an_offset_the_link_wrote_itself_is_advanced() {
    let next = decided(at(12, 9), found(7), wrote(10, 7));
    assert_eq!(next, CommitDecision::Commit(intent(12, 9)));
}

#[test]
fn h16_an_offset_somebody_else_committed_is_released_whichever_way_it_went() {
    for theirs in [3, 8, 20] {
        let decision = decided(at(12, 9), found(theirs), wrote(10, 7));
        assert_eq!(decision, CommitDecision::Release(TargetOffset(theirs)));
    }
    let before_us = decided(at(12, 9), found(9), Written::default());
    assert_eq!(before_us, CommitDecision::Release(TargetOffset(9)));
}

#[test]
fn h16_progress_of_a_group_with_members_is_released_too() {
    let mut case = Case::new(at(12, 9), found(20), wrote(10, 7));
    case.active = true;
    assert_eq!(case.decide(), CommitDecision::Release(TargetOffset(20)));
}

#[test]
fn h16_what_was_released_or_frozen_stays_so_even_if_it_looks_ours_again() {
    let released = Written {
        released: true,
        ..wrote(10, 7)
    };
    assert_eq!(
        decided(at(12, 9), found(7), released),
        CommitDecision::Released
    );
    let mut frozen = Case::new(at(12, 9), None, wrote(10, 7));
    frozen.frozen = true;
    assert_eq!(frozen.decide(), CommitDecision::Released);
}

#[test]
fn h16_an_unanswered_commit_is_ours_if_it_arrived_and_repeated_if_it_did_not() {
    let crashed = wrote(10, 7).intending(&intent(12, 9));
    let arrived = decided(at(15, 12), found(9), crashed.clone());
    assert_eq!(arrived, CommitDecision::Commit(intent(15, 12)));
    let missing = decided(at(15, 12), found(7), crashed.clone());
    assert_eq!(missing, CommitDecision::Commit(intent(12, 9)));
    let first_one_missing = decided(at(15, 12), None, crashed);
    assert_eq!(first_one_missing, CommitDecision::Commit(intent(12, 9)));
}

#[test]
fn a_group_with_members_on_the_target_is_left_to_them() {
    for there in [None, found(7)] {
        let mut case = Case::new(at(12, 9), there, wrote(10, 7));
        case.active = true;
        assert_eq!(case.decide(), CommitDecision::Active);
    }
}

#[test]
fn a_source_group_that_went_back_is_followed_only_over_our_own_offset() {
    let back = decided(at(4, 3), found(7), wrote(10, 7));
    assert_eq!(back, CommitDecision::Commit(intent(4, 3)));
    let theirs = decided(at(4, 3), found(8), wrote(10, 7));
    assert_eq!(theirs, CommitDecision::Release(TargetOffset(8)));
}

#[test]
fn never_backwards_while_the_source_group_did_not_go_back() {
    let lower = decided(at(10, 5), found(7), wrote(10, 7));
    assert_eq!(lower, CommitDecision::Keep);
    let further = decided(at(11, 5), found(7), wrote(10, 7));
    assert_eq!(further, CommitDecision::Keep);
}

#[test]
fn h13_an_offset_beyond_what_the_target_still_has_comes_down() {
    let mut case = Case::new(at(10, 5), found(7), wrote(10, 7));
    case.target_end = 5;
    assert_eq!(case.decide(), CommitDecision::Commit(intent(10, 5)));
}

/// What the source may report while the target's log isn't whole.
fn wants() -> [Wanted; 3] {
    let unplaced = Untranslatable::NotReady("it lost its tail".into());
    let nowhere = Wanted::At(commit(), Err(unplaced));
    [at(10, 7), nowhere, Wanted::Unknown(None)]
}

#[test]
fn h13_an_offset_above_a_lost_tail_is_lowered_to_its_end_if_it_is_this_links_own() {
    for wanted in wants() {
        let mut case = Case::new(wanted, found(7), wrote(10, 7));
        case.target_log = TargetLog::CutAt(TargetOffset(5));
        assert_eq!(case.decide(), CommitDecision::Lower(intent(10, 5)));
        // An expired offset is written again, but no higher.
        case.found = None;
        assert_eq!(case.decide(), CommitDecision::Refresh(intent(10, 5)));
        case.found = found(8);
        assert_eq!(case.decide(), CommitDecision::Release(TargetOffset(8)));
        // A commit that was sent but not answered may still arrive above the end, and is lowered once it has.
        let unanswered = wrote(10, 7).intending(&intent(12, 9));
        (case.found, case.written) = (found(7), unanswered);
        assert_eq!(case.decide(), CommitDecision::Commit(intent(12, 9)));
    }
}

#[test]
fn h13_what_is_not_above_a_lost_tail_stays() {
    for end in [7, 8] {
        for wanted in wants() {
            let mut case = Case::new(wanted, found(7), wrote(10, 7));
            case.target_log = TargetLog::CutAt(TargetOffset(end));
            let decision = case.decide();
            assert!(matches!(decision, CommitDecision::Wait(_)), "{decision:?}");
        }
    }
}

#[test]
fn h13_nothing_new_is_written_before_the_targets_log_was_read_but_what_is_there_is_kept() {
    for wanted in wants().into_iter().chain([at(12, 9), at(4, 3)]) {
        let mut case = Case::new(wanted, found(7), wrote(10, 7));
        case.target_log = TargetLog::Unread;
        let decision = case.decide();
        assert!(matches!(decision, CommitDecision::Wait(_)), "{decision:?}");
        case.now_ms = HOUR;
        assert_eq!(case.decide(), CommitDecision::Refresh(intent(10, 7)));
    }
}

#[test]
fn nothing_is_written_into_another_topic_of_the_name() {
    for wanted in wants() {
        let unanswered = wrote(10, 7).intending(&intent(12, 9));
        let mut case = Case::new(wanted, None, unanswered);
        case.target_log = TargetLog::Another;
        case.now_ms = HOUR;
        let decision = case.decide();
        assert!(matches!(decision, CommitDecision::Wait(_)), "{decision:?}");
    }
}

#[test]
fn a_held_offset_advances_with_the_frontier() {
    let held = |frontier: i64, target: i64| {
        let commit = SourceCommit {
            offset: SourceOffset(100),
            metadata: Some("text".into()),
        };
        let fit = Fit::Held {
            frontier: SourceOffset(frontier),
            records: 100 - frontier,
        };
        let place = TargetPosition {
            offset: TargetOffset(target),
            stands_for: SourceOffset(frontier),
            fit,
        };
        Wanted::At(commit, Ok(place))
    };
    let first = decided(held(50, 45), None, Written::default());
    assert_eq!(first, CommitDecision::Commit(intent(50, 45)));
    let later = decided(held(70, 65), found(45), wrote(50, 45));
    assert_eq!(later, CommitDecision::Commit(intent(70, 65)));
    let arrived = decided(at(100, 95), found(65), wrote(70, 65));
    assert_eq!(arrived, CommitDecision::Commit(intent(100, 95)));
}

#[test]
fn changed_metadata_alone_is_carried_and_missing_equals_empty() {
    let mut other = found(7);
    other.as_mut().unwrap().metadata = Some("older".into());
    assert_eq!(
        decided(at(10, 7), other, wrote(10, 7)),
        CommitDecision::Commit(intent(10, 7))
    );

    let Wanted::At(commit, place) = at(10, 7) else {
        panic!("built so");
    };
    let no_text = Wanted::At(
        SourceCommit {
            metadata: None,
            ..commit
        },
        place,
    );
    let mut empty = found(7);
    empty.as_mut().unwrap().metadata = Some(String::new());
    assert_eq!(decided(no_text, empty, wrote(10, 7)), CommitDecision::Keep);
}

#[test]
fn h17_an_unchanged_offset_is_written_again_when_due_and_not_before() {
    for wanted in [
        at(10, 7),
        Wanted::Unknown(None),
        Wanted::At(commit(), Err(Untranslatable::UnknownPartition)),
    ] {
        let mut case = Case::new(wanted.clone(), found(7), wrote(10, 7));
        case.now_ms = HOUR;
        assert_eq!(
            case.decide(),
            CommitDecision::Refresh(intent(10, 7)),
            "{wanted:?}"
        );
        case.now_ms = HOUR - 1;
        assert!(
            matches!(
                case.decide(),
                CommitDecision::Keep | CommitDecision::Wait(_)
            ),
            "{wanted:?}"
        );
    }
}

#[test]
fn h17_what_expired_while_the_source_was_gone_is_written_again_at_once() {
    let expired = decided(Wanted::Unknown(None), None, wrote(10, 7));
    assert_eq!(expired, CommitDecision::Refresh(intent(10, 7)));
    let never = decided(Wanted::Unknown(None), None, Written::default());
    assert_eq!(never, CommitDecision::Keep);
}

#[test]
fn an_offset_without_a_place_waits() {
    let unplaced = Untranslatable::NotReady("loading".into());
    let wanted = Wanted::At(commit(), Err(unplaced.clone()));
    assert_eq!(
        decided(wanted, None, Written::default()),
        CommitDecision::Wait(unplaced)
    );
}

fn commit() -> SourceCommit {
    SourceCommit {
        offset: SourceOffset(10),
        metadata: None,
    }
}

fn any_log() -> impl Strategy<Value = TargetLog> {
    prop_oneof![
        Just(TargetLog::Unread),
        Just(TargetLog::Whole),
        (0..9_i64).prop_map(|end| TargetLog::CutAt(TargetOffset(end))),
        Just(TargetLog::Another),
    ]
}

fn any_written() -> impl Strategy<Value = Written> {
    let offset = || prop::option::of((0..9_i64).prop_map(TargetOffset));
    let source = prop::option::of((0..9_i64).prop_map(SourceOffset));
    (offset(), offset(), source, any::<bool>()).prop_map(
        |(last, intended, stands_for, released)| Written {
            last,
            intended,
            at_ms: 0,
            stands_for,
            metadata: None,
            released,
        },
    )
}

proptest! {
    #[test]
    fn h16_nothing_is_ever_written_over_an_offset_of_somebody_else(
        source in 0..9_i64, target in 0..9_i64, there in prop::option::of(0..9_i64),
        written in any_written(), active in any::<bool>(), now_ms in 0..2 * HOUR,
        target_log in any_log(),
    ) {
        let mut case = Case::new(at(source, target), there.and_then(found), written);
        (case.active, case.now_ms, case.target_log) = (active, now_ms, target_log);
        let ours = case.found.as_ref().is_none_or(|there| {
            [case.written.last, case.written.intended].contains(&Some(there.offset))
        });
        match case.decide() {
            CommitDecision::Commit(_) | CommitDecision::Refresh(_) | CommitDecision::Lower(_) => prop_assert!(ours && !active && !case.written.released),
            CommitDecision::Release(offset) => prop_assert!(!ours && case.found.unwrap().offset == offset),
            CommitDecision::Keep | CommitDecision::Active | CommitDecision::Released | CommitDecision::Wait(_) => {}
        }
    }

    #[test]
    fn following_a_source_ends_where_the_source_ends(steps in prop::collection::vec(0..50_i64, 1..20)) {
        let (mut there, mut written) = (None, Written::default());
        for &step in &steps {
            if let CommitDecision::Commit(intent) | CommitDecision::Refresh(intent) = decided(at(step, step * 2), there.clone(), written.clone()) {
                written = written.intending(&intent).fulfilled(0);
                there = found(intent.offset.get());
            }
        }
        prop_assert_eq!(there.unwrap().offset.get(), steps.last().unwrap() * 2);
    }
}
