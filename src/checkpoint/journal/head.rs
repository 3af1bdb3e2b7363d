//! Who owns a link, and up to where its journal goes: the last record of each batch.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Space;
use crate::model::{LinkIdentity, LinkName, ProducerId};

/// A process that owns a link or would like to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Names the checkpoint DB at its place: who holds its lock knows that no other process with this name lives.
    pub id: String,
    /// The machine.
    pub host: String,
    /// The number of the process on it.
    pub process: u32,
    /// Where its interface is to be reached; owners of earlier versions don't tell.
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

/// Counts the updates of a link's entries, over all its owners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// The owner's term.
    pub term: u64,
    /// The update within it.
    pub number: u64,
}

impl Revision {
    /// Of entries written before there was a journal.
    pub const BEFORE: Self = Self { term: 0, number: 0 };
}

/// The last record of each batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Who wrote the batch.
    pub owner: Owner,
    /// Since when it owns the link, in milliseconds since 1970 by its own clock.
    pub since_ms: i64,
    /// Its term; each owner's is higher than that of the one before.
    pub term: u64,
    /// Tells two claims for the same term apart.
    pub claim: u64,
    /// What the journal holds with this batch; none while it holds nothing.
    pub revision: Option<Revision>,
    /// Whether the owner gave the link up.
    pub released: bool,
}

/// Kafka's producer epochs go up to 32767; the highest is left to brokers.
const EPOCHS: u64 = 32_767;
const INCARNATIONS: u64 = 256;

impl Head {
    /// The head's key.
    pub(super) fn key() -> Vec<u8> {
        Space::Meta.full_key(b"head")
    }

    /// Whether both are of one term of one owner.
    pub(super) fn is_same_claim(&self, other: &Self) -> bool {
        (self.term, self.claim) == (other.term, other.claim)
    }

    /// Producer id and epoch of a term: a later term under the same id fences an earlier one.
    pub(super) fn producer(link: &LinkName, term: u64) -> (ProducerId, i16) {
        let writer = LinkIdentity {
            link: link.clone(),
            source_cluster_id: "journal".to_owned(),
            target_cluster_id: String::new(),
        };
        let incarnation = u8::try_from(term / EPOCHS % INCARNATIONS).unwrap_or_default();
        let epoch = i16::try_from(term % EPOCHS).unwrap_or_default();
        (writer.producer_id(incarnation), epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_have_growing_epochs_under_one_id_until_those_are_used_up() {
        let link = LinkName::new("l");
        let producer = |term| Head::producer(&link, term);
        assert_eq!(producer(1), (producer(0).0, 1));
        assert_eq!(producer(32_766), (producer(0).0, 32_766));
        assert_eq!(producer(32_767).1, 0);
        assert_ne!(producer(32_767).0, producer(0).0);
        assert!(producer(5).0.is_farshore());
        assert_ne!(producer(5).0, Head::producer(&"other".into(), 5).0);
    }

    #[test]
    fn a_head_without_an_address_is_read_and_one_with_it_by_those_who_know_none() {
        let former = r#"{"owner":{"id":"i","host":"h","process":7},"since_ms":1,"term":2,"claim":3,"revision":null,"released":false}"#;
        let head: Head = serde_json::from_str(former).unwrap();
        assert_eq!(head.owner.api_url, None);
        assert_eq!(serde_json::to_string(&head).unwrap(), former);
        let mut head = head;
        head.owner.api_url = Some("http://h:8640".to_owned());
        assert_eq!(head.owner.to_string(), "process 7 on h (http://h:8640)");
        /// As an owner was read before it had an address.
        #[derive(Deserialize)]
        struct Former {
            owner: FormerOwner,
        }
        #[derive(Deserialize)]
        struct FormerOwner {
            id: String,
            host: String,
            process: u32,
        }
        let former: Former = serde_json::from_str(&serde_json::to_string(&head).unwrap()).unwrap();
        let FormerOwner { id, host, process } = former.owner;
        assert_eq!((id.as_str(), host.as_str(), process), ("i", "h", 7));
    }

    #[test]
    fn a_later_term_is_later_whatever_the_numbers() {
        let revision = |term, number| Revision { term, number };
        assert!(revision(2, 0) > revision(1, 900));
        assert!(revision(1, 2) > revision(1, 1));
        assert!(Some(Revision::BEFORE) > None);
    }
}
