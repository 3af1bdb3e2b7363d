//! What is written while the mirror lags behind the source, in part or as a whole.

use super::*;

#[tokio::test]
async fn h19_nothing_is_applied_before_the_mirror_reached_the_ends_of_the_snapshot() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.mirror.advance(99);
    bench.round().await;
    assert_eq!(bench.target.offset("g"), None);
    let status = bench.status("g");
    assert_eq!(status.state, GroupState::Pending);
    assert!(
        status
            .detail
            .unwrap()
            .contains("t-0 has to reach 100 and is at 99")
    );
    bench.mirror.advance(100);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(45), GroupState::Synced)
    );
}

#[tokio::test]
async fn h19_a_partition_whose_end_is_not_told_makes_no_cut() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.source.set(|inner| inner.silent.insert(partition()));
    bench.source.put("g", 60);
    bench.round().await;
    let status = bench.status("g");
    assert_eq!(bench.target.offset("g"), Some(45));
    assert_eq!(status.state, GroupState::Pending);
    assert!(
        status
            .detail
            .unwrap()
            .contains("ends of 1 partitions, among them t-0")
    );

    bench
        .mirror
        .set(|mirrored| mirrored.state = PartitionState::Halted);
    bench.round().await;
    assert_eq!(bench.target.offset("g"), Some(55));
}

#[tokio::test]
async fn a_partition_that_stands_still_holds_its_groups_at_the_frontier_and_lets_them_advance_later()
 {
    let mut bench = Bench::new();
    bench.source.put("g", 80);
    bench.mirror.advance(60);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (None, GroupState::Held)
    );

    bench
        .mirror
        .set(|mirrored| mirrored.state = PartitionState::Halted);
    bench.round().await;
    let status = bench.status("g");
    assert_eq!(bench.target.offset("g"), Some(55));
    assert_eq!((status.state, status.exact), (GroupState::Held, false));

    bench
        .mirror
        .set(|mirrored| mirrored.state = PartitionState::Live);
    bench.mirror.advance(100);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(75), GroupState::Synced)
    );
}

/// After a crash the mirror would stand before what the group has read already.
#[tokio::test]
async fn h9_nothing_is_committed_before_the_frontiers_it_depends_on_are_stored() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.mirror.be_full(true);
    let failed = bench.sync.round(&mut bench.memory, 0).await.unwrap_err();
    assert_eq!(failed.kind(), Kind::Store);
    assert_eq!(bench.target.offset("g"), None);
    let written = bench.sync.ledger.account(&"g".into()).unwrap().written;
    assert!(written.is_empty(), "{written:?}");
    bench.mirror.be_full(false);
    bench.round().await;
    assert_eq!(bench.target.offset("g"), Some(45));
}
