//! What a mirror partition is doing, and why it can't go on if it can't.

use crate::error::Error;
use crate::model::{HaltCode, Intent, Reason, TopicId};
use crate::replicate::resync::decision::Decision;

use super::route::Lanes;

/// What the partition is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Reads both logs to find out where to go on.
    Resyncing,
    /// Stores where it starts; no record has moved yet (H10).
    Starting(Lanes),
    /// Records flow.
    Flowing(Lanes),
    /// Sends nothing more and waits for every answer; then the trouble decides what follows.
    Draining(Option<Trouble>),
    /// Writes the receipt of a record that the target refuses.
    Quarantining,
    /// Stores a decision.
    Deciding(Storing),
    /// Waits for a timer, then reads both logs again.
    Resting,
    /// Waits for an operator.
    Halted(Reason),
    /// Does nothing, as was asked for.
    Idle(Idle),
}

/// What is being stored while a partition decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storing {
    /// How a policy lets the partition go on.
    Decision,
    /// That the mirror topic is created anew.
    Reseed,
    /// That everything known of a former mirror topic is forgotten.
    Forgetting(Ids),
}

/// Why a partition does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Its intent isn't `mirror`.
    Intent(Intent),
    /// The worker ends.
    Stopped,
}

/// The ids under which a partition begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    /// The source topic's.
    pub(crate) source: TopicId,
    /// The mirror topic's.
    pub(crate) target: TopicId,
}

/// Why a partition can't go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It may pass by itself.
    Retry(Failure),
    /// An operator has to look, unless a policy finds what to do about it.
    Halt(Reason),
    /// A policy says what to do about it.
    Decided(Box<Decision>),
}

impl Trouble {
    /// An error that may pass by itself.
    pub(crate) fn retry(error: &Error) -> Self {
        Self::Retry(Failure::from(error))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code() {
            // TOPIC_, GROUP_ and CLUSTER_AUTHORIZATION_FAILED
            Some(code) if matches!(code.0, 29..=31) => {
                Self::Halt(Reason::new(HaltCode::NotPermitted, error.chain()))
            }
            _ => Self::retry(&error),
        }
    }
}

/// A failure that may pass by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What failed, without the partition: failures with the same cause are logged once.
    pub(crate) cause: String,
    /// The same with all circumstances.
    pub(crate) chain: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            cause: error.message().to_owned(),
            chain: error.chain(),
        }
    }
}
