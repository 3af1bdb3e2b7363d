//! Events and effects of a mirror partition: the language between its lifecycle and the worker.

use crate::model::{Intent, Policy, Reason};
use crate::replicate::resync::decision::{Decision, Outcome, Refused};

use super::phase::{Failure, Ids, Trouble};
use super::route::Lanes;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The intent of the topic changed.
    Intent(Intent),
    /// Discovery found that the topic must not be mirrored.
    Conflict(Reason),
    /// The conflict is gone.
    ConflictGone,
    /// The mirror topic was created anew, as decided.
    Recreated(Ids),
    /// Fetching or producing failed.
    Trouble(Trouble),
    /// Nothing of the partition is in flight any more.
    Drained,
    /// Both logs were read.
    Resynced(Result<Resynced, Trouble>),
    /// The start position is durable, or couldn't be stored.
    StartStored(Result<(), Trouble>),
    /// The receipt of a refused record is on the target, or couldn't be written.
    ReceiptWritten(Result<Box<Decision>, Trouble>),
    /// A decision is durable, or couldn't be stored; one with another source topic's id settles a conflict about it.
    Decided(Result<(Box<Outcome>, SettlesConflict), Trouble>),
    /// The decision to create the mirror topic anew is durable, or couldn't be stored. With the reason shown until the topic
    /// exists.
    Reseeded(Result<(Box<Outcome>, Reason), Trouble>),
    /// The state of the former mirror topic is forgotten durably, or that couldn't be stored.
    Forgotten(Result<(), Failure>),
    /// An operator lets a halted partition try again under the policy given.
    Released(Policy),
    /// The timer is due.
    Due,
    /// The worker ends.
    Stop,
}

/// Whether a decision settles the conflict that discovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SettlesConflict(pub(crate) bool);

/// The outcome of reading both logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resynced {
    /// It can flow on these connections.
    Flows(Lanes),
    /// The next record is refused by the target and is to be skipped.
    Refused(Box<Refused>),
}

/// An effect for the worker to perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Fetch and send nothing more on these connections, and discard what was fetched.
    SendNothingMore(Lanes),
    /// Abandon the reading of both logs; its end is still awaited.
    AbandonResync,
    /// Read both logs.
    Resync,
    /// Store the start position.
    StoreStart,
    /// Mark it as begun: the start position is durable.
    Begin,
    /// Fetch and produce on these connections.
    Flow(Lanes),
    /// Write the receipt of a refused record.
    WriteReceipt(Box<Refused>),
    /// Store a decision.
    Decide(Box<Decision>),
    /// Store that the mirror topic is to be created anew.
    Reseed(Reason),
    /// Forget the state of the former mirror topic, durably.
    Forget(Ids),
    /// Send [`Event::Due`] after a pause.
    Wait(Pause),
    /// Tell the operator that released the partition what was done, why not, or nothing if it was interrupted.
    Answer(Answer),
    /// Show and log this.
    Tell(Told),
}

/// The answer to the operator that released a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was done.
    Done(Box<Outcome>),
    /// The reason for which it stands still.
    Halted(Reason),
    /// Nothing: something else took precedence, or there was nothing to decide.
    Nothing,
}

/// The duration of a timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Longer with each failure in a row.
    Backoff,
    /// Until the next check whether an operator has removed the cause.
    Recheck,
}

/// The news shown and logged about the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It starts over.
    Preparing,
    /// Records flow.
    Flows,
    /// It tries again after a failure.
    Retries(Failure),
    /// It tries again, under a policy, to find what can be decided.
    Decides(Reason, Policy),
    /// It continued by a decision.
    WentOn(Box<Outcome>),
    /// It stands still for an operator.
    Halted(Reason),
    /// It does nothing, because of its intent or a stop; with the reason for which it stood still before.
    Idle(Intent, Option<Reason>),
}
