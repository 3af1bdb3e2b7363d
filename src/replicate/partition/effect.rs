//! Events and effects: the interface between a mirror partition's lifecycle and its worker.

use crate::model::{Intent, Policy, Reason};
use crate::replicate::resync::decision::{Decision, DecisionOutcome, Refused};

use super::phase::{Ids, TransientFailure, Trouble};
use super::route::Lanes;

/// What happened to a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Intent(Intent),
    /// Discovery found that the topic must not be mirrored, for this reason.
    Conflict(Reason),
    ConflictGone,
    /// The mirror topic was recreated, as decided.
    Recreated(Ids),
    Trouble(Trouble),
    /// Nothing of this partition is in flight any more.
    Drained,
    /// Both logs were read.
    Resynced(Result<Resynced, Trouble>),
    /// The start position is durable, or couldn't be stored.
    StartStored(Result<(), Trouble>),
    /// The receipt of a refused record is on the target, or couldn't be written.
    ReceiptWritten(Result<Box<Decision>, Trouble>),
    /// A decision is durable or couldn't be stored; one that names another source topic id settles the conflict over it.
    Decided(Result<(Box<DecisionOutcome>, SettlesConflict), Trouble>),
    /// The decision to recreate the mirror topic is durable or couldn't be stored. On success it carries the reason shown
    /// until the topic exists.
    Reseeded(Result<(Box<DecisionOutcome>, Reason), Trouble>),
    /// The state of the former mirror topic was durably forgotten, or that couldn't be stored.
    Forgotten(Result<(), TransientFailure>),
    /// An operator lets a halted partition retry under this policy.
    Released(Policy),
    /// The partition's timer fired.
    Due,
    /// The worker is stopping.
    Stop,
}

/// Whether a decision settles the conflict that discovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SettlesConflict(pub(crate) bool);

/// The outcome of reading both logs successfully.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resynced {
    /// Records can flow on these connections.
    Flows(Lanes),
    /// The target refuses the next record, which the policy skips.
    Refused(Box<Refused>),
}

/// An action the worker performs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Stop fetching and sending on these connections, and discard what was fetched.
    SendNothingMore(Lanes),
    /// Abandon reading both logs; its end is still awaited.
    AbandonResync,
    Resync,
    StoreStart,
    /// Mark the partition as begun: its start position is durable.
    Begin,
    Flow(Lanes),
    WriteReceipt(Box<Refused>),
    Decide(Box<Decision>),
    /// Store the decision to recreate the mirror topic, and why.
    Reseed(Reason),
    /// Durably forget the state of the former mirror topic.
    Forget(Ids),
    /// Send [`Event::Due`] after a pause.
    Wait(Pause),
    /// Answer the operator that released the partition; an interrupted release gets no outcome.
    Answer(ResolveAnswer),
    Tell(News),
}

/// The answer to an operator's release of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResolveAnswer {
    /// The decision that was carried out.
    Done(Box<DecisionOutcome>),
    /// The partition is halted, for this reason.
    Halted(Reason),
    /// Nothing was done: something else took precedence, or there was nothing to decide.
    Nothing,
}

/// The duration of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Grows with each consecutive failure.
    Backoff,
    /// The interval of checks whether an operator has removed the cause.
    Recheck,
}

/// A change of state to show and log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// The partition starts over.
    Preparing,
    Flows,
    /// The partition retries after a failure.
    Retries(TransientFailure),
    /// The partition retries under a policy, to find a decision.
    Decides(Reason, Policy),
    /// The partition resumed by a decision.
    WentOn(Box<DecisionOutcome>),
    /// The partition waits for an operator.
    Halted(Reason),
    /// The partition does nothing because of its intent or a stop; with the reason it was halted for before, if any.
    Idle(Intent, Option<Reason>),
}
