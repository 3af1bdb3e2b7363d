//! The lifecycle of a mirror partition: the one place that decides about it.
//!
//! [`Lifecycle::step`] takes an event and returns the effects; the worker performs them and feeds their results back as
//! events. Pure: no I/O, no clock, and nothing else assigns a phase. External changes (an intent, a conflict found by
//! discovery, a recreated mirror topic, a stop) are events whose content is remembered here, so that no other code has to
//! check for them. `docs/lifecycle.md` holds the table of all transitions, which a test generates.

mod state;

use crate::model::{Intent, Policies, Policy, Reason};
use crate::replicate::resync::decision::{Decision, DecisionOutcome};

use super::effect::{Effect, Event, News, Pause, ResolveAnswer, Resynced, SettlesConflict};
use super::phase::{Idle, Ids, Phase, Storing, TransientFailure, Trouble};
use super::route::Lanes;

pub(crate) use state::Lifecycle;

/// The effects of one event, in the order to perform them.
pub(crate) type Effects = Vec<Effect>;

impl Lifecycle {
    /// Takes an event under the current `policies` and returns the effects.
    pub(crate) fn advance(&mut self, event: Event, policies: Policies) -> Effects {
        self.policies = policies;
        let (next, effects) = self.clone().step(event);
        *self = next;
        effects
    }

    /// Returns the next state and the effects of an event.
    pub(crate) fn step(mut self, event: Event) -> (Self, Effects) {
        match event {
            Event::Intent(intent) => {
                let changes = self.intent != intent;
                self.intent = intent;
                match (changes, &self.phase) {
                    (false, _) => (self, Vec::new()),
                    (true, Phase::Idle(Idle::Intent(..))) => self.proceed(None),
                    (true, _) if intent == Intent::Mirror => (self, Vec::new()),
                    (true, _) => self.interrupted(None),
                }
            }
            Event::Conflict(reason) => {
                self.forget_conflict();
                self.conflict = Some(reason);
                self.interrupted(None)
            }
            Event::ConflictGone => {
                self.forget_conflict();
                match self.phase {
                    Phase::Halted(_) | Phase::Idle(Idle::Intent(..)) => self.proceed(None),
                    _ => (self, Vec::new()),
                }
            }
            Event::Recreated(ids) => self.begins_anew(ids),
            Event::Stop => {
                self.stopping = true;
                self.interrupted(None)
            }
            Event::Trouble(trouble) => self.interrupted(Some(trouble)),
            Event::Drained => match self.phase {
                Phase::Draining(trouble) => {
                    self.phase = Phase::Resting;
                    self.proceed(trouble)
                }
                _ => (self, Vec::new()),
            },
            Event::Resynced(result) => match self.phase {
                Phase::Resyncing => self.resynced(result),
                _ => (self, Vec::new()),
            },
            Event::StartStored(result) => self.start_stored(result),
            Event::ReceiptWritten(result) => match (&self.phase, result) {
                (Phase::Quarantining, Ok(decision)) => {
                    self.proceed(Some(Trouble::Decided(decision)))
                }
                (Phase::Quarantining, Err(trouble)) => self.proceed(Some(trouble)),
                (_, _) => (self, Vec::new()),
            },
            Event::Decided(result) => self.decided(result),
            Event::Reseeded(result) => self.reseeded(result),
            Event::Forgotten(result) => self.forgotten(result),
            Event::Released(policy) => self.released(policy),
            Event::Due => match self.phase {
                Phase::Resting => self.resync(),
                // Only discovery ends a conflict.
                Phase::Halted(_) if self.conflict.is_none() => self.resync(),
                _ => (self, Vec::new()),
            },
        }
    }

    fn begins_anew(mut self, ids: Ids) -> (Self, Effects) {
        let known = self.recreated.replace(ids) == Some(ids);
        self.forget_conflict();
        self.pending = None;
        if known {
            (self, Vec::new())
        } else {
            self.interrupted(None)
        }
    }

    fn forget_conflict(&mut self) {
        let gone = self.conflict.take();
        if self.pending == gone {
            self.pending = None;
        }
        if let Phase::Idle(Idle::Intent(_, reason)) = &mut self.phase
            && *reason == gone
        {
            *reason = None;
        }
    }

