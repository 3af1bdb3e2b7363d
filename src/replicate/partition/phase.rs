//! The phase of a mirror partition, and the troubles that interrupt it.

use crate::error::Error;
use crate::model::{HaltCode, Intent, Reason, TopicId};
use crate::replicate::resync::decision::Decision;

use super::route::Lanes;

/// The phase of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Reads both logs to find its position.
    Resyncing,
    /// Stores its start position; no record has been sent yet (H10).
    Starting(Lanes),
    /// Records flow.
    Flowing(Lanes),
    /// Sends nothing more and waits for every answer; the trouble then decides the next phase.
    Draining(Option<Trouble>),
    /// Writes the receipt of a record that the target refuses.
    Quarantining,
    /// Stores a decision.
    Deciding(Storing),
    /// Waits for a timer, then reads both logs again.
    Resting,
    /// Waits for an operator.
    Halted(Reason),
    /// Does nothing, because of its intent or a stop.
    Idle(Idle),
}

/// The write to the store while a partition decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storing {
    /// The decision by which a policy lets the partition go on.
    Decision,
    /// The decision to create the mirror topic anew.
    Reseed,
    /// Forgetting the state of a former mirror topic.
    Forgetting(Ids),
}

/// The reason why a partition does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Its intent isn't `mirror`.
    Intent(Intent, Option<Reason>),
    /// The worker ends.
    Stopped,
}

/// The topic ids under which a partition starts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    /// The source topic's.
    pub(crate) source: TopicId,
    /// The mirror topic's.
    pub(crate) target: TopicId,
}

/// The trouble for which a partition can't go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It may pass by itself.
    Retry(Failure),
    /// Needs an operator, unless a policy finds a decision.
    Halt(Reason),
    /// A policy decides about it.
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
    /// The same with all details.
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
