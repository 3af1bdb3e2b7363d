//! What a partition keeps in mind whose target offsets equal its source offsets. Plain data.

use crate::model::TargetOffset;
use crate::replicate::preserve::filler::Filler;

/// The state of a partition in preserve mode between two settlings.
#[derive(Debug)]
pub(crate) struct Preserving {
    /// Where the first mirrored record is; everything before is filled and deleted again.
    pub(crate) origin: TargetOffset,
    /// Whether nothing before the origin is left to delete.
    pub(crate) trimmed: bool,
    /// Whether markers of earlier requests may still land: the next one is written under a higher epoch.
    pub(crate) fences: bool,
    /// The epoch of the markers that were asked for last.
    pub(crate) epoch: i16,
    /// What has to be done before more records may follow.
    pub(crate) chore: Option<Chore>,
    /// What fills the prefix.
    pub(crate) filler: Filler,
}

/// Something to do at the mirror partition while nothing else is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chore {
    /// What.
    pub(crate) task: Task,
    /// How far it is.
    pub(crate) turn: Turn,
}

impl Chore {
    /// Something that waits for what is in flight.
    pub(crate) fn due(task: Task) -> Self {
        Self {
            task,
            turn: Turn::Due,
        }
    }
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Fill a gap up to this offset.
    Fill(TargetOffset),
    /// Delete everything before this offset.
    Trim(TargetOffset),
}

/// What comes before markers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// They may be asked for.
    Nothing,
    /// The epoch under which they shut others out has to be stored.
    Store,
    /// No epoch is left: a new producer id has to take over.
    Renew,
}

/// How far a chore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Waits for what is in flight.
    Due,
    /// Waits until the epoch that shuts others out is stored.
    Storing(i16),
    /// Waits for its turn at the broker.
    Queued,
    /// Waits for an answer; so many markers were asked for.
    Sent(i64),
}
