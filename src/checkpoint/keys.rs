//! Keys: names with their length in front, numbers big-endian, so that all keys of a link, topic or partition stand together
//! and offsets are in order.

use super::store::Space;
use crate::model::{GroupId, LinkName, Partition, TopicName, TopicPartition};

/// Names one mirror partition: by link and source topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    /// The link.
    pub link: LinkName,
    /// The topic's name on the source.
    pub topic: TopicName,
    /// The partition's number, the same on both sides.
    pub partition: Partition,
}

impl PartitionKey {
    /// Names a partition.
    pub fn new(link: &LinkName, partition: &TopicPartition) -> Self {
        Self {
            link: link.clone(),
            topic: partition.topic.clone(),
            partition: partition.partition,
        }
    }

    /// The partition on the source.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition {
            topic: self.topic.clone(),
            partition: self.partition,
        }
    }
}

pub(crate) fn link(link: &LinkName) -> Vec<u8> {
    Key::default().name(link.as_str()).0
}

pub(crate) fn topic(link: &LinkName, topic: &TopicName) -> Vec<u8> {
    Key::default().name(link.as_str()).name(topic.as_str()).0
}

pub(crate) fn partition(key: &PartitionKey) -> Vec<u8> {
    Key(topic(&key.link, &key.topic)).partition(key.partition).0
}

/// The link that an entry belongs to, if it belongs to one. Operations tell it in their value.
pub(crate) fn link_of(full_key: &[u8], value: Option<&[u8]>) -> Option<LinkName> {
    let (&space, key) = full_key.split_first()?;
    let mut parts = match Space::of(space)? {
        Space::Links | Space::Topics | Space::Partitions | Space::Runs | Space::RunsBySource => {
            Parts(key)
        }
        Space::Groups => Parts(key.get(1..)?),
        Space::Operations => {
            let operation: serde_json::Value = serde_json::from_slice(value?).ok()?;
            return operation["plan"]["link"].as_str().map(LinkName::from);
        }
        Space::Meta => {
            let mut parts = Parts(key);
            matches!(parts.name()?, RESEED | INTENT).then_some(parts)?
        }
        Space::Plans | Space::Audit | Space::Verifications => return None,
    };
    parts.name().map(LinkName::from)
}

/// The prefixes, each in its space, of everything that belongs to a link but for operations.
pub(crate) fn prefixes_of(name: &LinkName) -> [(Space, Vec<u8>); 9] {
    [
        (Space::Meta, reseeds(name)),
        (Space::Meta, intents(name)),
        (Space::Links, link(name)),
        (Space::Topics, link(name)),
        (Space::Partitions, link(name)),
        (Space::Runs, link(name)),
        (Space::RunsBySource, link(name)),
        (Space::Groups, group_offsets(name, None)),
        (Space::Groups, group_snapshot(name)),
    ]
}

/// Under which the revision of a link's entries is kept.
pub(crate) fn revision(link: &LinkName) -> Vec<u8> {
    format!("{REVISION}{link}").into_bytes()
}

const REVISION: &str = "revision/";

/// The link whose revision is kept under a full key, if one is.
pub(crate) fn revised(full_key: &[u8]) -> Option<LinkName> {
    let key = full_key.strip_prefix(&[Space::Meta as u8])?;
    let link = key.strip_prefix(REVISION.as_bytes())?;
    std::str::from_utf8(link).ok().map(LinkName::from)
}

const RESEED: &str = "reseed";

/// The prefix of everything of a link that is to be created anew.
pub(crate) fn reseeds(link: &LinkName) -> Vec<u8> {
    Key::default().name(RESEED).name(link.as_str()).0
}

pub(crate) fn reseed(link: &LinkName, topic: &TopicName) -> Vec<u8> {
    Key(reseeds(link)).name(topic.as_str()).0
}

const INTENT: &str = "intent";

/// The key of a link's intent, and the prefix of those of its topics.
pub(super) fn intents(link: &LinkName) -> Vec<u8> {
    Key::default().name(INTENT).name(link.as_str()).0
}

pub(super) fn topic_intent(link: &LinkName, topic: &TopicName) -> Vec<u8> {
    Key(intents(link)).name(topic.as_str()).0
}

