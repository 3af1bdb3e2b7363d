//! The findings of a comparison so far.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rolling::Rolling;
use crate::model::{SourceOffset, TargetOffset};

/// How the sides differ at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// Both hold a record there, with different bytes or timestamps.
    Content,
    /// The target lacks the source's record.
    Missing,
    /// The target holds a record that the source doesn't.
    Surplus,
    /// A batch on one side can't be read: its checksum is wrong or its records can't be decoded.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub kind: DifferenceKind,
    /// The source offset; for a surplus record without an image, the last source offset compared before it.
    pub source_offset: SourceOffset,
    /// The offset of the target's record; for a missing one, where it should be, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_offset: Option<TargetOffset>,
}

/// What was compared, and the findings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Records that both sides hold.
    pub records: u64,
    /// Bytes read on both sides.
    pub bytes: u64,
    /// The rolling hash of these records as held by the source.
    pub source_hash: Rolling,
    /// The same as held by the target.
    pub target_hash: Rolling,
    /// Records without an image on the other side for a recorded reason.
    pub left_out: u64,
    /// Records that compaction removed from one side, for a reason that allows it.
    pub compacted: u64,
    /// Records missing on one side, where it is open whether that is a difference.
    pub unproven: u64,
    /// Places where the sides differ.
    pub differences: u64,
    /// The first difference by source offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
}

/// The outcome of a comparison; a later variant is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every record is unchanged and where it belongs.
    Equal,
    /// No difference was found, but not every absence could be explained.
    Unproven,
    /// The comparison could not be carried out.
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
    /// Records a difference.
    pub(crate) fn differ(&mut self, found: Difference) {
        self.differences += 1;
        let first = self.first_difference.get_or_insert(found);
        if found.source_offset < first.source_offset {
            *first = found;
        }
    }

    /// The outcome if nothing more is compared.
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