    /// Handles trouble, or else an external change: work under way ends first.
    fn interrupted(mut self, trouble: Option<Trouble>) -> (Self, Effects) {
        let by_change = trouble.is_none();
        let first = match &self.phase {
            Phase::Flowing(lanes) => vec![Effect::SendNothingMore(*lanes)],
            Phase::Resyncing => vec![Effect::AbandonResync],
            Phase::Starting(_) => Vec::new(),
            Phase::Quarantining if by_change => Vec::new(),
            Phase::Resting => return self.proceed(trouble),
            Phase::Halted(_) | Phase::Idle(_) if by_change => return self.proceed(None),
            // A write to the store that is under way completes first, and the first trouble explains the ones that follow
            // from it.
            Phase::Draining(_)
            | Phase::Quarantining
            | Phase::Deciding(_)
            | Phase::Halted(_)
            | Phase::Idle(_) => return (self, Vec::new()),
        };
        self.phase = Phase::Draining(trouble);
        (self, first)
    }

    /// Returns the next phase once nothing is in flight; the strictest cause takes precedence.
    fn proceed(mut self, trouble: Option<Trouble>) -> (Self, Effects) {
        if self.stopping {
            self.phase = Phase::Idle(Idle::Stopped);
            return (self, vec![Effect::Answer(ResolveAnswer::Nothing)]);
        }
        if self.intent != Intent::Mirror {
            return self.idle(trouble);
        }
        if let Some(ids) = self.recreated {
            self.phase = Phase::Deciding(Storing::Forgetting(ids));
            (self.pending, self.begun) = (None, false);
            return (
                self,
                vec![Effect::Tell(News::Preparing), Effect::Forget(ids)],
            );
        }
        match (trouble, self.conflict.clone()) {
            (Some(Trouble::Decided(decision)), _) => self.decide(decision),
            (_, Some(reason)) | (Some(Trouble::Halt(reason)), None) => self.halted(reason),
            (Some(Trouble::Retry(failure)), None) => self.rest(failure),
            (None, None) => self.resync(),
        }
    }

    /// The reason of a halt is kept: a failover from a paused link must not trust what is in doubt. An open topic isn't
    /// judged.
    fn idle(mut self, trouble: Option<Trouble>) -> (Self, Effects) {
        let known = match (self.phase, trouble) {
            (_, Some(Trouble::Halt(reason)))
            | (Phase::Halted(reason) | Phase::Idle(Idle::Intent(_, Some(reason))), _) => {
                Some(reason)
            }
            (_, _) => None,
        };
        let reason = self.conflict.clone().or(known);
        let reason = reason.filter(|_| self.intent != Intent::Open);
        self.phase = Phase::Idle(Idle::Intent(self.intent, reason.clone()));
        self.pending = None;
        let told = News::Idle(self.intent, reason);
        (
            self,
            vec![Effect::Answer(ResolveAnswer::Nothing), Effect::Tell(told)],
        )
    }

    fn decide(mut self, decision: Box<Decision>) -> (Self, Effects) {
        let (storing, effect) = if decision.policy == Policy::Reseed {
            (Storing::Reseed, Effect::Reseed(decision.reason))
        } else {
            (Storing::Decision, Effect::Decide(decision))
        };
        self.phase = Phase::Deciding(storing);
        (self, vec![effect])
    }

    /// A policy other than `halt` gets one reading of both logs to find a decision.
    fn halted(mut self, reason: Reason) -> (Self, Effects) {
        let policy = self.policies.on(reason.code);
        if policy != Policy::Halt && self.pending.is_none() {
            self.phase = Phase::Resting;
            self.pending = Some(reason.clone());
            let told = News::Decides(reason, policy);
            return (self, vec![Effect::Tell(told), Effect::Wait(Pause::Backoff)]);
        }
        self.pending = None;
        let mut effects = vec![
            Effect::Answer(ResolveAnswer::Halted(reason.clone())),
            Effect::Tell(News::Halted(reason.clone())),
        ];
        if reason.code.heals() && self.conflict.is_none() {
            effects.push(Effect::Wait(Pause::Recheck));
        }
        self.phase = Phase::Halted(reason);
        (self, effects)
    }

    fn resync(mut self) -> (Self, Effects) {
        if self.stopping || self.intent != Intent::Mirror || self.recreated.is_some() {
            return self.proceed(None);
        }
        let was_idle = matches!(self.phase, Phase::Idle(_));
        self.phase = Phase::Resyncing;
        let mut effects = vec![Effect::Resync];
        if was_idle {
            effects.insert(0, Effect::Tell(News::Preparing));
        }
        (self, effects)
    }

