//! The state machine of an operation: the phase that follows an event. Pure, total, and never blocks.
//!
//! An event that doesn't belong to a phase changes nothing: it is the late outcome of an effect that was repeated.

use super::plan::{Blocker, BlockerCode};
use super::states::{Ends, Event, Moves, Phase};

#[cfg(test)]
mod tests;

/// What follows an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The same phase: perform its effect again.
    Again,
    /// This phase: persist it, then perform its effect.
    Enter(Phase),
    /// Nothing: the event doesn't belong to the phase.
    Ignore,
}

/// The transition of an operation in `phase` on `event`.
pub fn step(phase: &Phase, event: Event) -> Next {
    match phase {
        Phase::Draining {
            deadline_ms,
            rested,
            ..
        } => drain(*deadline_ms, rested.as_ref(), phase, event),
        Phase::Fixing => fix(phase, event),
        Phase::Freezing { moves } => freeze(moves, event),
        Phase::Checking { moves } => check(moves, event),
        Phase::Committing { moves } => commit(moves, phase, event),
        Phase::Verifying { moves } => verify(moves, phase, event),
        Phase::Thawing { moves, blockers } => thaw(moves, blockers, phase, event),
        Phase::Done { .. } | Phase::Stopped { .. } => rest(&event),
    }
}

/// Why an operation still waits when every look finds everything at rest, but at higher ends than before.
const STILL_WRITTEN: &str = "records are still being written on the source: stop the writers";

/// Two consecutive looks must find everything at rest, and at the same ends.
fn drain(deadline_ms: i64, rested: Option<&Ends>, phase: &Phase, event: Event) -> Next {
    match event {
        Event::Looked {
            ends, waits_for, ..
        } if waits_for.is_empty() && rested == Some(&ends) => Next::Enter(Phase::Fixing),
        Event::Looked {
            ends,
            waits_for,
            now_ms,
        } if waits_for.is_empty() && (now_ms < deadline_ms || rested.is_none()) => {
            let moving = rested.map(|_| STILL_WRITTEN.to_owned());
            Next::Enter(Phase::Draining {
                deadline_ms,
                rested: Some(ends),
                waits_for: moving.into_iter().collect(),
            })
        }
        Event::Looked {
            mut waits_for,
            now_ms,
            ..
        } if now_ms >= deadline_ms => {
            if waits_for.is_empty() {
                waits_for.push(STILL_WRITTEN.to_owned());
            }
            let late = |what: String| Blocker::new(BlockerCode::NotDrained, what);
            stop(phase, None, waits_for.into_iter().map(late).collect())
        }
        Event::Looked { waits_for, .. } => Next::Enter(Phase::Draining {
            deadline_ms,
            rested: None,
            waits_for,
        }),
        Event::TakenUp | Event::Failed => Next::Again,
        Event::GaveUp(blocker) | Event::Cancelled(blocker) => stop(phase, None, vec![blocker]),
        Event::Refused(blockers) => stop(phase, None, blockers),
        Event::Fixed(_)
        | Event::Frozen
        | Event::Cleared
        | Event::Committed
        | Event::Matched
        | Event::Differs(_)
        | Event::Thawed => Next::Ignore,
    }
}

fn fix(phase: &Phase, event: Event) -> Next {
    match event {
        Event::Fixed(moves) => Next::Enter(Phase::Freezing { moves }),
        Event::TakenUp | Event::Failed => Next::Again,
        Event::GaveUp(blocker) | Event::Cancelled(blocker) => stop(phase, None, vec![blocker]),
        Event::Refused(blockers) => stop(phase, None, blockers),
        Event::Looked { .. }
        | Event::Frozen
        | Event::Cleared
        | Event::Committed
        | Event::Matched
        | Event::Differs(_)
        | Event::Thawed => Next::Ignore,
    }
}

