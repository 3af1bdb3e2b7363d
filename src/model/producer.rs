//! The producer id that a link writes with, derived instead of allocated.
//!
//! Brokers don't check where the producer id of a non-transactional batch came from, so a link derives its own from its
//! identity. Two processes of one link, or one that lost its checkpoint DB, therefore write with the same id. That turns the
//! broker's sequence check into a compare-and-append between them, and a batch header in the target log proves by itself
//! which link wrote it. Brokers hand out ids upwards from 0 in blocks of 1,000 and never reach this range.
//!
//! ```text
//! bit     63 | 62 .. 48        | 47 .. 8               | 7 .. 0                        incarnation
//!          0 | mark            | hash of the identity  | incarnation                   0 to 255
//!          0 | 0x47, high byte | hash of the identity  | low byte of the incarnation   256 to 65,535
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LinkName, TargetOffset};

/// The upper 15 bits (after the sign) of the ids of a link's first 256 ownership incarnations of a mirror partition.
const MARK: u64 = 0x46A5;
/// The same for later incarnations, without the last eight bits: those hold the incarnation's high byte, which is never 0.
const LATER_MARK: u64 = 0x47;
const MARK_SHIFT: u32 = 48;
const HASH_SHIFT: u32 = 8;

/// A producer id as in a batch header; -1 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProducerId(pub i64);

impl ProducerId {
    /// Whether any farshore link, this one or another, wrote with this id.
    pub fn is_farshore(self) -> bool {
        self.mark() == MARK || self.later().is_some()
    }

    /// The ownership incarnation encoded in an id that a link derived.
    pub fn incarnation(self) -> u16 {
        let low = self.0.to_be_bytes()[7];
        u16::from_be_bytes([self.later().unwrap_or(0), low])
    }

    fn mark(self) -> u64 {
        self.0.cast_unsigned() >> MARK_SHIFT
    }

    /// The high byte of an incarnation above 255.
    fn later(self) -> Option<u8> {
        let high = self.0.to_be_bytes()[1];
        (self.mark() >> 8 == LATER_MARK && high > 0).then_some(high)
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What identifies a link wherever and whenever it runs: its name and the cluster ids that Kafka assigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkIdentity {
    pub link: LinkName,
    pub source_cluster_id: String,
    pub target_cluster_id: String,
}

impl LinkIdentity {
    /// The producer id for `incarnation`: mark, 40 bits of a hash of the identity, incarnation.
    pub fn producer_id(&self, incarnation: u16) -> ProducerId {
        let mut hash = Sha256::new();
        for part in [
            self.link.as_str(),
            &self.source_cluster_id,
            &self.target_cluster_id,
        ] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let forty_bits = digest
            .iter()
            .take(5)
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte));
        let [high, low] = incarnation.to_be_bytes();
        let mark = match high {
            0 => MARK,
            high => LATER_MARK << 8 | u64::from(high),
        };
        let id = mark << MARK_SHIFT | forty_bits << HASH_SHIFT | u64::from(low);
        ProducerId(id.cast_signed())
    }

    /// Whether this link wrote with `id`, in any incarnation.
    pub fn owns(&self, id: ProducerId) -> bool {
        self.producer_id(id.incarnation()) == id
    }
}

/// The sequence number for a target offset: its low 31 bits, so it wraps to 0.
pub fn sequence_of(target: TargetOffset) -> i32 {
    i32::try_from(target.get() & 0x7fff_ffff).expect("31 bits fit an i32")
}

#[cfg(test)]
mod tests;
