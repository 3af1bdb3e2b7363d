use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::failover::states::{Effect, PhaseName};
use crate::model::{SourceOffset, TopicPartition};

const DEADLINE: i64 = 100;

fn ends(end: i64) -> Ends {
    Ends(BTreeMap::from([(
        TopicPartition::new("t", 0),
        SourceOffset(end),
    )]))
}

fn blocker() -> Blocker {
    Blocker::new(BlockerCode::StepFailed, "why")
}

fn moves() -> Moves {
    Moves::default()
}

fn draining(rested: Option<Ends>) -> Phase {
    Phase::Draining {
        deadline_ms: DEADLINE,
        rested,
        waits_for: vec![],
    }
}

fn phase(name: PhaseName) -> Phase {
    let (moves, blockers) = (moves(), vec![blocker()]);
    match name {
        PhaseName::Draining => draining(Some(ends(7))),
        PhaseName::Fixing => Phase::Fixing,
        PhaseName::Freezing => Phase::Freezing { moves },
        PhaseName::Checking => Phase::Checking { moves },
        PhaseName::Committing => Phase::Committing { moves },
        PhaseName::Verifying => Phase::Verifying { moves },
        PhaseName::Thawing => Phase::Thawing { moves, blockers },
        PhaseName::Done => Phase::Done { moves },
        PhaseName::Stopped => Phase::Stopped {
            at: PhaseName::Checking,
            moves,
            blockers,
        },
    }
}

fn looked(end: i64, waits_for: &[&str], now_ms: i64) -> Event {
    Event::Looked {
        ends: ends(end),
        waits_for: waits_for.iter().map(|&text| text.to_owned()).collect(),
        now_ms,
    }
}

/// Every event, in a variant for each outcome that depends on its payload.
fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("", Event::TakenUp),
        ("", Event::Failed),
        ("", Event::GaveUp(blocker())),
        ("", Event::Cancelled(blocker())),
        (" at rest at the same ends", looked(7, &[], 1)),
        (" at rest at other ends", looked(8, &[], 1)),
        (" not at rest", looked(7, &["t-0"], 1)),
        (" not at rest, time is up", looked(7, &["t-0"], DEADLINE)),
        ("", Event::Fixed(moves())),
        ("", Event::Frozen),
        ("", Event::Cleared),
        ("", Event::Refused(vec![blocker()])),
        ("", Event::Committed),
        ("", Event::Matched),
        ("", Event::Differs(vec![blocker()])),
        ("", Event::Thawed),
    ]
}

/// Every pair of phase and event that isn't ignored, as a Markdown table.
fn table() -> String {
    let mut table = String::from("| phase | event | next |\n|---|---|---|\n");
    for name in PhaseName::ALL {
        for (detail, event) in events() {
            let label = format!("{}{detail}", event.name());
            let next = match step(&phase(name), event) {
                Next::Ignore => continue,
                Next::Again => "the same, again".to_owned(),
                Next::Enter(next) => next.name().to_string(),
            };
            table += &["| ", name.as_str(), " | ", &label, " | ", &next, " |\n"].concat();
        }
    }
    table
}

#[test]
fn the_table_in_the_documentation_is_what_the_step_function_does() {
    let page = include_str!("../../../docs/failover.md");
    let table = table();
    assert!(
        page.contains(&table),
        "docs/failover.md needs this table:\n{table}"
    );
}

#[test]
fn every_phase_has_an_answer_to_a_restart_unless_it_is_last() {
    for name in PhaseName::ALL {
        let phase = phase(name);
        let expected = if phase.is_last() {
            Next::Ignore
        } else {
            Next::Again
        };
        assert_eq!(step(&phase, Event::TakenUp), expected, "{name}");
        assert_eq!(step(&phase, Event::Failed), expected, "{name}");
    }
}

#[test]
fn every_phase_is_left_when_its_effect_gives_up() {
    for name in PhaseName::ALL {
        let phase = phase(name);
        let next = step(&phase, Event::GaveUp(blocker()));
        assert_eq!(matches!(next, Next::Enter(_)), !phase.is_last(), "{name}");
    }
}

#[test]
fn what_can_be_cancelled_ends_without_a_commit_and_nothing_else_is_touched() {
    for name in PhaseName::ALL {
        let next = step(&phase(name), Event::Cancelled(blocker()));
        let after = match &next {
            Next::Enter(next) => reachable(next.name(), None),
            Next::Again | Next::Ignore => BTreeSet::new(),
        };
        assert_eq!(!after.is_empty(), name.is_cancellable(), "{name}");
        for never in [PhaseName::Committing, PhaseName::Done] {
            assert!(!after.contains(&never), "{name}");
        }
    }
}

