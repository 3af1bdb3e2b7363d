use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;

use super::*;
use crate::model::HaltCode;
use world::{Node, adoption, conflicts, failure, from_the_side, lanes, outcome, reason, works};

mod world;

type Explored = (Vec<(Policies, Vec<Node>)>, Transitions);
type Transitions = BTreeMap<(String, String), BTreeSet<String>>;

/// Every reachable state by the policies under which it is reachable, and all transitions.
static EXPLORED: LazyLock<Explored> = LazyLock::new(|| {
    let mut transitions = Transitions::new();
    let found = [Policies::HALT, every_policy()]
        .map(|policies| (policies, explore(policies, &mut transitions)));
    (found.into(), transitions)
});

fn explore(policies: Policies, transitions: &mut Transitions) -> Vec<Node> {
    let mut queue: VecDeque<Node> = [true, false].map(Node::first).into();
    let mut seen: BTreeSet<String> = queue.iter().map(|it| format!("{it:?}")).collect();
    let mut found = Vec::new();
    while let Some(node) = queue.pop_front() {
        node.check();
        let mut events = from_the_side();
        events.extend(node.world.answers(&node.life));
        for event in events {
            let (next, effects) = node.after(&event, policies);
            if next.life.intent != Intent::Mirror || next.life.stopping {
                let working: Vec<_> = effects.iter().filter(|it| works(it)).collect();
                assert!(
                    working.is_empty(),
                    "{working:?} after {event:?} at {node:?}"
                );
            }
            note(transitions, &node, &event, &next, &effects);
            if seen.insert(format!("{next:?}")) {
                queue.push_back(next);
            }
        }
        found.push(node);
    }
    found
}

fn every_policy() -> Policies {
    Policies {
        gap: Policy::Follow,
        recreate: Policy::Reseed,
        truncate: Policy::Follow,
        foreign_write: Policy::Adopt,
        refused: Policy::SkipWithReceipt,
        corrupt: Policy::SkipWithReceipt,
        target_truncate: Policy::Follow,
    }
}

/// Returns the variant's name in the `Debug` output.
fn name(text: &impl std::fmt::Debug) -> String {
    let text = format!("{text:?}");
    let end = text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len());
    text[..end].to_owned()
}

fn event_name(event: &Event) -> String {
    let detail = match event {
        Event::Intent(Intent::Mirror) => "mirror",
        Event::Intent(_) | Event::Released(Policy::Follow) => "another",
        Event::Trouble(trouble)
        | Event::Resynced(Err(trouble))
        | Event::ReceiptWritten(Err(trouble)) => &name(trouble),
        Event::Resynced(Ok(found)) => &name(found),
        Event::StartStored(result) => &name(result),
        Event::ReceiptWritten(_) => "Ok",
        Event::Decided(result) => &name(result),
        Event::Reseeded(result) => &name(result),
        Event::Forgotten(result) => &name(result),
        Event::Released(Policy::Reseed) => "reseed",
        _ => "",
    };
    let name = name(event);
    if detail.is_empty() {
        name
    } else {
        format!("{name}: {}", detail.to_lowercase())
    }
}

fn note(transitions: &mut Transitions, node: &Node, event: &Event, next: &Node, effects: &Effects) {
    let quiet = |it: &&Effect| !matches!(it, Effect::Answer(_));
    if node.life == next.life && !effects.iter().any(|it| quiet(&it)) {
        return;
    }
    let effects: Vec<String> = effects
        .iter()
        .filter(quiet)
        .map(|it| match it {
            Effect::Tell(told) => format!("Tell {}", name(told)),
            Effect::Wait(pause) => format!("Wait {}", name(pause)),
            other => name(other),
        })
        .collect();
    let to = name(&next.life.phase);
    let what = if effects.is_empty() {
        to
    } else {
        format!("{to} ({})", effects.join(", "))
    };
    let key = (name(&node.life.phase), event_name(event));
    transitions.entry(key).or_default().insert(what);
}

#[test]
fn every_state_keeps_what_is_promised_under_every_event() {
    for (_, found) in &EXPLORED.0 {
        assert!(found.len() > 1000, "only {} states", found.len());
    }
}

