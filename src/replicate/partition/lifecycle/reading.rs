//! Read access to a partition's lifecycle.

use crate::model::Reason;
use crate::replicate::partition::phase::{Idle, Phase};
use crate::replicate::partition::route::Lanes;

use super::Lifecycle;

impl Lifecycle {
    /// The current phase.
    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The connections on which records flow, if any.
    pub(crate) fn lanes(&self) -> Option<Lanes> {
        match self.phase {
            Phase::Flowing(lanes) => Some(lanes),
            _ => None,
        }
    }

    /// Whether answers are awaited before anything else happens.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining(_))
    }

    /// Whether it stands still for an operator, and may be released.
    pub(crate) fn is_halted(&self) -> bool {
        matches!(self.phase, Phase::Halted(_))
    }

    /// Whether it is mirroring or on the way to it, so that a decision may interrupt it.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(
            self.phase,
            Phase::Resyncing | Phase::Starting(_) | Phase::Flowing(_) | Phase::Resting
        )
    }

    /// Whether nothing more will happen by itself.
    pub(crate) fn has_stopped(&self) -> bool {
        self.phase == Phase::Idle(Idle::Stopped)
    }

    /// Whether its start position is durable.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// The trouble for which both logs are read, to find a decision.
    pub(crate) fn pending(&self) -> Option<&Reason> {
        self.pending.as_ref()
    }

    /// The conflict for which discovery says that the topic must not be mirrored.
    pub(crate) fn conflict(&self) -> Option<&Reason> {
        self.conflict.as_ref()
    }
}
