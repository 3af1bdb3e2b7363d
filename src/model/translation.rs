//! A translated offset, and why an offset cannot be translated.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{SourceOffset, TargetOffset};
use crate::error::Error;

/// A pair of corresponding offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Translation {
    pub source_offset: SourceOffset,
    pub target_offset: TargetOffset,
    /// Whether a consumer that resumes there neither skips nor repeats anything.
    pub exact: bool,
    /// Why the pair isn't exact, or how it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why an offset cannot be translated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untranslatable {
    /// The link doesn't mirror that partition.
    UnknownPartition,
    /// The offset lies beyond what is mirrored.
    BeyondFrontier {
        /// Everything before it is on the target.
        frontier: SourceOffset,
        /// The end of the mirror partition.
        target_end: TargetOffset,
    },
    /// The offset lies before the first mirrored record: not mirrored, or no longer retained.
    BeforeMap {
        /// The first source offset of the map.
        source: SourceOffset,
        /// The first target offset of the map.
        target: TargetOffset,
    },
    /// The place isn't known now, for this reason.
    NotReady(String),
}

impl fmt::Display for Untranslatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPartition => f.write_str("the partition is not mirrored"),
            Self::BeyondFrontier {
                frontier,
                target_end,
            } => write!(
                f,
                "not mirrored yet: the mirror ends at source offset {frontier}, target offset {target_end}"
            ),
            Self::BeforeMap { source, target } => write!(
                f,
                "before the first mirrored record, which has source offset {source} and target offset {target}"
            ),
            Self::NotReady(why) => f.write_str(why),
        }
    }
}

impl From<Error> for Untranslatable {
    fn from(error: Error) -> Self {
        Self::NotReady(error.chain())
    }
}
