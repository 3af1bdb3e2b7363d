//! What happens to a mirror partition, and what has to be done about it: the language between a partition's lifecycle and
//! the worker.

use crate::model::{Intent, Policy, Reason};
use crate::replicate::resync::decision::{Decision, Outcome, Refused};

use super::phase::{Failure, Ids, Trouble};
use super::route::Lanes;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// What is wanted of the topic changed.
    Intent(Intent),
    /// Discovery found that the topic must not be mirrored.
    Conflict(Reason),
    /// The conflict is gone.
    ConflictGone,
    /// The mirror topic was created anew, as decided.
    Recreated(Ids),
    /// Something went wrong with what flowed.
    Trouble(Trouble),
    /// Nothing of the partition is in flight any more.
    Drained,
    /// Both logs were read.
    Resynced(Result<Resynced, Trouble>),
    /// Where the partition starts is durable, or isn't.
    StartStored(Result<(), Trouble>),
    /// The receipt of a refused record is on the target, or isn't.
    ReceiptWritten(Result<Box<Decision>, Trouble>),
    /// A decision is durable, or isn't; one with another source topic's id settles a conflict about it.
    Decided(Result<(Box<Outcome>, SettlesConflict), Trouble>),
    /// It is durable that the mirror topic is created anew, or isn't. The reason shown until it is.
    Reseeded(Result<(Box<Outcome>, Reason), Trouble>),
    /// What was known of the former mirror topic is forgotten, durably, or isn't.
    Forgotten(Result<(), Failure>),
    /// An operator lets a halted partition try again under the policy given.
    Released(Policy),
    /// The timer is due.
    Due,
    /// The worker ends.
    Stop,
}

/// Whether a decision settles what discovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SettlesConflict(pub(crate) bool);

/// What reading both logs found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resynced {
    /// It can flow on these connections.
    Flows(Lanes),
    /// The next record is refused by the target and is to be passed.
    Refused(Box<Refused>),
}

/// Something the worker has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Fetch and send nothing more on these connections, forget what was fetched.
    SendNothingMore(Lanes),
    /// End the reading of both logs early; its end is still awaited.
    AbandonResync,
    /// Read both logs.
    Resync,
    /// Store where the partition starts.
    StoreStart,
    /// Let it count as begun: where it starts is durable.
    Begin,
    /// Fetch and produce on these connections.
    Flow(Lanes),
    /// Write the receipt of a refused record.
    WriteReceipt(Box<Refused>),
    /// Store a decision.
    Decide(Box<Decision>),
    /// Store that the mirror topic is to be created anew.
    Reseed(Reason),
    /// Forget what is known of the former mirror topic, durably.
    Forget(Ids),
    /// Send [`Event::Due`] after a pause.
    Wait(Pause),
    /// Tell the operator who released the partition what was done, why not, or nothing if it was interrupted.
    Answer(Answer),
    /// Show and log it.
    Tell(Told),
}

/// What the operator who released a partition hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// What was done.
    Done(Box<Outcome>),
    /// Why it stands still.
    Halted(Reason),
    /// Nothing: something else went first, or nothing was to be decided.
    Nothing,
}

/// How long a timer runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Longer with each failure in a row.
    Backoff,
    /// Until an operator may have removed the cause from outside.
    Recheck,
}

/// What others are told of the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It begins anew.
    Preparing,
    /// Records flow.
    Flows,
    /// It tries again after a failure.
    Retries(Failure),
    /// It tries again, under a policy, to find what can be decided.
    Decides(Reason, Policy),
    /// It went on by a decision.
    WentOn(Box<Outcome>),
    /// It stands still for an operator.
    Halted(Reason),
    /// It does nothing, as was asked for; what it stood still for before.
    Idle(Intent, Option<Reason>),
}
