//! The vocabulary of an operation: its phases, events and effects. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plan::{Blocker, Plan};
use crate::model::{SourceOffset, TopicPartition};

pub use super::plan::Moves;

/// The ends of a move's partitions at one look.
///
/// Stored as a list because JSON keys can only be strings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(TopicPartition, SourceOffset)>")]
#[serde(into = "Vec<(TopicPartition, SourceOffset)>")]
pub struct Ends(pub BTreeMap<TopicPartition, SourceOffset>);

impl From<Vec<(TopicPartition, SourceOffset)>> for Ends {
    fn from(list: Vec<(TopicPartition, SourceOffset)>) -> Self {
        Self(list.into_iter().collect())
    }
}

impl From<Ends> for Vec<(TopicPartition, SourceOffset)> {
    fn from(ends: Ends) -> Self {
        ends.0.into_iter().collect()
    }
}

/// The phase of an operation, persisted before its effect is performed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// First of a switchover: waiting until the source is at rest and everything is mirrored (H15).
    Draining {
        /// When waiting ends, in milliseconds since 1970.
        deadline_ms: i64,
        /// The ends of the last look, if it found everything at rest.
        rested: Option<Ends>,
        /// What the last look still waited for.
        waits_for: Vec<String>,
    },
    /// Entered when drained: the groups' last offsets on the source are read and translated.
    Fixing,
    /// First of a failover, or entered when the offsets are fixed: group sync durably lets go of the groups.
    Freezing { moves: Moves },
    /// Entered when frozen: the plan's conditions are checked for the last time.
    Checking { moves: Moves },
    /// Entered when the conditions hold: the offsets are committed on the target. From here on nothing is taken back.
    Committing { moves: Moves },
    /// Entered when committed: the target's offsets are read back and compared.
    Verifying {
        /// The offsets expected on the target.
        moves: Moves,
    },
    /// Entered when a condition no longer holds: group sync takes the groups over again.
    Thawing {
        /// The offsets that would have been committed.
        moves: Moves,
        /// What blocks the move.
        blockers: Vec<Blocker>,
    },
    /// Last: the groups are where the plan said. Applications may start on the target.
    Done {
        /// The offsets as committed.
        moves: Moves,
    },
    /// Last: not done, for these reasons.
    Stopped {
        /// The phase in which it stopped.
        at: PhaseName,
        /// The offsets as far as they were fixed; committed in part if it stopped at `committing` or `verifying`.
        moves: Moves,
        blockers: Vec<Blocker>,
    },
}

/// A phase without its payload.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = OperationPhase)]
pub enum PhaseName {
    Draining,
    Fixing,
    Freezing,
    Checking,
    Committing,
    Verifying,
    Thawing,
    Done,
    Stopped,
}

/// What happened since the phase was persisted: the outcome of its effect, or that a process resumed the operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The process picked the operation up in this phase, for the first time or after a restart.
    TakenUp,
    /// The effect failed in a way that may be transient.
    Failed,
    /// The effect kept failing until its time was up.
    GaveUp(Blocker),
    /// The operator called the operation off.
    Cancelled(Blocker),
    /// The partitions and groups were looked at.
    Looked {
        ends: Ends,
        /// What is not at rest or not mirrored yet; empty when drained.
        waits_for: Vec<String>,
        /// The time of the look, in milliseconds since 1970.
        now_ms: i64,
    },
    /// The final offsets were read and translated.
    Fixed(Moves),
    /// Group sync has durably let go of the groups.
    Frozen,
    /// The conditions hold.
    Cleared,
    /// A condition doesn't hold, or the target refused.
    Refused(Vec<Blocker>),
    /// The target accepted every offset.
    Committed,
    /// The target has exactly the offsets of the plan.
    Matched,
    /// The target has other offsets.
    Differs(Vec<Blocker>),
    /// Group sync has taken the groups over again.
    Thawed,
}

/// The work of a phase. Every effect may be repeated; its outcome is reported as an [`Event`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Look whether the source is at rest and everything is mirrored.
    Look,
    /// Read the groups' offsets on the source and translate them.
    Fix,
    /// Make group sync durably let go of the groups.
    Freeze(Moves),
    /// Check the plan's conditions.
    Check(Moves),
    Commit(Moves),
    /// Read the offsets on the target back and compare them.
    ReadBack(Moves),
    /// Make group sync take the groups over again.
    Thaw(Moves),
}

impl Effect {
    /// Whether it changes nothing, so that it may be dropped at any point.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Look | Self::Fix | Self::Check(_) | Self::ReadBack(_) => true,
            Self::Freeze(_) | Self::Commit(_) | Self::Thaw(_) => false,
        }
    }
}

