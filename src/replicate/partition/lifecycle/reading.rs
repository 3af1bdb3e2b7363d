//! Read access to a partition's lifecycle.

use crate::model::Reason;
use crate::replicate::partition::phase::{Idle, Phase};
use crate::replicate::partition::route::Lanes;

use super::Lifecycle;

impl Lifecycle {
    /// Returns the current phase.
    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Returns the connections on which records flow, if they do.
    pub(crate) fn lanes(&self) -> Option<Lanes> {
        match self.phase {
            Phase::Flowing(lanes) => Some(lanes),
            _ => None,
        }
    }

    /// Whether it waits for outstanding answers before anything else happens.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining(_))
    }

    /// Whether it waits for an operator, and may be released.
    pub(crate) fn is_halted(&self) -> bool {
        matches!(self.phase, Phase::Halted(_))
    }

    /// Whether it mirrors or is on the way to it, so that a decision may interrupt it.
    pub(crate) fn is_at_work(&self) -> bool {
        matches!(
            self.phase,
            Phase::Resyncing | Phase::Starting(_) | Phase::Flowing(_) | Phase::Resting
        )
    }

    /// Whether a stop has completed: no further event changes anything.
    pub(crate) fn has_stopped(&self) -> bool {
        self.phase == Phase::Idle(Idle::Stopped)
    }

    /// Whether the start position is durable.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns the trouble for which both logs are read in search of a decision.
    pub(crate) fn pending(&self) -> Option<&Reason> {
        self.pending.as_ref()
    }

    /// Returns the reason discovery gives for not mirroring the topic.
    pub(crate) fn conflict(&self) -> Option<&Reason> {
        self.conflict.as_ref()
    }
}
