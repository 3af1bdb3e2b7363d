//! The state of a mirror partition, and the reason if it has stopped.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SourceOffset, TargetOffset};

/// The state of a mirror partition, as the API names it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PartitionState {
    /// Set by the worker: the position is being determined, or the mirror topic doesn't exist yet.
    Preparing,
    /// Set by the filler: offsets are being aligned before data may follow.
    Filling,
    /// Set by the worker: records are being copied that the target doesn't have yet.
    CatchingUp,
    /// Set by the worker: everything committed on the source was on the target at the last check.
    Live,
    /// Set by the operator.
    Paused,
    /// Set by the worker after a transient error, named in the reason.
    Retrying,
    /// Set by the worker: continuing would mean guessing, so it stops until an operator decides.
    Halted,
    /// Set by the worker: the target holds something this link didn't write, or lost something it had.
    Diverged,
    /// Set by a move: map and hashes are frozen.
    Sealed,
    /// Set by a move: applications write here now.
    Open,
}

impl PartitionState {
    /// Every state, for enumeration in tests, metrics and documents.
    pub const ALL: [Self; 10] = [
        Self::Preparing,
        Self::Filling,
        Self::CatchingUp,
        Self::Live,
        Self::Paused,
        Self::Retrying,
        Self::Halted,
        Self::Diverged,
        Self::Sealed,
        Self::Open,
    ];

    /// The name used in the API, metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Filling => "filling",
            Self::CatchingUp => "catching_up",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Retrying => "retrying",
            Self::Halted => "halted",
            Self::Diverged => "diverged",
            Self::Sealed => "sealed",
            Self::Open => "open",
        }
    }

    /// Whether writes to the target may be in flight.
    pub fn may_write(self) -> bool {
        match self {
            Self::Filling | Self::CatchingUp | Self::Live => true,
            Self::Preparing
            | Self::Paused
            | Self::Retrying
            | Self::Halted
            | Self::Diverged
            | Self::Sealed
            | Self::Open => false,
        }
    }

    /// Whether the partition waits for an operator.
    pub fn needs_operator(self) -> bool {
        matches!(self, Self::Halted | Self::Diverged)
    }
}

impl fmt::Display for PartitionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a partition is halted or diverged, as the API names it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HaltCode {
    /// The source's log start offset passed the frontier: records were gone before they were mirrored.
    SourceGap,
    /// The source topic was deleted and created again under the same name.
    SourceRecreated,
    /// The source lost records that were already mirrored.
    SourceTruncated,
    /// The source topic no longer exists.
    SourceTopicMissing,
    /// The mirror topic no longer exists.
    TargetTopicMissing,
    /// The mirror topic was deleted and created again under the same name.
    TargetRecreated,
    /// Another writer wrote into the mirror partition.
    ForeignWrite,
    /// The source holds records that a link mirrored there from this link's target, or perhaps did.
    Circle,
    /// The target rejects a record because of the record itself.
    RecordRefused,
    /// The source holds a batch that can't be decoded.
    SourceCorrupt,
    /// The target lost records that it had acknowledged.
    TargetTruncated,
    /// The contents of the target can't be matched to source offsets without guessing.
    MapUnknown,
    /// An authorization is missing.
    NotPermitted,
    /// The mirror topic's name differs from another topic's only in periods and underscores, which the target refuses.
    NameCollision,
    /// The target refuses the mirror topic's name.
    NameRefused,
    /// The mirror topic needs more replicas than the target has brokers.
    TooManyReplicas,
    /// The target's policy refuses the mirror topic or one of its settings.
    PolicyRefused,
    /// The source topic has grown, and the mirror topic can't.
    PartitionsMissing,
    /// Offsets can't be kept identical here.
    PreserveImpossible,
    /// A deleted key may live on in the mirror; mirroring continues regardless.
    MissedDeletions,
}