/// The key of what was set while the link couldn't be owned. It belongs to this DB alone, so no revision moves with it.
pub(super) fn pending_intents(link: &LinkName) -> Vec<u8> {
    Key::default().name("pending intents").name(link.as_str()).0
}

/// The key of something at an offset, which isn't negative, of a partition.
pub(crate) fn at_offset(partition: &[u8], offset: i64) -> Vec<u8> {
    [partition, &offset.to_be_bytes()].concat()
}

/// The prefix of all offsets of a link's groups, or the key of one group's.
pub(crate) fn group_offsets(link: &LinkName, group: Option<&GroupId>) -> Vec<u8> {
    let of_link = Key(vec![GROUP_OFFSET]).name(link.as_str());
    match group {
        Some(group) => of_link.name(group.as_str()).0,
        None => of_link.0,
    }
}

pub(crate) fn group_offset(link: &LinkName, group: &GroupId, at: &TopicPartition) -> Vec<u8> {
    Key(group_offsets(link, Some(group)))
        .name(at.topic.as_str())
        .partition(at.partition)
        .0
}

pub(crate) fn group_snapshot(link: &LinkName) -> Vec<u8> {
    Key(vec![GROUP_SNAPSHOT]).name(link.as_str()).0
}

/// The prefix of all verifications of a link.
pub(crate) fn verifications(link: &LinkName) -> Vec<u8> {
    Key(vec![VERIFICATION]).name(link.as_str()).0
}

pub(crate) fn verification(link: &LinkName, id: &str) -> Vec<u8> {
    Key(verifications(link)).name(id).0
}

/// The prefix of all partitions of a verification.
pub(crate) fn all_examined(link: &LinkName, id: &str) -> Vec<u8> {
    Key(vec![EXAMINED]).name(link.as_str()).name(id).0
}

pub(crate) fn examined(link: &LinkName, id: &str, at: &TopicPartition) -> Vec<u8> {
    Key(all_examined(link, id)).topic_partition(at).0
}

/// The prefix of all that is proven of a link.
pub(crate) fn proofs(link: &LinkName) -> Vec<u8> {
    Key(vec![PROOF]).name(link.as_str()).0
}

pub(crate) fn proof(link: &LinkName, at: &TopicPartition) -> Vec<u8> {
    Key(proofs(link)).topic_partition(at).0
}

const VERIFICATION: u8 = 0;
const EXAMINED: u8 = 1;
const PROOF: u8 = 2;

const GROUP_OFFSET: u8 = 0;
const GROUP_SNAPSHOT: u8 = 1;

/// A key being put together.
#[derive(Debug, Default)]
struct Key(Vec<u8>);

impl Key {
    fn name(mut self, name: &str) -> Self {
        let length = u16::try_from(name.len()).expect("Kafka's names are at most 32767 bytes long");
        self.0.extend(length.to_be_bytes());
        self.0.extend(name.as_bytes());
        self
    }

    fn topic_partition(self, at: &TopicPartition) -> Self {
        self.name(at.topic.as_str()).partition(at.partition)
    }

    fn partition(mut self, partition: Partition) -> Self {
        self.0.extend(partition.0.to_be_bytes());
        self
    }
}

/// A key being taken apart, from the front; `None` where it doesn't have the form asked for.
#[derive(Debug)]
pub(crate) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    pub(crate) fn of(key: &'a [u8]) -> Self {
        Self(key)
    }

    /// The parts of a group offset's key.
    pub(crate) fn of_group_offset(key: &'a [u8]) -> Option<Self> {
        key.strip_prefix(&[GROUP_OFFSET]).map(Self)
    }

    /// The parts that follow a prefix.
    pub(crate) fn behind(prefix: &[u8], key: &'a [u8]) -> Option<Self> {
        key.strip_prefix(prefix).map(Self)
    }

    pub(crate) fn topic_partition(&mut self) -> Option<TopicPartition> {
        Some(TopicPartition {
            topic: self.name()?.into(),
            partition: self.partition()?,
        })
    }

    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        std::str::from_utf8(name).ok()
    }

    pub(crate) fn partition(&mut self) -> Option<Partition> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Partition(i32::from_be_bytes(*number)))
    }
}
