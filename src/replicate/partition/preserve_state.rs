//! The state of a partition in preserve mode. Plain data.

use crate::model::TargetOffset;
use crate::replicate::preserve::filler::Filler;

/// The state of a partition in preserve mode between two resyncs.
#[derive(Debug)]
pub(crate) struct Preserving {
    /// The offset of the first mirrored record; everything before it is filled and deleted again.
    pub(crate) origin: TargetOffset,
    /// Whether nothing before the origin is left to delete.
    pub(crate) trimmed: bool,
    /// Whether earlier requests may still land: the next marker is written under a higher epoch.
    pub(crate) fences: bool,
    /// The epoch of the markers last requested.
    pub(crate) epoch: i16,
    /// The chore to finish before more records are sent.
    pub(crate) chore: Option<Chore>,
    pub(crate) filler: Filler,
}

/// A task on the mirror partition, performed while nothing else is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chore {
    pub(crate) task: Task,
    pub(crate) stage: MarkerStage,
}

impl Chore {
    /// Returns a new chore, which waits for outstanding answers.
    pub(crate) fn due(task: Task) -> Self {
        Self {
            task,
            stage: MarkerStage::Due,
        }
    }
}

/// What a chore does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Fill a gap up to this offset.
    Fill(TargetOffset),
    /// Delete everything before this offset.
    Trim(TargetOffset),
}

/// The step that has to precede requesting markers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// No step: markers may be requested.
    Nothing,
    /// Store the fence epoch.
    Store,
    /// Switch to a new producer id: no epoch is left.
    Renew,
}

/// The progress of a chore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MarkerStage {
    /// Waiting for outstanding answers.
    Due,
    /// Waiting until this fence epoch is durable.
    Storing(i16),
    /// Waiting for its turn at the broker.
    Queued,
    /// Waiting for an answer; with the number of markers requested.
    Sent(i64),
}
