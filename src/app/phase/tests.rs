//! Every phase that a link can get into, under everything that can happen there.

use std::collections::BTreeSet;

use super::*;

/// What the driver has under way, as far as effects and events tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct World {
    acquiring: bool,
    leased: bool,
    at_work: bool,
    told_to_end: bool,
    releasing: bool,
    timer: bool,
    store_failed: bool,
}

type State = (Life, World);

fn trouble(why: &str) -> Trouble {
    Trouble {
        why: why.to_owned(),
        may_pass: why != "hopeless",
    }
}

impl World {
    /// What can happen now, each with the world after it.
    fn events(self) -> Vec<(Event, Self)> {
        let mut events = vec![(Event::Stop, self)];
        let store = |store_failed| Self {
            store_failed,
            ..self
        };
        events.push((Event::StoreFailed("full".to_owned()), store(true)));
        if self.store_failed && self.is_idle() {
            events.push((Event::StoreWorks, store(false)));
        }
        if self.acquiring {
            for is_standby in [true, false] {
                events.push((Event::Standing { is_standby }, self));
            }
            let owned = Self {
                acquiring: false,
                leased: true,
                ..self
            };
            events.push((Event::Owned, owned));
        }
        if self.acquiring || self.at_work {
            let ended = Self {
                acquiring: false,
                at_work: false,
                ..self
            };
            events.push((Event::Failed(trouble("panic")), ended));
            events.push((Event::Failed(trouble("hopeless")), ended));
            if self.at_work {
                events.push((Event::Ended, ended));
            }
        }
        if self.leased {
            events.push((Event::Lost("taken over".to_owned()), self));
        }
        if self.releasing {
            let released = Self {
                releasing: false,
                leased: false,
                ..self
            };
            events.push((Event::Released, released));
        }
        if self.timer {
            let due = Self {
                timer: false,
                ..self
            };
            events.push((Event::Due, due));
        }
        events
    }

    fn perform(&mut self, effect: &Effect) {
        match effect {
            Effect::Acquire => {
                assert!(self.is_idle(), "{self:?}");
                self.acquiring = true;
            }
            Effect::Abandon => self.acquiring = false,
            Effect::Work => {
                assert!(self.leased && !self.acquiring && !self.at_work, "{self:?}");
                self.at_work = true;
                self.told_to_end = false;
            }
            Effect::End => self.told_to_end = true,
            Effect::Release => {
                assert!(self.leased && !self.at_work && !self.releasing, "{self:?}");
                self.releasing = true;
            }
            Effect::Wake(_) => self.timer = true,
            Effect::Tell(_) => {}
        }
    }

    fn is_idle(self) -> bool {
        !self.acquiring && !self.leased && !self.at_work && !self.releasing
    }
}

fn after((life, _): &State, event: Event, mut world: World) -> State {
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
    (Life::begun(), world)
}

/// Every state that can be reached, with what led on from it.
fn explored() -> Vec<(State, Vec<(Event, State)>)> {
    let mut seen = BTreeSet::from([begun()]);
    let mut open = vec![begun()];
    let mut all = Vec::new();
    while let Some(state) = open.pop() {
        let events = state.1.events().into_iter();
        let followers: Vec<(Event, State)> = events
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
        let leads_out =
            |(event, next): &(Event, State)| *event != Event::Stop && next.0.phase != state.0.phase;
        let is_last = state.0.phase == LinkPhase::Stopped;
        assert_eq!(followers.iter().any(leads_out), !is_last, "{state:?}");
    }
}

#[test]
fn a_lost_lease_a_failed_store_and_a_stop_leave_nothing_at_work() {
    for (state, followers) in explored() {
        for (event, (life, world)) in followers {
            let ends = matches!(event, Event::Lost(_) | Event::StoreFailed(_) | Event::Stop);
            assert!(
                !ends || !world.at_work || world.told_to_end,
                "{state:?} {event:?}"
            );
            if matches!(event, Event::StoreFailed(_)) {
                let knows = life.phase.knows_of_store();
                assert!(knows, "{state:?} {life:?}");
            }
        }
    }
}

