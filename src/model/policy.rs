//! What a link may do where it would otherwise have to guess, and which policies fit which cause.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::HaltCode;

/// What happens to a partition when continuing would mean guessing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It stops and reports the reason.
    Halt,
    /// It continues with what exists; lost and surplus records are noted with their offsets.
    Follow,
    /// The mirror topic is deleted, created again and filled from the earliest record.
    Reseed,
    /// It continues after what another writer wrote.
    Adopt,
    /// The rejected record goes to the quarantine topic with its origin, and the partition skips it; of a batch that can't be
    /// decoded, its bytes do.
    SkipWithReceipt,
}

impl Policy {
    /// Every policy, for enumeration.
    pub const ALL: [Self; 5] = [
        Self::Halt,
        Self::Follow,
        Self::Reseed,
        Self::Adopt,
        Self::SkipWithReceipt,
    ];

    /// The name in the configuration, the API and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Follow => "follow",
            Self::Reseed => "reseed",
            Self::Adopt => "adopt",
            Self::SkipWithReceipt => "skip_with_receipt",
        }
    }

    /// The policy called `name`; `None` if there is no such policy.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name)
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The policies of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policies {
    /// The source's log start offset passed the position.
    pub gap: Policy,
    /// The source topic was deleted and created again.
    pub recreate: Policy,
    /// The source lost records that were already mirrored.
    pub truncate: Policy,
    /// Another writer wrote into the mirror partition.
    pub foreign_write: Policy,
    /// The target rejects a record because of the record itself.
    pub refused: Policy,
    /// The source holds a batch that can't be decoded.
    pub corrupt: Policy,
    /// The target lost records that it had acknowledged.
    pub target_truncate: Policy,
}

impl Policies {
    /// Halts for every cause.
    pub const HALT: Self = Self {
        gap: Policy::Halt,
        recreate: Policy::Halt,
        truncate: Policy::Halt,
        foreign_write: Policy::Halt,
        refused: Policy::Halt,
        corrupt: Policy::Halt,
        target_truncate: Policy::Halt,
    };

    /// The same policies, with `policy` for the cause `code`; codes without a policy are ignored.
    #[must_use]
    pub fn with(mut self, code: HaltCode, policy: Policy) -> Self {
        match code {
            HaltCode::SourceGap => self.gap = policy,
            HaltCode::SourceRecreated => self.recreate = policy,
            HaltCode::SourceTruncated => self.truncate = policy,
            HaltCode::ForeignWrite => self.foreign_write = policy,
            HaltCode::RecordRefused => self.refused = policy,
            HaltCode::SourceCorrupt => self.corrupt = policy,
            HaltCode::TargetTruncated => self.target_truncate = policy,
            HaltCode::SourceTopicMissing
            | HaltCode::TargetTopicMissing
            | HaltCode::TargetRecreated
            | HaltCode::Circle
            | HaltCode::MapUnknown
            | HaltCode::NotPermitted
            | HaltCode::NameCollision
            | HaltCode::NameRefused
            | HaltCode::TooManyReplicas
            | HaltCode::PolicyRefused
            | HaltCode::PartitionsMissing
            | HaltCode::PreserveImpossible
            | HaltCode::MissedDeletions => {}
        }
        self
    }

    /// These policies where offsets are preserved: any that would shift a record from its source offset becomes a halt.
    ///
    /// A lost or rejected record leaves an offset that can be filled. A record that occupies the offset of a source record
    /// can only be removed along with the whole mirror topic.
    #[must_use]
    pub fn keeping_offsets(self) -> Self {
        let only = |policy: Policy, kept: Policy| {
            if policy == kept { kept } else { Policy::Halt }
        };
        Self {
            gap: self.gap,
            recreate: only(self.recreate, Policy::Reseed),
            truncate: only(self.truncate, Policy::Reseed),
            foreign_write: Policy::Halt,
            refused: self.refused,
            corrupt: self.corrupt,
            target_truncate: self.target_truncate,
        }
    }

    /// The policy for `code`; a halt if none can be set for it.
    pub fn on(&self, code: HaltCode) -> Policy {
        match code {
            HaltCode::SourceGap => self.gap,
            HaltCode::SourceRecreated => self.recreate,
            HaltCode::SourceTruncated => self.truncate,
            HaltCode::ForeignWrite => self.foreign_write,
            HaltCode::RecordRefused => self.refused,
            HaltCode::SourceCorrupt => self.corrupt,
            HaltCode::TargetTruncated => self.target_truncate,
            HaltCode::SourceTopicMissing
            | HaltCode::TargetTopicMissing
            | HaltCode::TargetRecreated
            | HaltCode::Circle
            | HaltCode::MapUnknown
            | HaltCode::NotPermitted
            | HaltCode::NameCollision
            | HaltCode::NameRefused
            | HaltCode::TooManyReplicas
            | HaltCode::PolicyRefused
            | HaltCode::PartitionsMissing
            | HaltCode::PreserveImpossible
            | HaltCode::MissedDeletions => Policy::Halt,
        }
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self::HALT
    }
}

impl HaltCode {
    /// Like [`releases`](Self::releases), where offsets are preserved; see [`Policies::keeping_offsets`].
    pub fn releases_in_place(self) -> &'static [Policy] {
        match self {
            Self::SourceRecreated
            | Self::SourceTruncated
            | Self::ForeignWrite
            | Self::PreserveImpossible => &[Policy::Reseed],
            other => other.releases(),
        }
    }

    /// The policies that release a partition stopped for this reason, or repair one that continues in spite of it.
    pub fn releases(self) -> &'static [Policy] {
        match self {
            Self::SourceGap
            | Self::TargetTruncated
            | Self::SourceRecreated
            | Self::SourceTruncated => &[Policy::Follow, Policy::Reseed],
            Self::ForeignWrite => &[Policy::Adopt, Policy::Reseed],
            Self::RecordRefused | Self::SourceCorrupt => &[Policy::SkipWithReceipt],
            Self::TargetTopicMissing
            | Self::TargetRecreated
            | Self::MapUnknown
            | Self::MissedDeletions => &[Policy::Reseed],
            Self::SourceTopicMissing
            | Self::Circle
            | Self::NotPermitted
            | Self::NameCollision
            | Self::NameRefused
            | Self::TooManyReplicas
            | Self::PolicyRefused
            | Self::PartitionsMissing
            | Self::PreserveImpossible => &[],
        }
    }
}
