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
mod patience_tests {
    use super::super::lease::*;

    fn owner(id: &str) -> Owner {
        Owner {
            id: id.to_owned(),
            host: "h".to_owned(),
            process: 1,
            api_url: None,
        }
    }

    fn seen(offset: i64, id: &str, released: bool) -> Seen {
        let head = Head {
            owner: owner(id),
            since_ms: 0,
            term: 1,
            claim: 1,
            revision: None,
            released,
            mark: Mark::default(),
        };
        Seen { offset, head }
    }

    fn claims(lease_watch: &mut LeaseWatch, seen: Option<Seen>, now: Duration) -> bool {
        lease_watch.judge(seen, &owner("me"), now) == LeaseDecision::Claim
    }

    #[test]
    fn what_nobody_owns_is_claimed_at_once() {
        let at = Duration::from_secs(5);
        for shown in [
            None,
            Some(seen(3, "me", false)),
            Some(seen(3, "other", true)),
        ] {
            assert!(claims(&mut LeaseWatch::default(), shown, at));
        }
    }

    #[test]
    fn an_owner_whose_journal_is_deleted_may_still_write() {
        let mut lease_watch = LeaseWatch::default();
        let mut claims = |shown, at| claims(&mut lease_watch, shown, Duration::from_secs(at));
        assert!(!claims(Some(seen(3, "other", false)), 100));
        assert!(!claims(None, 105));
        assert!(claims(None, 109));
    }

    #[test]
    fn an_owner_is_waited_for_until_it_was_silent_for_a_lease() {
        let mut lease_watch = LeaseWatch::default();
        let silent = LEASE + MARGIN;
        let begun = Duration::from_secs(100);
        let mut claims =
            |offset, at| claims(&mut lease_watch, Some(seen(offset, "other", false)), at);
        assert!(!claims(3, begun));
        assert!(!claims(3, begun + silent / 2));
        // A sign of life: the wait starts over.
        assert!(!claims(4, begun + silent));
        assert!(!claims(4, begun + silent + LEASE));
        assert!(claims(4, begun + silent * 2));
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
        // Must stay the same, so that a process of another version is fenced.
        assert_eq!(producer(5).0, ProducerId(0x46A5_E2B0_78AC_E300));
        assert_ne!(producer(5).0, Head::producer(&"other".into(), 5).0);
    }

    /// The head as a reader of layout 1 parses it.
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read")]
    struct OfFirst {
        owner: Owner,
        since_ms: i64,
        term: u64,
        claim: u64,
        revision: Option<Revision>,
        released: bool,
    }

    fn head(oldest_reader: Layout) -> Head {
        Head {
            owner: Owner {
                id: "db".to_owned(),
                host: "h".to_owned(),
                process: 1,
                api_url: None,
            },
            since_ms: 5,
            term: 3,
            claim: u64::MAX,
            revision: Some(Revision { term: 3, number: 7 }),
            released: false,
            mark: Mark::default().written(oldest_reader),
        }
    }

    #[test]
    fn a_head_is_read_by_those_it_is_for() {
        let (open, closed) = (head(Layout::FIRST), head(Layout::SECOND));
        assert_eq!(Head::decode(&open.encode()).unwrap(), open);
        assert_eq!(Head::decode(&closed.encode()).unwrap(), closed);
        serde_json::from_slice::<OfFirst>(&open.encode()).unwrap();
        let refused = serde_json::from_slice::<OfFirst>(&closed.encode()).unwrap_err();
        assert!(refused.to_string().contains("missing field"), "{refused}");
    }

    #[test]
    fn a_head_of_layout_1_has_no_mark_and_a_later_one_is_refused_by_it() {
        let before = r#"{"owner":{"id":"db","host":"h","process":1},"since_ms":5,"term":3,"claim":18446744073709551615,"revision":{"term":3,"number":7},"released":false}"#;
        let unmarked = Head {
            mark: Mark::default(),
            ..head(Layout::FIRST)
        };
        assert_eq!(Head::decode(before.as_bytes()).unwrap(), unmarked);
        let later = br#"{"layout":4,"oldest_reader":3,"and":"what nobody here understands"}"#;
        assert_eq!(Head::decode(later).unwrap_err().kind(), Kind::Refused);
        assert_eq!(Head::decode(b"{}").unwrap_err().kind(), Kind::Invalid);
    }

    /// An owner as written before owners had an API URL.
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

    #[test]
    fn a_head_without_an_address_is_read_and_one_with_it_by_those_who_know_none() {
        let former = r#"{"owner":{"id":"i","host":"h","process":7},"since_ms":1,"term":2,"claim":3,"revision":null,"released":false}"#;
        let mut head: Head = serde_json::from_str(former).unwrap();
        assert_eq!(head.owner.api_url, None);
        let written = serde_json::to_value(&head.owner).unwrap();
        let plain = serde_json::json!({"id": "i", "host": "h", "process": 7});
        assert_eq!(written, plain);
        head.owner.api_url = Some("http://h:8640".to_owned());
        assert_eq!(head.owner.to_string(), "process 7 on h (http://h:8640)");
        let text = serde_json::to_string(&head).unwrap();
        let FormerOwner { id, host, process } =
            serde_json::from_str::<Former>(&text).unwrap().owner;
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