fn freeze(moves: &Moves, event: Event) -> Next {
    match event {
        Event::Frozen => Next::Enter(Phase::Checking {
            moves: Moves::clone(moves),
        }),
        Event::TakenUp | Event::Failed => Next::Again,
        Event::GaveUp(blocker) | Event::Cancelled(blocker) => take_back(moves, vec![blocker]),
        Event::Refused(blockers) => take_back(moves, blockers),
        Event::Looked { .. }
        | Event::Fixed(_)
        | Event::Cleared
        | Event::Committed
        | Event::Matched
        | Event::Differs(_)
        | Event::Thawed => Next::Ignore,
    }
}

fn check(moves: &Moves, event: Event) -> Next {
    match event {
        Event::Cleared => Next::Enter(Phase::Committing {
            moves: Moves::clone(moves),
        }),
        Event::TakenUp | Event::Failed => Next::Again,
        Event::GaveUp(blocker) | Event::Cancelled(blocker) => take_back(moves, vec![blocker]),
        Event::Refused(blockers) => take_back(moves, blockers),
        Event::Looked { .. }
        | Event::Fixed(_)
        | Event::Frozen
        | Event::Committed
        | Event::Matched
        | Event::Differs(_)
        | Event::Thawed => Next::Ignore,
    }
}

/// Some offsets may be committed already, so the groups stay frozen whatever happens.
fn commit(moves: &Moves, phase: &Phase, event: Event) -> Next {
    match event {
        Event::Committed => Next::Enter(Phase::Verifying {
            moves: Moves::clone(moves),
        }),
        Event::TakenUp | Event::Failed => Next::Again,
        Event::GaveUp(blocker) => stop(phase, Some(moves), vec![blocker]),
        Event::Refused(blockers) => stop(phase, Some(moves), blockers),
        Event::Cancelled(_)
        | Event::Looked { .. }
        | Event::Fixed(_)
        | Event::Frozen
        | Event::Cleared
        | Event::Matched
        | Event::Differs(_)
        | Event::Thawed => Next::Ignore,
    }
}

fn verify(moves: &Moves, phase: &Phase, event: Event) -> Next {
    match event {
        Event::Matched => Next::Enter(Phase::Done {
            moves: Moves::clone(moves),
        }),
        Event::Differs(blockers) => stop(phase, Some(moves), blockers),
        Event::TakenUp | Event::Failed => Next::Again,
        Event::GaveUp(blocker) => stop(phase, Some(moves), vec![blocker]),
        Event::Cancelled(_)
        | Event::Looked { .. }
        | Event::Fixed(_)
        | Event::Frozen
        | Event::Cleared
        | Event::Refused(_)
        | Event::Committed
        | Event::Thawed => Next::Ignore,
    }
}

fn thaw(moves: &Moves, blockers: &[Blocker], phase: &Phase, event: Event) -> Next {
    match event {
        Event::Thawed => stop(phase, Some(moves), blockers.to_vec()),
        Event::GaveUp(blocker) => {
            let all = blockers.iter().cloned().chain([blocker]).collect();
            stop(phase, Some(moves), all)
        }
        Event::TakenUp | Event::Failed => Next::Again,
        Event::Cancelled(_)
        | Event::Looked { .. }
        | Event::Fixed(_)
        | Event::Frozen
        | Event::Cleared
        | Event::Refused(_)
        | Event::Committed
        | Event::Matched
        | Event::Differs(_) => Next::Ignore,
    }
}

fn rest(event: &Event) -> Next {
    match event {
        Event::TakenUp
        | Event::Failed
        | Event::GaveUp(_)
        | Event::Cancelled(_)
        | Event::Looked { .. }
        | Event::Fixed(_)
        | Event::Frozen
        | Event::Cleared
        | Event::Refused(_)
        | Event::Committed
        | Event::Matched
        | Event::Differs(_)
        | Event::Thawed => Next::Ignore,
    }
}

fn take_back(moves: &Moves, blockers: Vec<Blocker>) -> Next {
    let moves = Moves::clone(moves);
    Next::Enter(Phase::Thawing { moves, blockers })
}

fn stop(phase: &Phase, moves: Option<&Moves>, blockers: Vec<Blocker>) -> Next {
    Next::Enter(Phase::Stopped {
        at: phase.name(),
        moves: moves.map(Moves::clone).unwrap_or_default(),
        blockers,
    })
}
