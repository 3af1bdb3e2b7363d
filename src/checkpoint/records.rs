//! The typed records: what they hold, the key of each, and how they are read and written. Values are JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::model::{
    DataPath, GroupId, History, LeaderEpoch, LinkIdentity, LinkName, OffsetsMode, Run,
    SourceOffset, TargetOffset, TopicId, TopicName, TopicPartition,
};

use super::json::{list, list_with_topics, load, put, unreadable};
use super::keys::{self, PartitionKey, Parts};
use super::layout::{self, Layout};
use super::store::{Space, Store, Update};

/// A link, stored since its first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// The link's name and the clusters it was first connected to.
    pub identity: LinkIdentity,
    /// Whether the first discovery finished, as layout 1 recorded it; [`first_look`] has the authoritative value.
    pub initialized: bool,
    /// Whether it is paused, for versions without intents; [`intents`](super::intents) has the authoritative value.
    #[serde(default)]
    pub paused: bool,
}

/// A mirrored topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicRecord {
    /// The mirror topic's name on the target.
    pub mirror_topic: TopicName,
    /// The source topic's id when it was first seen.
    pub source_topic_id: TopicId,
    /// The mirror topic's id when it was first seen or created.
    pub target_topic_id: TopicId,
    /// Whether this link created the mirror topic.
    pub created: bool,
    /// The number of partitions that the link's first discovery found: the `start` setting applies only to these.
    #[serde(default)]
    pub initial_partitions: i32,
    /// The mirror topic's id if it was reseeded: state of partitions of a topic with another id must be discarded.
    #[serde(default)]
    pub reseeded: Option<TopicId>,
}

/// A mirror partition without its stored runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRecord {
    /// The source topic's id; a different id means a different topic.
    pub source_topic_id: TopicId,
    /// The mirror topic's id; a different id means a different topic.
    pub target_topic_id: TopicId,
    /// Where the mirror started; records before it were never requested.
    pub origin: SourceOffset,
    /// The source offset below which nothing is missing on the target.
    pub frontier: SourceOffset,
    /// The target offset after the last record whose append was acknowledged.
    pub acked_end: TargetOffset,
    /// Leader epochs of the source, each with its first offset, oldest first.
    pub epochs: Vec<(LeaderEpoch, SourceOffset)>,
    /// Plans, newest last: chains of runs stored before their data was sent, which the target may or may not hold.
    pub plans: Vec<Vec<Run>>,
    /// The ownership incarnation this link writes under.
    pub incarnation: u16,
    /// What happened to it besides mirroring.
    #[serde(default)]
    pub history: History,
    /// How source and target offsets relate, fixed when the mirror started.
    #[serde(default)]
    pub offsets: OffsetsMode,
    /// The highest epoch of its producer under which a marker may have been written to fence others.
    #[serde(default)]
    pub fence_epoch: i16,
    /// How its records were last copied, which determines what can be found at the end of the target's log.
    #[serde(default)]
    pub path: DataPath,
    /// The last time at which the target had everything that the source had, in milliseconds since the Unix epoch; `None` if
    /// it isn't known, as in records of versions that didn't store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete_ms: Option<i64>,
}

/// The committed offset of a group in one partition, as carried over by this link.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GroupRecord {
    /// The target offset this link last committed.
    pub last_written: Option<i64>,
    /// The target offset of a commit in flight, which may or may not have happened.
    pub intended: Option<i64>,
    /// When the link last committed, in milliseconds since the Unix epoch.
    pub written_at_ms: i64,
    /// The source offset that `last_written` corresponds to.
    pub source_offset: i64,
    /// The application's commit metadata.
    pub metadata: Option<String>,
    /// Whether the group moved on by itself on the target, so that the link leaves it alone.
    pub released: bool,
}

/// The committed offsets of all groups of a link at one moment, and the ends of the partitions after it: a consistent cut
/// once the mirror has passed those ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// When it was taken, in milliseconds since the Unix epoch.
    pub taken_at_ms: i64,
    /// Group, source partition, committed source offset, commit metadata.
    pub offsets: Vec<(GroupId, TopicPartition, i64, Option<String>)>,
    /// Source partition and its end offset.
    pub ends: Vec<(TopicPartition, i64)>,
}

/// Reads a link; `None` if it isn't stored.
pub fn load_link(store: &dyn Store, link: &LinkName) -> Result<Option<LinkRecord>> {
    load(store, Space::Links, &keys::link(link))
}

/// Writes a link, under the name in its identity.
pub fn put_link(update: &mut Update, record: &LinkRecord) {
    put(
        update,
        Space::Links,
        &keys::link(&record.identity.link),
        record,
    );
}

/// Reads every link ever stored.
pub fn links(store: &dyn Store) -> Result<Vec<(LinkName, LinkRecord)>> {
    list(store, Space::Links, &[], |key| {
        Parts::of(key).name().map(LinkName::from)
    })
}

/// Reads a topic, by its source name.
pub fn load_topic(
    store: &dyn Store,
    link: &LinkName,
    topic: &TopicName,
) -> Result<Option<TopicRecord>> {
    load(store, Space::Topics, &keys::topic(link, topic))
}

/// Writes a topic, by its source name.
pub fn put_topic(update: &mut Update, link: &LinkName, topic: &TopicName, record: &TopicRecord) {
    put(update, Space::Topics, &keys::topic(link, topic), record);
}

/// Reads every topic of a link, ordered by source name.
pub fn topics_of(store: &dyn Store, link: &LinkName) -> Result<Vec<(TopicName, TopicRecord)>> {
    list(store, Space::Topics, &keys::link(link), |key| {
        let mut parts = Parts::of(key);
        parts.name()?;
        parts.name().map(TopicName::from)
    })
}