#[test]
fn a_stop_always_ends() {
    for (policies, found) in &EXPLORED.0 {
        for node in found {
            let (node, _) = node.after(&Event::Stop, *policies);
            let mut open = VecDeque::from([(node, 0)]);
            while let Some((node, steps)) = open.pop_front() {
                if node.life.has_stopped() {
                    assert!(!node.world.is_busy(), "{node:?}");
                    continue;
                }
                assert!(steps < 4, "{node:?}");
                let answers = node.world.answers(&node.life);
                assert!(!answers.is_empty(), "nothing ends {node:?}");
                for event in answers {
                    open.push_back((node.after(&event, *policies).0, steps + 1));
                }
            }
        }
    }
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let late = [
        Event::Drained,
        Event::Resynced(Ok(Resynced::Flows(lanes()))),
        Event::StartStored(Ok(())),
        Event::ReceiptWritten(Ok(adoption())),
        Event::Decided(Ok((Box::new(outcome()), SettlesConflict(true)))),
        Event::Reseeded(Ok((
            Box::new(outcome()),
            reason(HaltCode::TargetTopicMissing),
        ))),
        Event::Forgotten(Ok(())),
    ];
    let (policies, found) = &EXPLORED.0[0];
    for node in found {
        let expected = node.world.answers(&node.life);
        for event in &late {
            let is_due = expected.iter().any(|it| name(it) == name(event));
            // A start position that becomes durable while answers are outstanding is noted.
            let is_noted = node.life.is_draining() && matches!(event, Event::StartStored(_));
            if !is_due && !is_noted {
                let mut life = node.life.clone();
                let effects = life.advance(event.clone(), *policies);
                let told = effects.iter().any(|it| !matches!(it, Effect::Answer(_)));
                let unasked = matches!(event, Event::Drained) && node.life.is_draining();
                assert!(
                    unasked || (!told && life == node.life),
                    "{event:?} at {node:?}"
                );
            }
        }
    }
}

/// Renders the table of transitions the way `docs/lifecycle.md` has it.
fn table() -> String {
    let mut page = String::new();
    let mut phase = String::new();
    for ((from, event), to) in &EXPLORED.1 {
        if *from != phase {
            page.extend(["\n### ", from, "\n\n| event | then |\n|---|---|\n"]);
            phase.clone_from(from);
        }
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        page.extend(["| ", event, " | ", &to.join("; "), " |\n"]);
    }
    page
}

#[test]
fn the_page_has_the_table() {
    let page = include_str!("../../../../docs/lifecycle.md");
    let (head, _) = page.split_once("\n### ").expect("a table");
    let expected = format!("{head}{}", table());
    assert!(page == expected, "docs/lifecycle.md should be\n{expected}");
}

/// Returns the state after these events, starting with a flowing partition, and the effects of the last one.
fn flowing_then(events: &[Event]) -> (Lifecycle, Effects) {
    let mut node = Node::first(true);
    let flows = [Event::Due, Event::Resynced(Ok(Resynced::Flows(lanes())))];
    let mut effects = Vec::new();
    for event in flows.iter().chain(events) {
        (node, effects) = node.after(event, Policies::HALT);
    }
    (node.life, effects)
}

fn halt(code: HaltCode) -> Event {
    Event::Trouble(Trouble::Halt(reason(code)))
}

#[test]
fn a_halted_partition_that_is_paused_looks_at_nothing_when_its_cause_is_removed() {
    let paused = Event::Intent(Intent::Paused);
    let (life, effects) = flowing_then(&[
        halt(HaltCode::NotPermitted),
        Event::Drained,
        paused,
        Event::Due,
    ]);
    let stood_for = Some(reason(HaltCode::NotPermitted));
    assert_eq!(
        life.phase,
        Phase::Idle(Idle::Intent(Intent::Paused, stood_for))
    );
    assert_eq!(effects, []);
}

#[test]
fn a_conflict_that_comes_while_answers_are_awaited_halts_and_its_end_is_not_missed() {
    let retry = Event::Trouble(Trouble::Retry(failure()));
    let [missing, ..] = conflicts();
    let conflict = Event::Conflict(missing.clone());
    let (life, _) = flowing_then(&[retry.clone(), conflict.clone(), Event::Drained]);
    assert_eq!(life.phase, Phase::Halted(missing));
    let (life, _) = flowing_then(&[
        retry.clone(),
        conflict.clone(),
        Event::Drained,
        Event::ConflictGone,
    ]);
    assert_eq!(life.phase, Phase::Resyncing);
    let (life, effects) = flowing_then(&[retry, conflict, Event::ConflictGone, Event::Drained]);
    assert_eq!(life.phase, Phase::Resting);
    assert!(effects.contains(&Effect::Wait(Pause::Backoff)));
}

#[test]
fn a_conflict_that_comes_while_a_decision_is_stored_halts_also_if_that_fails() {
    let [missing, ..] = conflicts();
    let decides = Event::Trouble(Trouble::Decided(adoption()));
    let failed = Event::Decided(Err(Trouble::Retry(failure())));
    let events = [
        decides,
        Event::Drained,
        Event::Conflict(missing.clone()),
        failed,
    ];
    assert_eq!(flowing_then(&events).0.phase, Phase::Halted(missing));
}

#[test]
fn a_start_that_is_stored_counts_also_if_something_came_between() {
    for between in [
        Event::Intent(Intent::Paused),
        Event::Conflict(reason(HaltCode::NotPermitted)),
    ] {
        let mut node = Node::first(false);
        let mut told = Vec::new();
        let flows = Event::Resynced(Ok(Resynced::Flows(lanes())));
        for event in [Event::Due, flows, between, Event::StartStored(Ok(()))] {
            (node, told) = node.after(&event, Policies::HALT);
        }
        assert!(node.life.has_begun() && told.contains(&Effect::Begin));
    }
}