impl HaltCode {
    /// Every code, for enumeration in tests, metrics and documents.
    pub const ALL: [Self; 20] = [
        Self::SourceGap,
        Self::SourceRecreated,
        Self::SourceTruncated,
        Self::SourceTopicMissing,
        Self::TargetTopicMissing,
        Self::TargetRecreated,
        Self::ForeignWrite,
        Self::Circle,
        Self::RecordRefused,
        Self::SourceCorrupt,
        Self::TargetTruncated,
        Self::MapUnknown,
        Self::NotPermitted,
        Self::NameCollision,
        Self::NameRefused,
        Self::TooManyReplicas,
        Self::PolicyRefused,
        Self::PartitionsMissing,
        Self::PreserveImpossible,
        Self::MissedDeletions,
    ];

    /// The state of a partition with this code.
    pub fn state(self) -> PartitionState {
        match self {
            Self::ForeignWrite
            | Self::SourceTruncated
            | Self::TargetRecreated
            | Self::TargetTruncated => PartitionState::Diverged,
            Self::SourceGap
            | Self::SourceRecreated
            | Self::SourceTopicMissing
            | Self::TargetTopicMissing
            | Self::Circle
            | Self::RecordRefused
            | Self::SourceCorrupt
            | Self::MapUnknown
            | Self::NotPermitted
            | Self::NameCollision
            | Self::NameRefused
            | Self::TooManyReplicas
            | Self::PolicyRefused
            | Self::PartitionsMissing
            | Self::PreserveImpossible => PartitionState::Halted,
            Self::MissedDeletions => PartitionState::Live,
        }
    }

    /// Whether it keeps the mirror topic or some of its partitions from existing.
    pub fn keeps_mirror_away(self) -> bool {
        matches!(
            self,
            Self::NameCollision
                | Self::NameRefused
                | Self::TooManyReplicas
                | Self::PolicyRefused
                | Self::PartitionsMissing
        )
    }

    /// Whether the cause can be removed from outside, so that the partition retries without a decision by an operator.
    pub fn heals(self) -> bool {
        matches!(
            self,
            Self::RecordRefused | Self::SourceCorrupt | Self::NotPermitted
        ) || self.keeps_mirror_away()
    }

