//! Every reachable phase of a link, under every event that can occur there.

use std::collections::BTreeSet;

use super::*;

/// The driver's tasks in progress, as implied by effects and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is under way or not, whatever the others are"
)]
struct World {
    acquiring: bool,
    leased: bool,
    at_work: bool,
    told_to_end: bool,
    releasing: bool,
    timer: bool,
    store_failed: bool,
}

type State = (LinkLife, World);

fn trouble(why: &str) -> LinkTrouble {
    LinkTrouble {
        why: why.to_owned(),
        may_pass: why != "hopeless",
    }
}

impl World {
    /// The events that can occur now, each with the resulting world.
    fn events(self) -> Vec<(LinkEvent, Self)> {
        let mut events = vec![(LinkEvent::Stop, self)];
        let store = |store_failed| Self {
            store_failed,
            ..self
        };
        events.push((LinkEvent::StoreFailed("full".to_owned()), store(true)));
        if self.store_failed && self.is_idle() {
            events.push((LinkEvent::StoreWorks, store(false)));
        }
        if self.acquiring {
            for is_standby in [true, false] {
                events.push((LinkEvent::Standing { is_standby }, self));
            }
            let owned = Self {
                acquiring: false,
                leased: true,
                ..self
            };
            events.push((LinkEvent::Owned, owned));
        }
        if self.acquiring || self.at_work {
            let ended = Self {
                acquiring: false,
                at_work: false,
                ..self
            };
            events.push((LinkEvent::Failed(trouble("panic")), ended));
            events.push((LinkEvent::Failed(trouble("hopeless")), ended));
            if self.at_work {
                events.push((LinkEvent::Ended, ended));
            }
        }
        if self.leased {
            events.push((LinkEvent::Lost("taken over".to_owned()), self));
        }
        if self.releasing {
            let released = Self {
                releasing: false,
                leased: false,
                ..self
            };
            events.push((LinkEvent::Released, released));
        }
        if self.timer {
            let due = Self {
                timer: false,
                ..self
            };
            events.push((LinkEvent::Due, due));
        }
        events
    }

    fn perform(&mut self, effect: &LinkEffect) {
        match effect {
            LinkEffect::Acquire => {
                assert!(self.is_idle(), "{self:?}");
                self.acquiring = true;
            }
            LinkEffect::Abandon => self.acquiring = false,
            LinkEffect::Work => {
                assert!(self.leased && !self.acquiring && !self.at_work, "{self:?}");
                self.at_work = true;
                self.told_to_end = false;
            }
            LinkEffect::End => self.told_to_end = true,
            LinkEffect::Release => {
                assert!(self.leased && !self.at_work && !self.releasing, "{self:?}");
                self.releasing = true;
            }
            LinkEffect::Wake(_) => self.timer = true,
            LinkEffect::Tell(_) => {}
        }
    }

    fn is_idle(self) -> bool {
        !self.acquiring && !self.leased && !self.at_work && !self.releasing
    }
}

fn after((life, _): &State, event: LinkEvent, mut world: World) -> State {
    let (life, effects) = step(life.clone(), event);
    for effect in &effects {
        world.perform(effect);
    }
    (life, world)
}

fn begun() -> State {
    let world = World {
        acquiring: true,
        ..World::default()
    };
    (LinkLife::begun(), world)
}

