//! Ownership of a link and the extent of its journal, as recorded in the head at the end of each batch.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Space;
use crate::checkpoint::layout::{Layout, Mark};
use crate::error::{Error, Kind, Result};
use crate::model::{LinkIdentity, LinkName, ProducerId};

use super::{LEASE, MARGIN};

/// A process that owns a link or wants to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Identifies the checkpoint DB by its location: while its lock is held, no other process with this id is alive.
    pub id: String,
    /// The host name.
    pub host: String,
    /// The process id on that host.
    pub process: u32,
    /// The URL of its API; `None` for owners of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.process, self.host)?;
        match &self.api_url {
            Some(url) => write!(f, " ({url})"),
            None => Ok(()),
        }
    }
}

/// Counts the updates of a link's entries, across all its owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// The owner's term.
    pub term: u64,
    /// The update within that term.
    pub number: u64,
}

impl Revision {
    /// The revision of entries written before there was a journal.
    pub const BEFORE: Self = Self { term: 0, number: 0 };
}

/// The head: the last record of each batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The process that wrote the batch.
    pub owner: Owner,
    /// When that process acquired the link, in milliseconds since the Unix epoch by its own clock.
    pub since_ms: i64,
    /// Its term; each owner's is higher than the previous owner's.
    pub term: u64,
    /// Distinguishes two claims for the same term.
    pub claim: u64,
    /// The revision up to which the journal goes with this batch; `None` while the journal is empty.
    pub revision: Option<Revision>,
    /// Whether the owner released the link.
    pub released: bool,
    /// The layout of the journal up to here, and its oldest reader.
    #[serde(flatten)]
    pub mark: Mark,
}

/// A head for readers of layout 2 or later. Readers of layout 1, which had no mark, miss the owner and stop reading there.
#[derive(Debug, Serialize, Deserialize)]
struct Later<T> {
    #[serde(flatten)]
    mark: Mark,
    head: T,
}

/// Kafka's producer epochs go up to 32767; the highest is reserved for brokers.
const EPOCHS: u64 = 32_767;
const INCARNATIONS: u64 = 256;

impl Head {
    /// The head's key.
    pub(super) fn key() -> Vec<u8> {
        Space::Meta.full_key(b"head")
    }

    /// The head's value.
    pub(super) fn encode(&self) -> Vec<u8> {
        let encoded = if self.mark.oldest_reader == Layout::FIRST {
            serde_json::to_vec(self)
        } else {
            serde_json::to_vec(&Later {
                mark: self.mark,
                head: self,
            })
        };
        encoded.expect("a head has nothing JSON cannot say")
    }

    /// Decodes a head's value.
    ///
    /// Errors: `Refused` if only readers of a later layout may use the journal, `Invalid` if the head can't be understood.
    pub(super) fn decode(value: &[u8]) -> Result<Self> {
        let garbled = |cause| {
            let message = "a head of the journal can't be used; deny everybody else write access to its topic, and delete the topic: it will be written anew";
            Error::new(Kind::Invalid, message).caused_by(cause)
        };
        let mark: Mark = serde_json::from_slice(value).map_err(garbled)?;
        mark.check("the journal")?;
        if mark.oldest_reader == Layout::FIRST {
            return serde_json::from_slice(value).map_err(garbled);
        }
        let later: Later<Self> = serde_json::from_slice(value).map_err(garbled)?;
        Ok(later.head)
    }

    /// Whether both belong to the same term of the same owner.
    pub(super) fn is_same_claim(&self, other: &Self) -> bool {
        (self.term, self.claim) == (other.term, other.claim)
    }

    /// The producer id and epoch for a term: a later term under the same id fences an earlier one.
    pub(super) fn producer(link: &LinkName, term: u64) -> (ProducerId, i16) {
        let writer = LinkIdentity {
            link: link.clone(),
            source_cluster_id: "journal".to_owned(),
            target_cluster_id: String::new(),
        };
        let incarnation = u8::try_from(term / EPOCHS % INCARNATIONS).unwrap_or_default();
        let epoch = i16::try_from(term % EPOCHS).unwrap_or_default();
        (writer.producer_id(u16::from(incarnation)), epoch)
    }
}

/// A head and its offset in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) offset: i64,
    pub(super) head: Head,
}

/// The next action for a link.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LeaseDecision {
    /// Claim it.
    Claim,
    /// Check again: another process may own it.
    Wait(Head),
}

/// Watches the heads of a journal. Times come from one monotonic clock with an arbitrary origin.
#[derive(Debug, Default)]
pub(super) struct LeaseWatch {
    last: Option<(Seen, Duration)>,
}

impl LeaseWatch {
    /// Judges the newest head in the journal. A head's age counts from when it was first seen: it was written before that,
    /// so its owner's lease ends at most one lease duration later.
    pub(super) fn judge(&mut self, seen: Option<Seen>, me: &Owner, now: Duration) -> LeaseDecision {
        if let Some(seen) = seen
            && self.last.as_ref().is_none_or(|(last, _)| *last != seen)
        {
            self.last = Some((seen, now));
        }
        // A deleted journal says nothing about its last owner.
        let Some((Seen { head, .. }, first_seen)) = &self.last else {
            return LeaseDecision::Claim;
        };
        // Its former process is dead: this one holds the lock on the same DB.
        let is_own = head.owner.id == me.id;
        if head.released || is_own || now.saturating_sub(*first_seen) >= LEASE + MARGIN {
            LeaseDecision::Claim
        } else {
            LeaseDecision::Wait(head.clone())
        }
    }
}

#[cfg(test)]
mod tests;