/// Reads a partition; `None` if it isn't stored.
pub fn load_partition(store: &dyn Store, key: &PartitionKey) -> Result<Option<PartitionRecord>> {
    load(store, Space::Partitions, &keys::partition(key))
}

/// Writes a partition.
pub fn put_partition(update: &mut Update, key: &PartitionKey, record: &PartitionRecord) {
    if record.incarnation > u16::from(u8::MAX) {
        layout::require(update, &key.link, Layout::SECOND);
    }
    put(update, Space::Partitions, &keys::partition(key), record);
}

/// Removes a partition; [`StoredRuns::forget`](super::StoredRuns::forget) removes its runs.
pub fn delete_partition(update: &mut Update, key: &PartitionKey) {
    update.delete(Space::Partitions, keys::partition(key));
}

/// Reads every partition of a link, in order.
pub fn partitions_of(
    store: &dyn Store,
    link: &LinkName,
) -> Result<Vec<(PartitionKey, PartitionRecord)>> {
    list(store, Space::Partitions, &keys::link(link), |key| {
        let mut parts = Parts::of(key);
        Some(PartitionKey {
            link: parts.name()?.into(),
            topic: parts.name()?.into(),
            partition: parts.partition()?,
        })
    })
}

/// Reads a group's offset in a source partition.
pub fn load_group(
    store: &dyn Store,
    link: &LinkName,
    group: &GroupId,
    at: &TopicPartition,
) -> Result<Option<GroupRecord>> {
    load(store, Space::Groups, &keys::group_offset(link, group, at))
}

/// Writes a group's offset in a source partition.
pub fn put_group(
    update: &mut Update,
    link: &LinkName,
    group: &GroupId,
    at: &TopicPartition,
    record: &GroupRecord,
) {
    let key = keys::group_offset(link, group, at);
    put(update, Space::Groups, &key, record);
}

/// Removes the record of a group's offset.
pub fn delete_group(update: &mut Update, link: &LinkName, group: &GroupId, at: &TopicPartition) {
    update.delete(Space::Groups, keys::group_offset(link, group, at));
}

/// Reads every offset of a link's groups, or of one of them, in order.
pub fn group_offsets_of(
    store: &dyn Store,
    link: &LinkName,
    group: Option<&GroupId>,
) -> Result<Vec<((GroupId, TopicPartition), GroupRecord)>> {
    let prefix = keys::group_offsets(link, group);
    list(store, Space::Groups, &prefix, |key| {
        let mut parts = Parts::of_group_offset(key)?;
        parts.name()?;
        let group = GroupId::from(parts.name()?);
        let at = TopicPartition {
            topic: parts.name()?.into(),
            partition: parts.partition()?,
        };
        Some((group, at))
    })
}

/// Reads the names of all groups with offsets under a link, in key order.
pub fn groups_of(store: &dyn Store, link: &LinkName) -> Result<Vec<GroupId>> {
    let prefix = keys::group_offsets(link, None);
    let (mut groups, mut from) = (Vec::new(), Vec::new());
    while let Some((key, _)) = store.scan_from(Space::Groups, &prefix, &from, 1)?.pop() {
        let name =
            Parts::behind(&prefix, &key).and_then(|mut parts| parts.name().map(GroupId::from));
        let group = name.ok_or_else(|| unreadable(Space::Groups, &key))?;
        // Past all of the group's partitions: the length of a topic name is below 2^15, so its first byte is below 0x80.
        from = [keys::group_offsets(link, Some(&group)), vec![u8::MAX]].concat();
        groups.push(group);
    }
    Ok(groups)
}

/// A mirror topic to be deleted and created again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reseed {
    /// The mirror topic to be discarded; one with any other id is the new one.
    pub former: TopicId,
}

/// Records that the mirror of a source topic will be reseeded.
pub fn put_reseed(update: &mut Update, link: &LinkName, topic: &TopicName, reseed: Reseed) {
    put(update, Space::Meta, &keys::reseed(link, topic), &reseed);
}

/// Removes that record once the mirror has been created again.
pub fn delete_reseed(update: &mut Update, link: &LinkName, topic: &TopicName) {
    update.delete(Space::Meta, keys::reseed(link, topic));
}

/// Reads the mirror topics to be reseeded, by source name. Errors: those of the store.
pub fn reseeds_of(store: &dyn Store, link: &LinkName) -> Result<BTreeMap<TopicName, Reseed>> {
    let found = list(store, Space::Meta, &keys::reseeds(link), |key| {
        let mut parts = Parts::of(key);
        parts.name()?;
        parts.name()?;
        parts.name().map(TopicName::from)
    });
    Ok(found?.into_iter().collect())
}

/// Writes what a link's first discovery found: topics and their numbers of partitions.
pub fn put_first_look(update: &mut Update, link: &LinkName, found: &BTreeMap<TopicName, i32>) {
    put(update, Space::Meta, &keys::first_look(link), &found.len());
    for (topic, partitions) in found {
        let key = keys::first_look_topic(link, topic);
        put(update, Space::Meta, &key, partitions);
    }
}

/// Removes a topic from what the first discovery found; its own record holds the number from now on.
pub fn delete_first_look(update: &mut Update, link: &LinkName, topic: &TopicName) {
    update.delete(Space::Meta, keys::first_look_topic(link, topic));
}

/// Reads what a link's first discovery found of topics that have no record yet; `None` if there was none, or if layout 1
/// recorded it. Errors: those of the store.
pub fn first_look(store: &dyn Store, link: &LinkName) -> Result<Option<BTreeMap<TopicName, i32>>> {
    let (looked, topics) = list_with_topics(store, &keys::first_look(link))?;
    Ok(looked.is_some().then_some(topics))
}
