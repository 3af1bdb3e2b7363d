//! The consistent cut (H19): a snapshot of group offsets is applied only once everything the source held then is mirrored.
//!
//! Otherwise the input offset of a Kafka Streams group could arrive before the records it produced. Partitions that don't
//! advance are left out, because one of them would hold back every group; commits in them are held at the frontier. A
//! snapshot that lacks the end of an advancing partition is no cut: the records behind its commits may lie beyond that end.
//! At most two snapshots wait: the oldest, so that some cut is always near, and the newest. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::commit::SourceCommit;
use crate::control::MirroredPartition;
use crate::model::{GroupId, SourceOffset, TopicPartition};

/// The committed offsets of all groups, and the ends of the link's partitions just after.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When the group offsets were read, in milliseconds since 1970.
    pub taken_at_ms: i64,
    /// The committed offsets in partitions of the link, by group.
    pub groups: BTreeMap<GroupId, BTreeMap<TopicPartition, SourceCommit>>,
    /// The last stable offset of each partition of the link, read after the group offsets.
    pub ends: BTreeMap<TopicPartition, SourceOffset>,
}

/// Snapshots the mirror has yet to reach.
#[derive(Debug, Default)]
pub struct ConsistentCut {
    oldest: Option<Arc<Snapshot>>,
    newest: Option<Arc<Snapshot>>,
}

/// A partition whose frontier a snapshot waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    pub partition: TopicPartition,
    /// The frontier the snapshot needs.
    pub end: SourceOffset,
    /// The current frontier, if known.
    pub frontier: Option<SourceOffset>,
}

impl ConsistentCut {
    /// Adds the latest snapshot, replacing the newest waiting one.
    pub fn offer(&mut self, snapshot: Arc<Snapshot>) {
        let slot = match self.oldest {
            None => &mut self.oldest,
            Some(_) => &mut self.newest,
        };
        *slot = Some(snapshot);
    }

    /// Takes the latest waiting snapshot that the mirror has reached, and drops the ones before it.
    pub fn take_reached(&mut self, partitions: &[MirroredPartition]) -> Option<Arc<Snapshot>> {
        let is_reached = |s: &Option<Arc<Snapshot>>| {
            s.as_ref().is_some_and(|s| behind(s, partitions).is_empty())
        };
        if is_reached(&self.newest) {
            self.oldest = None;
            self.newest.take()
        } else if is_reached(&self.oldest) {
            std::mem::replace(&mut self.oldest, self.newest.take())
        } else {
            None
        }
    }

    /// Whether no snapshot waits.
    pub fn is_empty(&self) -> bool {
        self.oldest.is_none()
    }

    /// The partitions that the oldest waiting snapshot waits for.
    pub fn waits_for(&self, partitions: &[MirroredPartition]) -> Vec<Behind> {
        self.oldest
            .as_ref()
            .map(|snapshot| behind(snapshot, partitions))
            .unwrap_or_default()
    }
}

impl Snapshot {
    /// Removes everything about former topics of the same name: their offsets mean nothing in the present topics.
    pub fn forget_former(&mut self, partitions: &[MirroredPartition]) {
        for mirrored in partitions {
            if self.is_before(mirrored) {
                self.ends.remove(&mirrored.partition);
                for commits in self.groups.values_mut() {
                    commits.remove(&mirrored.partition);
                }
            }
        }
    }

    /// Whether the snapshot contains anything about former topics of the same name.
    pub fn has_former(&self, partitions: &[MirroredPartition]) -> bool {
        partitions.iter().any(|mirrored| {
            let partition = &mirrored.partition;
            let mut groups = self.groups.values();
            self.is_before(mirrored)
                && (self.ends.contains_key(partition)
                    || groups.any(|commits| commits.contains_key(partition)))
        })
    }

    /// Whether the snapshot was taken of a former topic of the partition's name.
    fn is_before(&self, mirrored: &MirroredPartition) -> bool {
        mirrored.map_since_ms > 0 && self.taken_at_ms <= mirrored.map_since_ms
    }
}

/// The partitions that keep a snapshot from being consistent on the target.
fn behind(snapshot: &Snapshot, partitions: &[MirroredPartition]) -> Vec<Behind> {
    partitions
        .iter()
        .filter(|mirrored| mirrored.advances() && !snapshot.is_before(mirrored))
        .filter_map(|mirrored| {
            let end = *snapshot.ends.get(&mirrored.partition)?;
            let frontier = mirrored.frontier;
            frontier.is_none_or(|at| at < end).then(|| Behind {
                partition: mirrored.partition.clone(),
                end,
                frontier,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
