//! The two ways records can take.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the records of a partition travel.
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
    /// Batches as they are, on farshore's own connections.
    #[default]
    Raw,
    /// Record by record through librdkafka, in transactions.
    Record,
}

impl DataPath {
    /// How many target offsets are taken behind each batch: by the marker of its transaction.
    pub fn marker(self) -> i64 {
        match self {
            Self::Raw => 0,
            Self::Record => 1,
        }
    }
}
