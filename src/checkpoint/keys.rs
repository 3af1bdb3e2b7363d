//! Keys: names prefixed with their length, and big-endian numbers, so that all keys of a link, topic or partition are
//! adjacent and offsets are in order.

mod parts;

use super::store::Space;
use parts::Key;

use crate::model::{GroupId, LinkName, Partition, TopicName, TopicPartition};
pub(crate) use parts::Parts;

/// Identifies a mirror partition by link and source topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    pub link: LinkName,
    /// The topic's name on the source.
    pub topic: TopicName,
    /// The partition's number, the same on both sides.
    pub partition: Partition,
}

impl PartitionKey {
    /// The key of a source partition under `link`.
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

/// The link that an entry belongs to, if any. For operations of the first layout it is in the value. Plans that weren't
/// executed, and audit log entries without a link, belong to none.
pub(crate) fn link_of(full_key: &[u8], value: Option<&[u8]>) -> Option<LinkName> {
    let (&space, key) = full_key.split_first()?;
    let space = Space::of(space)?;
    let mut parts = match space {
        Space::Links | Space::Topics | Space::Partitions | Space::Runs | Space::RunsBySource => {
            Parts(key)
        }
        Space::Operations if is_first_layout_name(key) => return link_of_operation(value?),
        Space::Audit if is_first_layout_number(key) => return None,
        Space::Groups | Space::Operations | Space::Audit | Space::Verifications => {
            Parts(key.get(1..)?)
        }
        Space::Meta => {
            let mut parts = Parts(key);
            matches!(parts.name()?, RESEED | INTENT | FIRST_LOOK | START | ACLS).then_some(parts)?
        }
        Space::Plans => return None,
    };
    parts.name().map(LinkName::from)
}

/// Whether a change in an update of `link` belongs in its journal. The removal of an operation of the first layout doesn't
/// name its link, but an update concerns a single link.
pub(crate) fn is_copied(link: &LinkName, full_key: &[u8], value: Option<&[u8]>) -> bool {
    match link_of(full_key, value) {
        Some(of) => of == *link,
        None => value.is_none() && full_key.first() == Some(&(Space::Operations as u8)),
    }
}

fn link_of_operation(value: &[u8]) -> Option<LinkName> {
    #[derive(serde::Deserialize)]
    struct Operation {
        plan: Plan,
    }
    #[derive(serde::Deserialize)]
    struct Plan {
        link: LinkName,
    }
    let operation: Operation = serde_json::from_slice(value).ok()?;
    Some(operation.plan.link)
}

/// The prefixes, each with its space, of everything that belongs to a link, except operations of the first layout.
pub(crate) fn prefixes_of(name: &LinkName) -> Vec<(Space, Vec<u8>)> {
    let tagged = |space, tag| (space, Key(vec![tag]).name(name.as_str()).0);
    let of_meta = [
        reseeds(name),
        intents(name),
        first_look(name),
        starts(name),
        acls(name),
    ];
    let mut prefixes: Vec<_> = of_meta.map(|key| (Space::Meta, key)).into();
    let untagged = [
        Space::Links,
        Space::Topics,
        Space::Partitions,
        Space::Runs,
        Space::RunsBySource,
    ];
    prefixes.extend(untagged.map(|space| (space, link(name))));
    let of_groups = [GROUP_OFFSET, GROUP_SNAPSHOT, CUT, CUT_CHUNK];
    prefixes.extend(of_groups.map(|tag| tagged(Space::Groups, tag)));
    let of_operations = [DOCUMENT, DOCUMENT_CHUNK];
    prefixes.extend(of_operations.map(|tag| tagged(Space::Operations, tag)));
    prefixes.push((Space::Audit, audit_of(name)));
    let of_verifications = [VERIFICATION, EXAMINED, PROOF];
    prefixes.extend(of_verifications.map(|tag| tagged(Space::Verifications, tag)));
    prefixes
}

/// The rank of a change among those written to the journal together. They may take several batches, and a crash may lose the
/// last ones. What remains must be readable: chunks come before the head that refers to them, what that head replaces is
/// removed last, and partition records, which say less than their runs, come after the runs. A start is removed when its
/// partition's record is there.
pub(crate) fn place_among_changes(full_key: &[u8], is_removed: bool) -> u8 {
    let Some((space, key)) = full_key.split_first() else {
        return 0;
    };
    let kind = key.first().copied();
    match Space::of(*space) {
        Some(Space::Partitions) => 2,
        Some(Space::Meta) if is_start(key) && is_removed => 3,
        Some(Space::Meta) => u8::from(is_first_look(key)),
        Some(Space::Groups) => match kind {
            Some(CUT) => 1,
            Some(CUT_CHUNK | GROUP_SNAPSHOT) if is_removed => 3,
            Some(_) | None => 0,
        },
        Some(Space::Operations) => match kind {
            Some(DOCUMENT) => 1,
            Some(_) | None if is_removed => 3,
            Some(_) | None => 0,
        },
        Some(_) | None => 0,
    }
}

/// The key of the revision of a link's entries.
pub(crate) fn revision(link: &LinkName) -> Vec<u8> {
    format!("{REVISION}{link}").into_bytes()
}

pub(super) const REVISION: &str = "revision/";

/// The link whose revision is stored under `full_key`, if it is such a key.
pub(crate) fn revised(full_key: &[u8]) -> Option<LinkName> {
    let key = full_key.strip_prefix(&[Space::Meta as u8])?;
    let link = key.strip_prefix(REVISION.as_bytes())?;
    std::str::from_utf8(link).ok().map(LinkName::from)
}

pub(super) const RESEED: &str = "reseed";

/// The prefix of all reseeds of a link.
pub(crate) fn reseeds(link: &LinkName) -> Vec<u8> {
    Key::default().name(RESEED).name(link.as_str()).0
}

pub(crate) fn reseed(link: &LinkName, topic: &TopicName) -> Vec<u8> {
    Key(reseeds(link)).name(topic.as_str()).0
}

pub(super) const FILLING: &str = "being filled";

/// Present while a link's entries are being replaced by those of its journal.
pub(crate) fn filling(link: &LinkName) -> Vec<u8> {
    Key::default().name(FILLING).name(link.as_str()).0
}

pub(super) const FIRST_LOOK: &str = "first look";

/// The key that records a link's first discovery, and the prefix of the topics it found.
pub(crate) fn first_look(link: &LinkName) -> Vec<u8> {
    Key::default().name(FIRST_LOOK).name(link.as_str()).0
}

pub(crate) fn first_look_topic(link: &LinkName, topic: &TopicName) -> Vec<u8> {
    Key(first_look(link)).name(topic.as_str()).0
}

fn is_first_look(key: &[u8]) -> bool {
    let mut parts = Parts(key);
    parts.name() == Some(FIRST_LOOK) && parts.name().is_some() && parts.0.is_empty()
}

const START: &str = "start";

/// The prefix of all starts of a link's partitions.
pub(crate) fn starts(link: &LinkName) -> Vec<u8> {
    Key::default().name(START).name(link.as_str()).0
}

pub(crate) fn start(key: &PartitionKey) -> Vec<u8> {
    Key(starts(&key.link))
        .name(key.topic.as_str())
        .partition(key.partition)
        .0
}

fn is_start(key: &[u8]) -> bool {
    Parts(key).name() == Some(START)
}

const ACLS: &str = "acls";

/// The prefix of all records of ACLs that a link wrote.
pub(crate) fn acls(link: &LinkName) -> Vec<u8> {
    Key::default().name(ACLS).name(link.as_str()).0
}

pub(crate) fn acls_of_topic(link: &LinkName, mirror: &TopicName) -> Vec<u8> {
    Key(acls(link)).name(mirror.as_str()).0
}

pub(super) const INTENT: &str = "intent";

/// The key of a link's intent, and the prefix of its topics' intents.
pub(crate) fn intents(link: &LinkName) -> Vec<u8> {
    Key::default().name(INTENT).name(link.as_str()).0
}

pub(crate) fn topic_intent(link: &LinkName, topic: &TopicName) -> Vec<u8> {
    Key(intents(link)).name(topic.as_str()).0
}

pub(super) const PENDING_INTENTS: &str = "pending intents";

/// The key of intents set while the link couldn't be owned. It belongs to this DB alone, so it advances no revision.
pub(crate) fn pending_intents(link: &LinkName) -> Vec<u8> {
    Key::default().name(PENDING_INTENTS).name(link.as_str()).0
}

/// The key of something at an offset of a partition; `offset` must not be negative.
pub(crate) fn at_offset(partition: &[u8], offset: i64) -> Vec<u8> {
    [partition, &offset.to_be_bytes()].concat()
}

/// The prefix of all offsets of a link's groups, or of one group.
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

/// The layout-1 key of a snapshot stored as one value.
pub(crate) fn group_snapshot(link: &LinkName) -> Vec<u8> {
    Key(vec![GROUP_SNAPSHOT]).name(link.as_str()).0
}

/// The key of the head of a link's group snapshot.
pub(crate) fn cut(link: &LinkName) -> Vec<u8> {
    Key(vec![CUT]).name(link.as_str()).0
}

/// The prefix of the chunks of a link's snapshots.
pub(crate) fn cut_chunks(link: &LinkName) -> Vec<u8> {
    Key(vec![CUT_CHUNK]).name(link.as_str()).0
}

/// The prefix of all heads of plans or operations, or of those of one link.
pub(crate) fn documents(link: Option<&LinkName>) -> Vec<u8> {
    let all = Key(vec![DOCUMENT]);
    link.map_or(all.0.clone(), |link| all.name(link.as_str()).0)
}

pub(crate) fn document(link: &LinkName, id: &str) -> Vec<u8> {
    Key(documents(Some(link))).name(id).0
}

/// The prefix of all chunks of a plan or an operation.
pub(crate) fn document_chunks(link: &LinkName, id: &str) -> Vec<u8> {
    Key(vec![DOCUMENT_CHUNK]).name(link.as_str()).name(id).0
}

/// The prefix of a link's audit log entries.
pub(crate) fn audit_of(link: &LinkName) -> Vec<u8> {
    Key(vec![AUDIT_OF_LINK]).name(link.as_str()).0
}

/// The prefix of the audit log entries of all links.
pub(crate) const AUDIT_OF_LINKS: &[u8] = &[AUDIT_OF_LINK];

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

/// The prefix of everything proven about a link.
pub(crate) fn proofs(link: &LinkName) -> Vec<u8> {
    Key(vec![PROOF]).name(link.as_str()).0
}

pub(crate) fn proof(link: &LinkName, at: &TopicPartition) -> Vec<u8> {
    Key(proofs(link)).topic_partition(at).0
}

const VERIFICATION: u8 = 0;
const EXAMINED: u8 = 1;
const PROOF: u8 = 2;

pub(super) const GROUP_OFFSET: u8 = 0;
pub(super) const GROUP_SNAPSHOT: u8 = 1;
pub(super) const CUT: u8 = 2;
pub(super) const CUT_CHUNK: u8 = 3;

/// In the first layout, plans and operations are keyed by their names, which are text and so sort after these tags.
pub(super) const DOCUMENT: u8 = 0;
pub(super) const DOCUMENT_CHUNK: u8 = 1;
/// The lower bound of the layout-1 keys of plans and operations.
pub(crate) const FIRST_LAYOUT_DOCUMENTS: &[u8] = &[DOCUMENT_CHUNK + 1];

/// Whether the key of a plan or an operation is its name, as in the first layout.
pub(super) fn is_first_layout_name(key: &[u8]) -> bool {
    key.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-')
}

/// Whether the key of an audit log entry is a number, as in the first layout.
pub(super) fn is_first_layout_number(key: &[u8]) -> bool {
    key.len() == size_of::<u64>()
}

/// In the first layout, audit log keys are numbers below 2^56, and so start with a zero byte.
pub(super) const AUDIT_OF_LINK: u8 = 1;

impl<'a> Parts<'a> {
    /// The parts of a group offset's key.
    pub(crate) fn of_group_offset(key: &'a [u8]) -> Option<Self> {
        key.strip_prefix(&[GROUP_OFFSET]).map(Self)
    }
}

#[cfg(test)]
mod tests;
