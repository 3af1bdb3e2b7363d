use super::*;
use crate::control::TargetLog;
use crate::model::PartitionState;
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
        has_mirror: true,
        state,
        reason: None,
        frontier: Some(SourceOffset(frontier)),
        source_high_watermark: SourceOffset(frontier),
        at_risk_since_ms: Some(0),
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
            mirrored(1, state, 3).advances(),
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
fn a_partition_without_a_mirror_holds_no_cut() {
    let mut cut = ConsistentCut::default();
    cut.offer(snapshot(1, [10, 20]));
    let mut absent = mirrored(1, PartitionState::Preparing, 0);
    (absent.has_mirror, absent.frontier) = (false, None);
    let partitions = [mirrored(0, PartitionState::Live, 10), absent];
    assert!(cut.take_reached(&partitions).is_some());
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
