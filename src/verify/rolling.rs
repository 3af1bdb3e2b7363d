//! The rolling hash of a stretch of records.
//!
//! Pure. It depends only on the records and their source offsets: not on batches, compression, the offsets mode, or the side
//! they were read from. Stretches can be added one after another, even after a restart.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use twox_hash::XxHash3_128;

use super::digest::Digest;
use crate::model::SourceOffset;

/// The hash of everything added so far; 32 hexadecimal digits as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