    /// What an operator can do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::SourceGap => {
                "The missing records are no longer on the source; go on without them (farshore resolve --with follow), or mirror the topic anew (docs/operations.md)."
            }
            Self::SourceRecreated => {
                "Check that the re-creation was meant, then append the new topic (farshore resolve --with follow), or mirror it anew (docs/operations.md)."
            }
            Self::SourceTruncated => {
                "The mirror holds records the source lost; keep them and go on (farshore resolve --with follow), or mirror the topic anew (docs/operations.md)."
            }
            Self::SourceTopicMissing => {
                "Create the topic again or leave it out of the link's topics; the mirror keeps its records."
            }
            Self::TargetTopicMissing => {
                "Find out who deleted the mirror topic, then mirror the topic anew (docs/operations.md)."
            }
            Self::TargetRecreated => {
                "Find out who re-created the mirror topic, then mirror the topic anew (docs/operations.md)."
            }
            Self::ForeignWrite => {
                "Stop the other writer and deny it WRITE on the mirror topic, then go on behind its records (farshore resolve --with adopt), or mirror the topic anew (docs/operations.md)."
            }
            Self::Circle => {
                "Take the topic out of one of the links that mirror it in a circle (topics_exclude), or set naming = \"prefix\" for all of them. Only if the message says that the link isn't known here, and the source is meant to be a mirror: set allow_mirrored_source = true (docs/operations.md)."
            }
            Self::RecordRefused => {
                "Raise the mirror topic's limit named in the message (max.message.bytes, timestamp limits, cleanup.policy), and the partition goes on by itself; or put the record into quarantine (farshore resolve --with skip_with_receipt)."
            }
            Self::SourceCorrupt => {
                "Let a replica lead that holds the batch undamaged, or restore it, and the partition goes on by itself; or leave the batch out, with a receipt in the quarantine topic (farshore resolve --with skip_with_receipt)."
            }
            Self::TargetTruncated => {
                "Find out how the target lost its tail (unclean leader election, lost disk), then mirror it again (farshore resolve --with follow)."
            }
            Self::MapUnknown => {
                "Restore the checkpoint DB, or mirror the topic anew (docs/operations.md)."
            }
            Self::NotPermitted => {
                "Grant the operation named in the message; the partition goes on by itself."
            }
            Self::NameCollision => {
                "Leave one of the topics out of the link, or rename it on the source: Kafka's metrics can't tell them apart. Nothing else is held up."
            }
            Self::NameRefused => {
                "Leave the topic out of the link, or change the naming so that the target accepts the name."
            }
            Self::TooManyReplicas => {
                "Set the link's replication_factor to the number of the target's brokers at most, or add brokers; mirroring begins by itself."
            }
            Self::PolicyRefused => {
                "Change the target's policy or the source topic's setting named in the message; mirroring begins by itself."
            }
            Self::PartitionsMissing => {
                "Let the mirror topic grow: grant ALTER on it or lift what the message names; mirroring begins by itself."
            }
            Self::PreserveImpossible => {
                "Use offsets = \"translate\" for this topic, or remove the cause named in the message."
            }
            Self::MissedDeletions => {
                "Nothing, if it does no harm that a deleted key lives on; else mirror the topic anew (farshore resolve --with reseed)."
            }
        }
    }

    /// What an operator can do about it where the mirror can't continue behind what is there: offsets are preserved, or
    /// records of this link may be among foreign ones.
    pub fn remedy_in_place(self) -> &'static str {
        match self {
            Self::SourceRecreated => {
                "Check that the re-creation was meant, then mirror the topic anew (farshore resolve --with reseed)."
            }
            Self::SourceTruncated => {
                "The mirror holds records the source lost; mirror the topic anew (farshore resolve --with reseed)."
            }
            Self::ForeignWrite => {
                "Stop the other writer and deny it WRITE on the mirror topic, then mirror the topic anew (farshore resolve --with reseed)."
            }
            other => other.remedy(),
        }
    }

    /// The name used in the API and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceGap => "source_gap",
            Self::SourceRecreated => "source_recreated",
            Self::SourceTruncated => "source_truncated",
            Self::SourceTopicMissing => "source_topic_missing",
            Self::TargetTopicMissing => "target_topic_missing",
            Self::TargetRecreated => "target_recreated",
            Self::ForeignWrite => "foreign_write",
            Self::Circle => "circle",
            Self::RecordRefused => "record_refused",
            Self::SourceCorrupt => "source_corrupt",
            Self::TargetTruncated => "target_truncated",
            Self::MapUnknown => "map_unknown",
            Self::NotPermitted => "not_permitted",
            Self::NameCollision => "name_collision",
            Self::NameRefused => "name_refused",
            Self::TooManyReplicas => "too_many_replicas",
            Self::PolicyRefused => "policy_refused",
            Self::PartitionsMissing => "partitions_missing",
            Self::PreserveImpossible => "preserve_impossible",
            Self::MissedDeletions => "missed_deletions",
        }
    }
}

impl fmt::Display for HaltCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a partition has stopped: what happened, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    pub code: HaltCode,
    /// What happened, with the figures.
    pub message: String,
    /// The source offset in question, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_offset: Option<SourceOffset>,
    /// The target offset in question, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub target_offset: Option<TargetOffset>,
    pub remedy: String,
}

impl Reason {
    /// A reason with the code's standard remedy and no offsets.
    pub fn new(code: HaltCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            source_offset: None,
            target_offset: None,
            remedy: code.remedy().to_owned(),
        }
    }

    /// The same reason, with another remedy than the code's.
    #[must_use]
    pub fn remedied_by(mut self, remedy: &str) -> Self {
        remedy.clone_into(&mut self.remedy);
        self
    }

    /// The same reason, with the code's remedy for where the mirror can't continue behind what is there, unless it has one
    /// of its own.
    #[must_use]
    pub fn in_place(self) -> Self {
        if self.remedy == self.code.remedy() {
            let remedy = self.code.remedy_in_place();
            self.remedied_by(remedy)
        } else {
            self
        }
    }

    /// The same reason, with the offsets in question.
    #[must_use]
    pub fn at(mut self, source: Option<SourceOffset>, target: Option<TargetOffset>) -> Self {
        self.source_offset = source;
        self.target_offset = target;
        self
    }
}

#[cfg(test)]
mod tests;
