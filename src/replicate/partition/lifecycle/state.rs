//! The state of a partition's lifecycle, and what others may read of it; only the step changes it.

use crate::model::{Intent, Policies, Reason};
use crate::replicate::partition::phase::{Idle, Ids, Phase};
use crate::replicate::partition::route::Lanes;

/// The state of a partition's lifecycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lifecycle {
    pub(super) phase: Phase,
    pub(super) intent: Intent,
    pub(super) stopping: bool,
    /// The policies for cases in which resuming would mean guessing.
    pub(super) policies: Policies,
    /// The reason discovery gives for not mirroring the topic.
    pub(super) conflict: Option<Reason>,
    /// The ids of a recreated mirror topic, until the state of the former one is forgotten.
    pub(super) recreated: Option<Ids>,
    /// The trouble for which both logs are read once more, in search of a decision.
    pub(super) pending: Option<Reason>,
    /// Whether the start position is durable.
    pub(super) begun: bool,
}

impl Lifecycle {
    /// Returns a partition that waits for [`Event::Due`](crate::replicate::partition::effect::Event::Due). `begun` is whether its start position is durable.
    pub(crate) fn new(intent: Intent, begun: bool) -> Self {
        Self {
            phase: Phase::Resting,
            intent,
            stopping: false,
            policies: Policies::HALT,
            conflict: None,
            recreated: None,
            pending: None,
            begun,
        }
    }

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