#[test]
fn two_looks_in_a_row_have_to_find_the_same_rest() {
    let first = step(&draining(None), looked(7, &[], 1));
    assert_eq!(first, Next::Enter(draining(Some(ends(7)))));
    let Next::Enter(Phase::Draining {
        rested, waits_for, ..
    }) = step(&draining(Some(ends(7))), looked(8, &[], 2))
    else {
        panic!("still draining");
    };
    assert_eq!(rested, Some(ends(8)));
    assert_eq!(waits_for, [STILL_WRITTEN]);
    let second = step(&draining(Some(ends(7))), looked(7, &[], 2));
    assert_eq!(second, Next::Enter(Phase::Fixing));

    let Next::Enter(Phase::Draining { rested, .. }) = step(
        &draining(Some(ends(7))),
        looked(7, &["open transaction"], 2),
    ) else {
        panic!("still draining");
    };
    assert_eq!(rested, None);
}

#[test]
fn draining_stops_at_its_deadline_with_what_it_waited_for_and_not_if_it_has_drained() {
    let late = step(
        &draining(None),
        looked(7, &["t-0 has an open transaction"], DEADLINE),
    );
    let Next::Enter(Phase::Stopped { at, blockers, .. }) = late else {
        panic!("stopped");
    };
    assert_eq!(at, PhaseName::Draining);
    assert_eq!(blockers[0].code, BlockerCode::NotDrained);
    assert_eq!(blockers[0].message, "t-0 has an open transaction");
    let just_in_time = step(&draining(Some(ends(7))), looked(7, &[], DEADLINE));
    assert_eq!(just_in_time, Next::Enter(Phase::Fixing));
    let one_more = step(&draining(None), looked(7, &[], DEADLINE));
    assert_eq!(one_more, Next::Enter(draining(Some(ends(7)))));
    let moving = step(&draining(Some(ends(7))), looked(8, &[], DEADLINE));
    let Next::Enter(Phase::Stopped { blockers, .. }) = moving else {
        panic!("stopped");
    };
    assert_eq!(blockers[0].message, STILL_WRITTEN);
}

/// Every phase that can follow, over all events.
fn successors(from: &Phase) -> Vec<Phase> {
    let next = events().into_iter().map(|(_, event)| step(from, event));
    next.filter_map(|next| match next {
        Next::Enter(phase) => Some(phase),
        Next::Again | Next::Ignore => None,
    })
    .collect()
}

fn reachable(from: PhaseName, without: Option<PhaseName>) -> BTreeSet<PhaseName> {
    let (mut seen, mut left) = (BTreeSet::new(), vec![phase(from)]);
    while let Some(at) = left.pop() {
        if Some(at.name()) != without && seen.insert(at.name()) {
            left.extend(successors(&at));
        }
    }
    seen
}

#[test]
fn every_phase_can_be_reached_and_ends() {
    let all: BTreeSet<_> = PhaseName::ALL.into_iter().collect();
    assert_eq!(reachable(PhaseName::Draining, None), all);
    for name in PhaseName::ALL {
        let ends = reachable(name, None).contains(&PhaseName::Stopped);
        assert!(ends || name == PhaseName::Done, "{name} can end");
    }
}

#[test]
fn nothing_is_committed_before_the_groups_are_frozen_and_checked() {
    for start in [PhaseName::Draining, PhaseName::Freezing] {
        for needed in [PhaseName::Freezing, PhaseName::Checking] {
            let without = reachable(start, Some(needed));
            assert!(
                !without.contains(&PhaseName::Committing),
                "{start} without {needed}"
            );
        }
    }
    assert!(!reachable(PhaseName::Freezing, Some(PhaseName::Verifying)).contains(&PhaseName::Done));
}

#[test]
fn groups_are_never_given_back_to_group_sync_once_a_commit_may_have_happened() {
    for name in [PhaseName::Committing, PhaseName::Verifying] {
        assert!(
            !reachable(name, None).contains(&PhaseName::Thawing),
            "{name}"
        );
    }
}

#[test]
fn groups_are_given_back_whenever_it_stops_between_freezing_and_committing() {
    for name in [PhaseName::Freezing, PhaseName::Checking] {
        let without_thaw = reachable(name, Some(PhaseName::Thawing));
        let before_commit: Vec<_> = successors(&phase(name))
            .into_iter()
            .filter(|next| next.name() == PhaseName::Stopped)
            .collect();
        assert!(
            before_commit.is_empty(),
            "{name} stops without thawing: {without_thaw:?}"
        );
    }
}

#[test]
fn a_phase_survives_the_checkpoint_db() {
    for name in PhaseName::ALL {
        let phase = phase(name);
        let stored = serde_json::to_vec(&phase).unwrap();
        assert_eq!(serde_json::from_slice::<Phase>(&stored).unwrap(), phase);
    }
}

#[test]
fn each_phase_has_its_own_effect() {
    let effects: Vec<_> = PhaseName::ALL
        .map(phase)
        .iter()
        .map(Phase::effect)
        .collect();
    let expected = [
        Some(Effect::Look),
        Some(Effect::Fix),
        Some(Effect::Freeze(moves())),
        Some(Effect::Check(moves())),
        Some(Effect::Commit(moves())),
        Some(Effect::ReadBack(moves())),
        Some(Effect::Thaw(moves())),
        None,
        None,
    ];
    assert_eq!(effects, expected);
}