impl Phase {
    /// The phase without its payload.
    pub fn name(&self) -> PhaseName {
        match self {
            Self::Draining { .. } => PhaseName::Draining,
            Self::Fixing => PhaseName::Fixing,
            Self::Freezing { .. } => PhaseName::Freezing,
            Self::Checking { .. } => PhaseName::Checking,
            Self::Committing { .. } => PhaseName::Committing,
            Self::Verifying { .. } => PhaseName::Verifying,
            Self::Thawing { .. } => PhaseName::Thawing,
            Self::Done { .. } => PhaseName::Done,
            Self::Stopped { .. } => PhaseName::Stopped,
        }
    }

    /// The effect of this phase; `None` in the last ones.
    pub fn effect(&self) -> Option<Effect> {
        match self {
            Self::Draining { .. } => Some(Effect::Look),
            Self::Fixing => Some(Effect::Fix),
            Self::Freezing { moves } => Some(Effect::Freeze(Moves::clone(moves))),
            Self::Checking { moves } => Some(Effect::Check(Moves::clone(moves))),
            Self::Committing { moves } => Some(Effect::Commit(Moves::clone(moves))),
            Self::Verifying { moves } => Some(Effect::ReadBack(Moves::clone(moves))),
            Self::Thawing { moves, .. } => Some(Effect::Thaw(Moves::clone(moves))),
            Self::Done { .. } | Self::Stopped { .. } => None,
        }
    }

    /// The offsets to commit or committed, in a phase that has them.
    pub fn moves(&self) -> Option<&Moves> {
        match self {
            Self::Draining { .. } | Self::Fixing => None,
            Self::Freezing { moves }
            | Self::Checking { moves }
            | Self::Committing { moves }
            | Self::Verifying { moves }
            | Self::Thawing { moves, .. }
            | Self::Done { moves }
            | Self::Stopped { moves, .. } => Some(moves),
        }
    }

    /// The blockers of the move, in a phase that has them.
    pub fn blockers(&self) -> &[Blocker] {
        match self {
            Self::Thawing { blockers, .. } | Self::Stopped { blockers, .. } => blockers,
            Self::Draining { .. }
            | Self::Fixing
            | Self::Freezing { .. }
            | Self::Checking { .. }
            | Self::Committing { .. }
            | Self::Verifying { .. }
            | Self::Done { .. } => &[],
        }
    }

    /// The phase in which the operation stopped, and what draining waits for.
    pub fn told(&self) -> (Option<PhaseName>, Vec<String>) {
        match self {
            Self::Draining { waits_for, .. } => (None, waits_for.clone()),
            Self::Stopped { at, .. } => (Some(*at), Vec::new()),
            Self::Fixing
            | Self::Freezing { .. }
            | Self::Checking { .. }
            | Self::Committing { .. }
            | Self::Verifying { .. }
            | Self::Thawing { .. }
            | Self::Done { .. } => (None, Vec::new()),
        }
    }

    /// Whether the operation has ended.
    pub fn is_last(&self) -> bool {
        self.effect().is_none()
    }
}

impl PhaseName {
    /// Whether an operation in this phase can be called off: nothing has been committed yet.
    pub fn is_cancellable(self) -> bool {
        match self {
            Self::Draining | Self::Fixing | Self::Freezing | Self::Checking => true,
            Self::Committing | Self::Verifying | Self::Thawing | Self::Done | Self::Stopped => {
                false
            }
        }
    }
}

impl PhaseName {
    /// Every phase, in the order of a move.
    pub const ALL: [Self; 9] = [
        Self::Draining,
        Self::Fixing,
        Self::Freezing,
        Self::Checking,
        Self::Committing,
        Self::Verifying,
        Self::Thawing,
        Self::Done,
        Self::Stopped,
    ];

    /// The name used in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Fixing => "fixing",
            Self::Freezing => "freezing",
            Self::Checking => "checking",
            Self::Committing => "committing",
            Self::Verifying => "verifying",
            Self::Thawing => "thawing",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for PhaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Event {
    /// The name used in documents and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TakenUp => "taken_up",
            Self::Failed => "failed",
            Self::GaveUp(_) => "gave_up",
            Self::Cancelled(_) => "cancelled",
            Self::Looked { .. } => "looked",
            Self::Fixed(_) => "fixed",
            Self::Frozen => "frozen",
            Self::Cleared => "cleared",
            Self::Refused(_) => "refused",
            Self::Committed => "committed",
            Self::Matched => "matched",
            Self::Differs(_) => "differs",
            Self::Thawed => "thawed",
        }
    }
}

/// The execution of a plan. It has the plan's name, so a plan is executed at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The name, which is the plan's.
    pub id: String,
    pub plan: Arc<Plan>,
    #[serde(flatten)]
    pub phase: Phase,
    pub started_at: Timestamp,
    /// When the operation entered its phase.
    pub entered_at: Timestamp,
    /// The last error of the current step, while it is being retried.
    pub retrying: Option<String>,
}
