//! Source and target offsets as separate types, so that arithmetic can't mix them, and how they relate.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How source and target offsets relate.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OffsetsMode {
    /// Target offsets differ; the offset map translates them.
    #[default]
    Translate,
    /// Target offset = source offset.
    Preserve,
}

impl OffsetsMode {
    /// The name used in the configuration and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Translate => "translate",
            Self::Preserve => "preserve",
        }
    }
}

macro_rules! offset {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug,
            Clone,
            Copy,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            Serialize,
            Deserialize,
            ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// The first offset of any log.
            pub const ZERO: Self = Self(0);

            /// The bare number, for the wire and for text.
            pub const fn get(self) -> i64 {
                self.0
            }

            /// The offset `records` after this one.
            #[must_use]
            pub const fn plus(self, records: i64) -> Self {
                Self(self.0 + records)
            }

            /// The number of offsets from `earlier` to this one; negative if `earlier` is in fact later.
            pub const fn since(self, earlier: Self) -> i64 {
                self.0 - earlier.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

offset! {
    /// An offset in a partition of the source cluster.
    SourceOffset
}
offset! {
    /// An offset in a mirror partition on the target cluster.
    TargetOffset
}