/// Every reachable state, with its transitions.
fn explored() -> Vec<(State, Vec<(LinkEvent, State)>)> {
    let mut seen = BTreeSet::from([begun()]);
    let mut open = vec![begun()];
    let mut all = Vec::new();
    while let Some(state) = open.pop() {
        let events = state.1.events().into_iter();
        let followers: Vec<(LinkEvent, State)> = events
            .map(|(event, world)| (event.clone(), after(&state, event, world)))
            .collect();
        for (_, next) in &followers {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
        all.push((state, followers));
    }
    all
}

fn is_consistent((life, world): &State) -> bool {
    match &life.phase {
        LinkPhase::Acquiring | LinkPhase::Standby => world.acquiring && !world.leased,
        LinkPhase::Running => world.leased && world.at_work && !world.told_to_end,
        LinkPhase::Ending(_) => world.leased && world.at_work && world.told_to_end,
        LinkPhase::Releasing(_) => world.leased && !world.at_work && world.releasing,
        LinkPhase::Failed(_) => world.is_idle() && world.timer,
        LinkPhase::StoreFailed(_) | LinkPhase::Stopped => world.is_idle(),
    }
}

#[test]
fn every_phase_has_under_way_what_leads_out_of_it_and_nothing_else() {
    let all = explored();
    assert!(all.len() > 100, "{}", all.len());
    for (state, followers) in &all {
        assert!(is_consistent(state), "{state:?}");
        assert_eq!(state.0.phase.uses_store(), !state.1.is_idle(), "{state:?}");
        let leads_out = |(event, next): &(LinkEvent, State)| {
            *event != LinkEvent::Stop && next.0.phase != state.0.phase
        };
        let is_last = state.0.phase == LinkPhase::Stopped;
        assert_eq!(followers.iter().any(leads_out), !is_last, "{state:?}");
    }
}

#[test]
fn a_lost_lease_a_failed_store_and_a_stop_leave_nothing_at_work() {
    for (state, followers) in explored() {
        for (event, (life, world)) in followers {
            let ends = matches!(
                event,
                LinkEvent::Lost(_) | LinkEvent::StoreFailed(_) | LinkEvent::Stop
            );
            assert!(
                !ends || !world.at_work || world.told_to_end,
                "{state:?} {event:?}"
            );
            if matches!(event, LinkEvent::StoreFailed(_)) {
                let knows = life.phase.knows_of_store();
                assert!(knows, "{state:?} {life:?}");
            }
        }
    }
}

/// A link told to stop ends once its tasks have ended, without any other event.
#[test]
fn a_stop_always_ends() {
    for (state, _) in explored() {
        let mut state = after(&state, LinkEvent::Stop, state.1);
        for _ in 0..2 {
            assert!(state.0.phase.is_stopping(), "{state:?}");
            let World {
                at_work, releasing, ..
            } = state.1;
            let (event, world) = if at_work {
                let world = World {
                    at_work: false,
                    ..state.1
                };
                (LinkEvent::Failed(trouble("late")), world)
            } else if releasing {
                let world = World {
                    releasing: false,
                    leased: false,
                    ..state.1
                };
                (LinkEvent::Released, world)
            } else {
                break;
            };
            state = after(&state, event, world);
        }
        assert_eq!(state.0.phase, LinkPhase::Stopped, "{state:?}");
    }
}

#[test]
fn nothing_begins_after_a_stop_whatever_happens() {
    let all = explored();
    let events = all.iter().flat_map(|(_, followers)| followers);
    let events: Vec<&LinkEvent> = events.map(|(event, _)| event).collect();
    let stopping = all.iter().filter(|it| it.0.0.phase.is_stopping());
    let lives: BTreeSet<&LinkLife> = stopping.map(|((life, _), _)| life).collect();
    for life in lives {
        for event in &events {
            let (next, effects) = step(life.clone(), (*event).clone());
            assert!(next.phase.is_stopping(), "{life:?} {event:?}");
            let begins = |it: &LinkEffect| matches!(it, LinkEffect::Acquire | LinkEffect::Work);
            assert!(!effects.iter().any(begins), "{life:?} {event:?}");
        }
    }
}

fn fails(life: LinkLife, why: &str) -> (LinkLife, u64, bool) {
    let (life, _) = step(life, LinkEvent::Owned);
    let (life, _) = step(life, LinkEvent::Failed(trouble(why)));
    let (life, effects) = step(life, LinkEvent::Released);
    let LinkPhase::Failed(failure) = &life.phase else {
        panic!("{life:?}");
    };
    let seconds = failure.retry_in.as_secs();
    let is_told = effects.contains(&LinkEffect::Tell(LinkNews::Failed(failure.clone())));
    assert!(effects.contains(&LinkEffect::Wake(failure.retry_in)));
    (step(life, LinkEvent::Due).0, seconds, is_told)
}

#[test]
fn delays_grow_to_a_minute_until_the_link_has_run_steadily() {
    let mut life = LinkLife::begun();
    let mut delays = Vec::new();
    for _ in 0..8 {
        let (next, seconds, is_told) = fails(life, "panic");
        assert_eq!(is_told, delays.is_empty(), "the same reason is told once");
        delays.push(seconds);
        life = next;
    }
    assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
    let (next, _, is_told) = fails(life, "another");
    assert!(is_told);
    let (running, _) = step(next, LinkEvent::Owned);
    let (steady, effects) = step(running, LinkEvent::Due);
    assert_eq!(effects, [LinkEffect::Tell(LinkNews::RunsSteadily)]);
    assert_eq!(steady.phase, LinkPhase::Running);
    let (failed, _) = step(steady, LinkEvent::Failed(trouble("another")));
    let (failed, _) = step(failed, LinkEvent::Released);
    assert_eq!(
        failed.phase,
        LinkPhase::Failed(Outage {
            why: "another".to_owned(),
            retry_in: RETRY_MIN
        })
    );
}

#[test]
fn what_only_an_operator_mends_is_tried_again_after_the_longest_delay() {
    assert_eq!(fails(LinkLife::begun(), "hopeless").1, 60);
}

/// The name of a phase, without its data.
fn name(phase: &LinkPhase) -> &'static str {
    match phase {
        LinkPhase::Acquiring => "Acquiring",
        LinkPhase::Standby => "Standby",
        LinkPhase::Running => "Running",
        LinkPhase::Ending(_) => "Ending",
        LinkPhase::Releasing(_) => "Releasing",
        LinkPhase::StoreFailed(_) => "StoreFailed",
        LinkPhase::Failed(_) => "Failed",
        LinkPhase::Stopped => "Stopped",
    }
}