/// What was told to stop ends by the ends of what is under way alone.
#[test]
fn a_stop_always_ends() {
    for (state, _) in explored() {
        let mut state = after(&state, Event::Stop, state.1);
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
                (Event::Failed(trouble("late")), world)
            } else if releasing {
                let world = World {
                    releasing: false,
                    leased: false,
                    ..state.1
                };
                (Event::Released, world)
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
    let events: Vec<&Event> = events.map(|(event, _)| event).collect();
    let stopping = all.iter().filter(|it| it.0.0.phase.is_stopping());
    let lives: BTreeSet<&Life> = stopping.map(|((life, _), _)| life).collect();
    for life in lives {
        for event in &events {
            let (next, effects) = step(life.clone(), (*event).clone());
            assert!(next.phase.is_stopping(), "{life:?} {event:?}");
            let begins = |it: &Effect| matches!(it, Effect::Acquire | Effect::Work);
            assert!(!effects.iter().any(begins), "{life:?} {event:?}");
        }
    }
}

fn fails(life: Life, why: &str) -> (Life, u64, bool) {
    let (life, _) = step(life, Event::Owned);
    let (life, _) = step(life, Event::Failed(trouble(why)));
    let (life, effects) = step(life, Event::Released);
    let LinkPhase::Failed(failure) = &life.phase else {
        panic!("{life:?}");
    };
    let seconds = failure.retry_in.as_secs();
    let is_told = effects.contains(&Effect::Tell(News::Failed(failure.clone())));
    assert!(effects.contains(&Effect::Wake(failure.retry_in)));
    (step(life, Event::Due).0, seconds, is_told)
}

#[test]
fn delays_grow_to_a_minute_until_the_link_has_run_steadily() {
    let mut life = Life::begun();
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
    let (running, _) = step(next, Event::Owned);
    let (steady, effects) = step(running, Event::Due);
    assert_eq!(effects, [Effect::Tell(News::RunsSteadily)]);
    assert_eq!(steady.phase, LinkPhase::Running);
    let (failed, _) = step(steady, Event::Failed(trouble("another")));
    let (failed, _) = step(failed, Event::Released);
    assert_eq!(
        failed.phase,
        LinkPhase::Failed(Failure {
            why: "another".to_owned(),
            retry_in: RETRY_MIN
        })
    );
}

#[test]
fn what_only_an_operator_mends_is_tried_again_after_the_longest_delay() {
    assert_eq!(fails(Life::begun(), "hopeless").1, 60);
}

/// The name of a phase, without what it carries.
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

/// The phase after an event; nothing if it changes nothing.
fn cell(phase: &LinkPhase, event: &Event) -> Option<String> {
    let (after, _) = step(Life::begun().to(phase.clone()), event.clone());
    if after.phase == *phase {
        return None;
    }
    Some(match (phase, &after.phase) {
        (LinkPhase::Ending(_), LinkPhase::Ending(next))
        | (LinkPhase::Releasing(_), LinkPhase::Releasing(next)) => {
            let then = Life::begun().followed_by(next.clone()).0.phase;
            format!("then {}", name(&then))
        }
        (_, after) => name(after).to_owned(),
    })
}

fn table() -> String {
    let why = || "why".to_owned();
    let nexts = [
        Next::Acquire,
        Next::BeginAnew(trouble("panic")),
        Next::AwaitStore("before".to_owned()),
        Next::Stop,
    ];
    let failure = Failure {
        why: why(),
        retry_in: RETRY_MIN,
    };
    let columns: [Vec<LinkPhase>; 7] = [
        vec![LinkPhase::Acquiring],
        vec![LinkPhase::Standby],
        vec![LinkPhase::Running],
        nexts.iter().cloned().map(LinkPhase::Ending).collect(),
        nexts.iter().cloned().map(LinkPhase::Releasing).collect(),
        vec![LinkPhase::StoreFailed("before".to_owned())],
        vec![LinkPhase::Failed(failure)],
    ];
    let is_standby = |is_standby| Event::Standing { is_standby };
    let rows = [
        ("another process owns it", is_standby(true)),
        ("none does any more", is_standby(false)),
        ("it is owned", Event::Owned),
        ("its parts have ended", Event::Ended),
        ("an error or a panic", Event::Failed(trouble("panic"))),
        ("the lease is lost", Event::Lost(why())),
        ("the lease is given up", Event::Released),
        ("the checkpoint DB fails", Event::StoreFailed(why())),
        ("it works again", Event::StoreWorks),
        ("the time is over", Event::Due),
        ("stop", Event::Stop),
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
