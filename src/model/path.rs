//! The two paths that records can take.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the records of a partition are copied.
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
pub enum DataPath {
    /// Whole batches, unchanged, over farshore's own connections.
    #[default]
    Raw,
    /// Record by record through librdkafka, in transactions.
    Record,
}

impl DataPath {
    /// The number of target offsets used up after each batch, by its transaction's marker.
    pub fn marker(self) -> i64 {
        match self {
            Self::Raw => 0,
            Self::Record => 1,
        }
    }
}
