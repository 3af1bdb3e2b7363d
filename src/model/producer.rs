//! The producer id under which a link writes, derived instead of allocated.
//!
//! Brokers don't check where the producer id of a non-transactional batch came from, so a link computes its own from its
//! identity. Two processes of one link, or one whose checkpoint DB was lost, therefore write under the same id, which is
//! what makes the broker's sequence check a compare-and-append between them; and a header found in the target log proves
//! by itself who wrote it. Brokers hand out ids upwards from 0 in blocks of 1,000, and never reach this range.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{LinkName, TargetOffset};

/// The upper 15 bits (behind the sign) of every producer id a farshore link writes under.
const MARK: i64 = 0x46A5;
const MARK_SHIFT: u32 = 48;
/// The lowest bits count ownership incarnations of a mirror partition.
const INCARNATION_BITS: u32 = 8;

/// A producer id as it stands in a batch header; -1 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProducerId(pub i64);

impl ProducerId {
    /// Whether some farshore link (this or another) wrote under this id.
    pub fn is_farshore(self) -> bool {
        self.0 >= 0 && self.0 >> MARK_SHIFT == MARK
    }

    /// Which ownership incarnation a link's own id stands for.
    pub fn incarnation(self) -> u8 {
        self.0.to_le_bytes()[0]
    }
}

impl fmt::Display for ProducerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What makes a link the same link, wherever and whenever it runs: its name and the ids Kafka gave the two clusters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkIdentity {
    /// The link's name.
    pub link: LinkName,
    /// Kafka's id of the source cluster.
    pub source_cluster_id: String,
    /// Kafka's id of the target cluster.
    pub target_cluster_id: String,
}

impl LinkIdentity {
    /// The producer id of one ownership incarnation: mark, 40 bits of a hash of the identity, incarnation.
    pub fn producer_id(&self, incarnation: u8) -> ProducerId {
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
            .fold(0_i64, |sum, &byte| sum << 8 | i64::from(byte));
        let incarnation_part = i64::from(incarnation);
        ProducerId(MARK << MARK_SHIFT | forty_bits << INCARNATION_BITS | incarnation_part)
    }

    /// Whether this link wrote under `id`, in any incarnation.
    pub fn owns(&self, id: ProducerId) -> bool {
        self.producer_id(id.incarnation()) == id
    }
}

/// The sequence number that stands for a target offset: sequences are 31 bits and wrap to 0.
pub fn sequence_of(target: TargetOffset) -> i32 {
    i32::try_from(target.get() & 0x7fff_ffff).expect("31 bits fit an i32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(link: &str) -> LinkIdentity {
        LinkIdentity {
            link: LinkName::new(link),
            source_cluster_id: "a".into(),
            target_cluster_id: "b".into(),
        }
    }

    #[test]
    fn ids_are_stable_marked_and_owned_by_one_link() {
        let id = identity("paris-oslo").producer_id(3);
        assert_eq!(id, identity("paris-oslo").producer_id(3));
        assert!(id.is_farshore() && id.0 > 0);
        assert_eq!(id.incarnation(), 3);
        assert!(identity("paris-oslo").owns(id));
        assert!(!identity("oslo-paris").owns(id));
        assert!(!ProducerId(-1).is_farshore() && !ProducerId(4_000).is_farshore());
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let mut other = identity("paris-oslo");
        other.link = LinkName::new("paris-osloa");
        other.source_cluster_id = String::new();
        assert_ne!(other.producer_id(0), identity("paris-oslo").producer_id(0));
    }

    #[test]
    fn sequences_wrap_at_31_bits() {
        assert_eq!(sequence_of(TargetOffset(0x7fff_ffff)), i32::MAX);
        assert_eq!(sequence_of(TargetOffset(0x8000_0000)), 0);
        assert_eq!(sequence_of(TargetOffset(5)), 5);
    }
}
