//! Phases of a mirror partition, and the troubles that interrupt it.

use crate::error::{Error, Kind};
use crate::kafka::acl::is_not_permitted;
use crate::model::{HaltCode, Intent, Reason, SourceOffset, TopicId};
use crate::replicate::resync::decision::Decision;

use super::route::Lanes;

/// The phase of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Reading both logs to find the position.
    Resyncing,
    /// Storing the start position; no record has been sent yet (H10).
    Starting(Lanes),
    /// Fetching and producing.
    Flowing(Lanes),
    /// Sending nothing more while answers are outstanding; the trouble then decides the next phase.
    Draining(Option<Trouble>),
    /// Writing the receipt of a record that the target refuses.
    Quarantining,
    Deciding(Storing),
    /// Waiting for a timer before reading both logs again.
    Resting,
    /// Waiting for an operator.
    Halted(Reason),
    /// Doing nothing, because of the intent or a stop.
    Idle(Idle),
}

/// Where a partition starts of which nothing is mirrored yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartPosition {
    /// At the first record that the source still has.
    Earliest,
    /// At the offset that the link's first look found.
    Resolved(SourceOffset),
    /// At the first record with one of these times, in milliseconds since 1970, or at the next record.
    Unresolved {
        /// The time that `start` names; `None` for `latest`.
        time_ms: Option<i64>,
        /// When the link looked, if it did: what was written since then is mirrored.
        looked_at_ms: Option<i64>,
    },
}

/// What a deciding partition is writing to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storing {
    /// A policy's decision that lets the partition resume.
    Decision,
    /// The decision to recreate the mirror topic.
    Reseed,
    /// The removal of a former mirror topic's state.
    Forgetting(Ids),
}

/// Why a partition does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Idle {
    /// The intent isn't `mirror`; with the reason the partition was halted for before, if any.
    Intent(Intent, Option<Reason>),
    Stopped,
}

/// The topic ids under which a partition starts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ids {
    pub(crate) source: TopicId,
    pub(crate) target: TopicId,
}

/// Trouble that keeps a partition from continuing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// May pass without intervention.
    Retry(TransientFailure),
    /// Needs an operator, unless a policy finds a decision.
    Halt(Reason),
    /// Settled by a policy.
    Decided(Box<Decision>),
}

impl Trouble {
    /// Returns the trouble for an error that may pass without intervention.
    pub(crate) fn retry(error: &Error) -> Self {
        Self::Retry(TransientFailure::from(error))
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(code) if is_not_permitted(code) => {
                Self::Halt(Reason::new(HaltCode::NotPermitted, error.chain()))
            }
            _ => Self::retry(&error),
        }
    }
}

/// A failure that may pass without intervention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransientFailure {
    /// What failed, without naming the partition: failures of several partitions with the same cause are told once.
    pub(crate) text: String,
    /// Whether a connection failed, or wasn't answered in time.
    pub(crate) is_connection: bool,
}

impl From<&Error> for TransientFailure {
    fn from(error: &Error) -> Self {
        Self {
            text: error.without_partition(),
            is_connection: matches!(error.kind(), Kind::Disconnected | Kind::TimedOut),
        }
    }
}
