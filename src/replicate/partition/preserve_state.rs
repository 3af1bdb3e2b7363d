//! State of a partition whose target offsets equal its source offsets. Plain data.

use crate::model::TargetOffset;
use crate::replicate::preserve::filler::Filler;

/// The state of a partition in preserve mode between two resyncs.
#[derive(Debug)]
pub(crate) struct Preserving {
    /// The offset of the first mirrored record; everything before it is filled and deleted again.
    pub(crate) origin: TargetOffset,
    /// Whether nothing before the origin is left to delete.
    pub(crate) trimmed: bool,
    /// Whether markers of earlier requests may still land: the next one is written under a higher epoch.
    pub(crate) fences: bool,
    /// The epoch of the markers last requested.
    pub(crate) epoch: i16,
    /// The chore to finish before more records may follow.
    pub(crate) chore: Option<Chore>,
    /// The filler of the prefix.
    pub(crate) filler: Filler,
}

/// A task at the mirror partition while nothing else is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chore {
    /// What.
    pub(crate) task: Task,
    /// Its progress.
    pub(crate) turn: Turn,
}

impl Chore {
    /// A new chore, which waits for the answers in flight.
    pub(crate) fn due(task: Task) -> Self {
        Self {
            task,
            turn: Turn::Due,
        }
    }
}

/// The task of a chore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Fill a gap up to this offset.
    Fill(TargetOffset),
    /// Delete everything before this offset.
    Trim(TargetOffset),
}

/// The step before markers may be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// None: they may be requested.
    Nothing,
    /// The epoch that fences others has to be stored.
    Store,
    /// No epoch is left: a new producer id has to take over.
    Renew,
}

/// The progress of a chore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Waits for the answers in flight.
    Due,
    /// Waits until the epoch that fences others is stored.
    Storing(i16),
    /// Waits for its turn at the broker.
    Queued,
    /// Waits for an answer; with the number of markers requested.
    Sent(i64),
}
