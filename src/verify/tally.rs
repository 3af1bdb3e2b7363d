//! What a comparison has found so far.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rolling::Rolling;
use crate::model::{SourceOffset, TargetOffset};

/// How the sides differ at a place.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Both hold a record there, with other bytes or another time.
    Content,
    /// The source's record isn't on the target.
    Missing,
    /// The target holds a record that the source doesn't.
    Surplus,
    /// One side's batch there can't be read: its checksum is wrong or its records can't be decoded.
    Unreadable,
}

impl fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Content => "different content",
            Self::Missing => "a record is missing on the target",
            Self::Surplus => "a surplus record on the target",
            Self::Unreadable => "a batch that can't be read",
        })
    }
}

/// One place where the sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// How.
    pub kind: DifferenceKind,
    /// The source offset; for a surplus record without an image, the offset behind which it stands.
    pub source_offset: SourceOffset,
    /// The offset of the target's record; of a missing one, where it should be, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_offset: Option<TargetOffset>,
}

/// What was compared, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Tally {
    /// Records that both sides hold.
    pub records: u64,
    /// Bytes read on both sides.
    pub bytes: u64,
    /// The rolling hash of these records as the source holds them.
    pub source_hash: Rolling,
    /// The same as the target holds them.
    pub target_hash: Rolling,
    /// Records without an image on the other side for a reason that is on record.
    pub left_out: u64,
    /// Records that compaction removed on one side, with what allows it.
    pub compacted: u64,
    /// Records whose absence on one side could not be explained or condemned.
    pub unproven: u64,
    /// Places where the sides differ.
    pub differences: u64,
    /// The first of them by source offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
}

/// What a comparison came to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = VerificationOutcome)]
pub enum Outcome {
    /// Every record is where it belongs and what it was.
    Equal,
    /// No difference was found, but not every absence could be explained.
    Unproven,
    /// It could not be carried out.
    Failed,
    /// The sides differ.
    Different,
}

impl Outcome {
    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Unproven => "unproven",
            Self::Failed => "failed",
            Self::Different => "different",
        }
    }
}

impl Tally {
    /// Takes a difference down.
    pub(crate) fn differ(&mut self, found: Difference) {
        self.differences += 1;
        let first = self.first_difference.get_or_insert(found);
        if found.source_offset < first.source_offset {
            *first = found;
        }
    }

    /// What it comes to if nothing follows.
    pub fn outcome(&self) -> Outcome {
        if self.differences > 0 {
            Outcome::Different
        } else if self.unproven > 0 {
            Outcome::Unproven
        } else {
            Outcome::Equal
        }
    }
}
