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
use crate::model::{GroupId, PartitionState, SourceOffset, TopicPartition};

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
        .filter(|mirrored| counts(mirrored.state) && !snapshot.is_before(mirrored))
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

/// Whether a partition in this state advances without an operator.
pub(super) fn counts(state: PartitionState) -> bool {
    match state {
        PartitionState::Preparing
        | PartitionState::Filling
        | PartitionState::CatchingUp
        | PartitionState::Live
        | PartitionState::Retrying => true,
        PartitionState::Paused
        | PartitionState::Halted
        | PartitionState::Diverged
        | PartitionState::Sealed
        | PartitionState::Open => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::TargetLog;
    use crate::model::TargetOffset;

    fn snapshot(at: i64, ends: [i64; 2]) -> Arc<Snapshot> {
        let ends = (0..)
            .zip(ends)
            .map(|(number, end)| (TopicPartition::new("t", number), SourceOffset(end)));
        Arc::new(Snapshot {
            taken_at_ms: at,
            groups: BTreeMap::new(),
            ends: ends.collect(),
        })
    }

    fn mirrored(number: i32, state: PartitionState, frontier: i64) -> MirroredPartition {
        MirroredPartition {
            partition: TopicPartition::new("t", number),
            state,
            reason: None,
            frontier: Some(SourceOffset(frontier)),
            source_end: SourceOffset(frontier),
            target_log_start: TargetOffset::ZERO,
            target_end: TargetOffset::ZERO,
            target_log: TargetLog::Whole,
            map_since_ms: 0,
        }
    }

    fn frontiers(frontiers: [i64; 2]) -> Vec<MirroredPartition> {
        (0..)
            .zip(frontiers)
            .map(|(number, frontier)| mirrored(number, PartitionState::Live, frontier))
            .collect()
    }

    #[test]
    fn h19_nothing_is_applied_before_every_frontier_has_reached_its_end() {
        let mut cut = ConsistentCut::default();
        cut.offer(snapshot(1, [10, 20]));
        assert_eq!(cut.take_reached(&frontiers([10, 19])), None);
        let behind = cut.waits_for(&frontiers([10, 19]));
        assert_eq!(behind[0].partition, TopicPartition::new("t", 1));
        assert_eq!((behind.len(), behind[0].end), (1, SourceOffset(20)));
        let reached = cut.take_reached(&frontiers([10, 20]));
        assert_eq!(reached, Some(snapshot(1, [10, 20])));
        assert_eq!(cut.take_reached(&frontiers([10, 20])), None);
    }

    #[test]
    fn a_partition_that_stands_still_stops_no_group_and_one_that_prepares_does() {
        for state in PartitionState::ALL {
            let mut cut = ConsistentCut::default();
            cut.offer(snapshot(1, [10, 20]));
            let partitions = [mirrored(0, PartitionState::Live, 10), mirrored(1, state, 3)];
            assert_eq!(
                cut.take_reached(&partitions).is_none(),
                counts(state),
                "{state}"
            );
        }
        let mut cut = ConsistentCut::default();
        cut.offer(snapshot(1, [0, 0]));
        let mut unknown = mirrored(0, PartitionState::Preparing, 0);
        unknown.frontier = None;
        assert_eq!(cut.take_reached(&[unknown]), None);
    }

    #[test]
    fn what_was_committed_in_a_former_topic_waits_for_nothing_and_is_forgotten() {
        let mut partitions = frontiers([3, 20]);
        partitions[0].map_since_ms = 1;
        let mut cut = ConsistentCut::default();
        cut.offer(snapshot(1, [10, 20]));
        let mut reached = Arc::unwrap_or_clone(cut.take_reached(&partitions).unwrap());
        let commit = SourceCommit {
            offset: SourceOffset(2),
            metadata: None,
        };
        let commits = partitions
            .iter()
            .map(|it| (it.partition.clone(), commit.clone()));
        reached.groups.insert(GroupId::new("g"), commits.collect());
        assert!(reached.has_former(&partitions));
        reached.forget_former(&partitions);
        assert!(!reached.has_former(&partitions));
        let left = TopicPartition::new("t", 1);
        assert!(reached.groups.values().all(|it| it.keys().eq([&left])));
        assert!(reached.ends.keys().eq([&left]));
        cut.offer(snapshot(2, [10, 20]));
        assert_eq!(cut.take_reached(&partitions), None);
    }

    #[test]
    fn under_steady_load_the_oldest_cut_is_applied_although_newer_ones_keep_coming() {
        let mut cut = ConsistentCut::default();
        for at in 1..=5 {
            cut.offer(snapshot(at, [at * 10, 0]));
        }
        let reached = cut.take_reached(&frontiers([12, 0])).unwrap();
        assert_eq!(reached.taken_at_ms, 1);
        assert_eq!(cut.take_reached(&frontiers([49, 0])), None);
        assert_eq!(
            cut.take_reached(&frontiers([50, 0])).unwrap().taken_at_ms,
            5
        );
    }

    #[test]
    fn the_latest_reached_snapshot_replaces_older_ones() {
        let mut cut = ConsistentCut::default();
        cut.offer(snapshot(1, [10, 0]));
        cut.offer(snapshot(2, [11, 0]));
        assert_eq!(
            cut.take_reached(&frontiers([11, 0])).unwrap().taken_at_ms,
            2
        );
        assert_eq!(cut.take_reached(&frontiers([11, 0])), None);
    }
}