/// The phase that follows an event; empty if the event changes nothing.
fn cell(phase: &LinkPhase, event: &LinkEvent) -> Option<String> {
    let (after, _) = step(LinkLife::begun().to(phase.clone()), event.clone());
    if after.phase == *phase {
        return None;
    }
    Some(match (phase, &after.phase) {
        (LinkPhase::Ending(_), LinkPhase::Ending(next))
        | (LinkPhase::Releasing(_), LinkPhase::Releasing(next)) => {
            let then = LinkLife::begun().followed_by(next.clone()).0.phase;
            format!("then {}", name(&then))
        }
        (_, after) => name(after).to_owned(),
    })
}

fn table() -> String {
    let why = || "why".to_owned();
    let nexts = [
        AfterTerm::Acquire,
        AfterTerm::BeginAnew(trouble("panic")),
        AfterTerm::AwaitStore(why()),
        AfterTerm::Stop,
    ];
    let failure = Outage {
        why: why(),
        retry_in: RETRY_MIN,
    };
    let columns: [Vec<LinkPhase>; 7] = [
        vec![LinkPhase::Acquiring],
        vec![LinkPhase::Standby],
        vec![LinkPhase::Running],
        nexts.iter().cloned().map(LinkPhase::Ending).collect(),
        nexts.iter().cloned().map(LinkPhase::Releasing).collect(),
        vec![LinkPhase::StoreFailed(why())],
        vec![LinkPhase::Failed(failure)],
    ];
    let is_standby = |is_standby| LinkEvent::Standing { is_standby };
    let rows = [
        ("another process owns it", is_standby(true)),
        ("none does any more", is_standby(false)),
        ("it is owned", LinkEvent::Owned),
        ("its parts have ended", LinkEvent::Ended),
        ("an error or a panic", LinkEvent::Failed(trouble("panic"))),
        ("the lease is lost", LinkEvent::Lost(why())),
        ("the lease is given up", LinkEvent::Released),
        ("the checkpoint DB fails", LinkEvent::StoreFailed(why())),
        ("it works again", LinkEvent::StoreWorks),
        ("the time is over", LinkEvent::Due),
        ("stop", LinkEvent::Stop),
    ];
    let mut lines = vec![
        "| | Acquiring | Standby | Running | Ending | Releasing | StoreFailed | Failed |"
            .to_owned(),
        "|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    for (title, event) in rows {
        let cells = columns.iter().map(|phases| {
            let mut found: Vec<String> = phases
                .iter()
                .filter_map(|phase| cell(phase, &event))
                .collect();
            found.dedup();
            found.join(", ")
        });
        let cells: Vec<String> = cells.collect();
        lines.push(format!("| {title} | {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

#[test]
fn the_table_in_the_docs_is_the_one_that_is_performed() {
    let page = include_str!("../../../docs/architecture.md");
    assert!(page.contains(&table()), "{}", table());
}
