//! The findings of a comparison so far.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::XxHash3_128;
use utoipa::ToSchema;

use super::digest::Digest;
use crate::model::{SourceOffset, TargetOffset};

/// How the sides differ at a place.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    pub kind: DifferenceKind,
    /// The source offset; for a surplus record without an image, the last source offset compared before it.
    pub source_offset: SourceOffset,
    /// The offset of the target's record; for a missing one, where it should be, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_offset: Option<TargetOffset>,
}

/// What was compared, and the findings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
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
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = VerificationOutcome)]
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

/// The rolling hash of a stretch of records; 32 hexadecimal digits as text.
///
/// It depends only on the records and their source offsets: not on batches, compression, the offsets mode, or the side they
/// were read from. Stretches can be added one after another, even after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ToSchema)]
#[schema(value_type = String)]
pub struct Rolling(u128);

impl Rolling {
    /// Adds a record that corresponds to source offset `at`.
    pub(crate) fn add(&mut self, at: SourceOffset, digest: &Digest) {
        let mut link = [0; 48];
        link[..16].copy_from_slice(&self.0.to_be_bytes());
        link[16..24].copy_from_slice(&at.get().to_be_bytes());
        link[24..32].copy_from_slice(&digest.timestamp.to_be_bytes());
        link[32..].copy_from_slice(&digest.content.to_be_bytes());
        self.0 = XxHash3_128::oneshot(&link);
    }
}

impl fmt::Display for Rolling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Rolling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rolling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hash = u128::from_str_radix(&text, 16).map_err(serde::de::Error::custom)?;
        Ok(Self(hash))
    }
}