    fn resynced(mut self, result: Result<Resynced, Trouble>) -> (Self, Effects) {
        match result {
            Err(trouble) => self.proceed(Some(trouble)),
            Ok(Resynced::Refused(refused)) => {
                self.phase = Phase::Quarantining;
                (self, vec![Effect::WriteReceipt(refused)])
            }
            // The trouble to decide about may be gone, but discovery's conflict isn't.
            Ok(Resynced::Flows(_)) if self.conflict.is_some() => self.proceed(None),
            Ok(Resynced::Flows(lanes)) => {
                self.pending = None;
                let answer = Effect::Answer(ResolveAnswer::Nothing);
                if self.begun {
                    self.flows(answer, lanes)
                } else {
                    self.phase = Phase::Starting(lanes);
                    (self, vec![answer, Effect::StoreStart])
                }
            }
        }
    }

    fn flows(mut self, first: Effect, lanes: Lanes) -> (Self, Effects) {
        self.phase = Phase::Flowing(lanes);
        let effects = vec![first, Effect::Tell(News::Flows), Effect::Flow(lanes)];
        (self, effects)
    }

    fn start_stored(mut self, result: Result<(), Trouble>) -> (Self, Effects) {
        match (result, &self.phase) {
            (Ok(()), &Phase::Starting(lanes)) => {
                self.begun = true;
                self.flows(Effect::Begin, lanes)
            }
            (Ok(()), Phase::Draining(_)) => {
                self.begun = true;
                (self, vec![Effect::Begin])
            }
            (Err(trouble), Phase::Starting(_)) => self.proceed(Some(trouble)),
            (_, _) => (self, Vec::new()),
        }
    }

    fn decided(
        mut self,
        result: Result<(Box<DecisionOutcome>, SettlesConflict), Trouble>,
    ) -> (Self, Effects) {
        if self.phase != Phase::Deciding(Storing::Decision) {
            return (self, Vec::new());
        }
        match result {
            Ok((outcome, SettlesConflict(settles))) => {
                (self.begun, self.pending) = (true, None);
                if settles {
                    self.conflict = None;
                }
                let told = vec![
                    Effect::Tell(News::WentOn(outcome.clone())),
                    Effect::Answer(ResolveAnswer::Done(outcome)),
                ];
                self.proceed_after(told)
            }
            Err(trouble) => self.proceed(Some(trouble)),
        }
    }

    fn reseeded(
        mut self,
        result: Result<(Box<DecisionOutcome>, Reason), Trouble>,
    ) -> (Self, Effects) {
        if self.phase != Phase::Deciding(Storing::Reseed) {
            return (self, Vec::new());
        }
        match result {
            Ok((outcome, reason)) => {
                (self.conflict, self.pending) = (Some(reason), None);
                self.proceed_after(vec![Effect::Answer(ResolveAnswer::Done(outcome))])
            }
            Err(trouble) => self.proceed(Some(trouble)),
        }
    }

    fn forgotten(mut self, result: Result<(), TransientFailure>) -> (Self, Effects) {
        let Phase::Deciding(Storing::Forgetting(ids)) = self.phase else {
            return (self, Vec::new());
        };
        match result {
            Ok(()) => {
                self.recreated = self.recreated.filter(|newer| *newer != ids);
                self.proceed(None)
            }
            Err(_) if self.stopping || self.intent != Intent::Mirror => self.proceed(None),
            // The state still has to be forgotten when the timer fires.
            Err(failure) => self.rest(failure),
        }
    }

    fn rest(mut self, failure: TransientFailure) -> (Self, Effects) {
        self.phase = Phase::Resting;
        let told = News::Retries(failure);
        (self, vec![Effect::Tell(told), Effect::Wait(Pause::Backoff)])
    }

    fn released(mut self, policy: Policy) -> (Self, Effects) {
        let Phase::Halted(reason) = &self.phase else {
            return (self, vec![Effect::Answer(ResolveAnswer::Nothing)]);
        };
        let reason = reason.clone();
        if policy == Policy::Reseed {
            self.phase = Phase::Deciding(Storing::Reseed);
            return (self, vec![Effect::Reseed(reason)]);
        }
        self.pending = Some(reason);
        self.resync()
    }

    fn proceed_after(self, mut first: Effects) -> (Self, Effects) {
        let (next, effects) = self.proceed(None);
        first.extend(effects);
        (next, first)
    }
}

#[cfg(test)]
mod tests;
