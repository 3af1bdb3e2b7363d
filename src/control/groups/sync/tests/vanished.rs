//! Groups that the source no longer has, and groups whose offsets the target no longer has.

use super::*;

fn vanish(bench: &Bench, is_deleted: bool) {
    bench.source.set(|inner| {
        if is_deleted {
            inner.offsets.clear();
        } else if let Some(offsets) = inner.offsets.get_mut(&GroupId::from("g")) {
            offsets.clear();
        }
    });
}

#[tokio::test]
async fn a_group_that_vanished_or_was_reset_stays_visible_until_the_target_forgets_it() {
    for is_deleted in [true, false] {
        let mut bench = Bench::new();
        bench.source.put("g", 50);
        bench.round().await;
        vanish(&bench, is_deleted);
        for _ in 0..2 {
            // Not kept alive: the target forgets it in time, too.
            assert_eq!(bench.commits_at(150).await, 1);
            let status = bench.status("g");
            assert_eq!((status.state, status.exact), (GroupState::Vanished, false));
            assert_eq!(status.source_offset, None);
            assert_eq!(status.target_offset, Some(TargetOffset(45)));
            bench.restart();
        }
        bench.target.set(|inner| inner.offsets.clear());
        bench.round().await;
        let shown = bench.sync.board.group(&"g".into());
        assert!(shown.is_none_or(|it| !is_deleted && it.partitions.is_empty()));
        assert_eq!(bench.sync.ledger.groups().unwrap(), [], "no record is left");
    }
}

#[tokio::test]
async fn a_group_that_comes_back_is_carried_again() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    vanish(&bench, true);
    bench.round().await;
    bench.source.put("g", 60);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(55), GroupState::Synced)
    );
}

#[tokio::test]
async fn a_group_that_may_not_be_read_has_not_vanished() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.source.put("g2", 60);
    bench.round().await;
    bench.source.set(|inner| inner.refused.insert("g".into()));
    bench.restart();
    bench.round().await;
    assert_eq!(bench.status("g2").state, GroupState::Synced);
    let status = bench.status("g");
    assert_eq!(status.state, GroupState::Waiting);
    assert_eq!(status.target_offset, Some(TargetOffset(45)));
    assert!(status.detail.is_some_and(|it| it.contains("not permitted")));
    bench.source.set(|inner| inner.refused.clear());
    bench.round().await;
    assert_eq!(bench.state(), GroupState::Synced);
}

#[tokio::test]
async fn an_offset_in_a_topic_that_may_not_be_seen_has_not_vanished() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench
        .source
        .set(|inner| inner.hidden_topics.insert("t".into()));
    for _ in 0..2 {
        bench.round().await;
        let status = bench.status("g");
        assert_eq!(status.state, GroupState::Waiting);
        assert_eq!(status.source_offset, Some(SourceOffset(50)));
        assert_eq!(status.target_offset, Some(TargetOffset(45)));
        let stored = bench.sync.ledger.snapshot().unwrap().unwrap();
        let kept = &stored.groups[&GroupId::from("g")][&partition()];
        assert_eq!(kept.offset, SourceOffset(50), "a failover would need it");
        bench.restart();
    }
    bench.source.put("g", 60);
    bench.source.set(|inner| inner.hidden_topics.clear());
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(55), GroupState::Synced)
    );
}

#[tokio::test]
async fn a_group_that_the_target_does_not_show_waits_and_says_why() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.source.put("g2", 60);
    bench.target.set(|inner| inner.refused.insert("g".into()));
    for known in [None, Some(TargetOffset(45))] {
        bench.round().await;
        assert_eq!(bench.status("g2").state, GroupState::Synced);
        let status = bench.status("g");
        assert_eq!(status.state, GroupState::Waiting);
        assert_eq!(status.source_offset, Some(SourceOffset(50)));
        assert_eq!(status.target_offset, known);
        assert!(status.detail.is_some_and(|it| it.contains("not permitted")));
        bench.target.set(|inner| inner.refused.clear());
        bench.round().await;
        assert_eq!(bench.state(), GroupState::Synced);
        bench.target.set(|inner| inner.refused.insert("g".into()));
    }
}

#[tokio::test]
async fn a_moved_group_stays_moved_when_the_source_forgets_it() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    let groups = BTreeSet::from([GroupId::from("g")]);
    let guard = bench.sync.ledger.guard().await;
    guard.freeze(&groups, "op").await.unwrap();
    drop(guard);
    bench.target.put("g", 47);
    vanish(&bench, true);
    bench.round().await;
    let status = bench.status("g");
    assert_eq!(status.state, GroupState::Moved);
    assert_eq!(status.target_offset, Some(TargetOffset(47)));
}

#[tokio::test]
async fn a_released_offset_that_is_gone_from_the_target_is_carried_again() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.target.put("g", 47);
    bench.round().await;
    assert_eq!(bench.state(), GroupState::Released);
    // As a mirror topic that is recreated takes the offsets in it along.
    bench.target.set(|inner| {
        inner.offsets.clear();
        inner.active.insert("g".into());
    });
    bench.round().await;
    assert_eq!(bench.state(), GroupState::ActiveOnTarget);
    bench.target.set(|inner| inner.active.clear());
    bench.source.put("g", 60);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(55), GroupState::Synced)
    );
}

#[tokio::test]
async fn a_group_that_the_source_no_longer_lists_has_not_vanished_while_it_has_offsets() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.source.set(|inner| inner.hidden.insert("g".into()));
    for (is_refused, offset, state) in [
        (true, 45, GroupState::Waiting),
        (false, 55, GroupState::Synced),
    ] {
        bench.source.put("g", 60);
        bench.source.set(|inner| {
            inner.refused.clear();
            if is_refused {
                inner.refused.insert("g".into());
            }
        });
        bench.round().await;
        assert_eq!(
            (bench.target.offset("g"), bench.state()),
            (Some(offset), state)
        );
    }
    vanish(&bench, true);
    bench.round().await;
    assert_eq!(bench.state(), GroupState::Vanished);
}

#[tokio::test]
async fn h13_a_vanished_group_above_a_lost_tail_is_put_to_its_end() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    vanish(&bench, true);
    let cut = TargetLog::CutAt(TargetOffset(30));
    bench.mirror.set(|mirrored| mirrored.target_log = cut);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(30), GroupState::Clamped)
    );
    bench
        .mirror
        .set(|mirrored| mirrored.target_log = TargetLog::Whole);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(30), GroupState::Vanished)
    );
}

#[tokio::test]
async fn a_vanished_group_that_goes_on_on_the_target_is_theirs() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    vanish(&bench, true);
    bench.target.put("g", 47);
    bench.round().await;
    assert_eq!(bench.state(), GroupState::Released);
    bench.source.put("g", 60);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(47), GroupState::Released)
    );
}

#[tokio::test]
async fn a_group_that_never_came_to_the_target_is_not_shown_once_it_is_gone() {
    let mut bench = Bench::new();
    bench.mirror.advance(40);
    bench.source.put("g", 50);
    bench.round().await;
    assert_eq!(bench.state(), GroupState::Held);
    vanish(&bench, true);
    bench.round().await;
    assert_eq!(bench.sync.board.group(&"g".into()), None);
}

#[tokio::test]
async fn an_offset_that_is_gone_from_the_target_stays_away_while_the_source_is_unknown() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.target.put("g", 47);
    bench.round().await;
    bench.target.set(|inner| inner.offsets.clear());
    bench.source.set(|inner| inner.gone = true);
    bench.restart();
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (None, GroupState::Waiting)
    );
}

/// How a new mirror topic is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anew {
    /// The source topic is another one.
    Source,
    /// The mirror topic was seen to be gone.
    SeenGone,
    /// The mirror topic hasn't been read yet.
    Unread,
}

#[tokio::test]
async fn an_offset_of_a_former_mirror_topic_does_not_come_back_in_the_new_one() {
    let cases = [Anew::Source, Anew::SeenGone, Anew::Unread].into_iter();
    for (anew, is_restarted) in cases.flat_map(|anew| [(anew, false), (anew, true)]) {
        let mut bench = Bench::new();
        bench.source.put("g", 50);
        assert_eq!(bench.commits_at(10).await, 1);
        bench.source.set(|inner| inner.gone = true);
        bench.target.set(|inner| inner.offsets.clear());
        let log = |bench: &Bench, log| bench.mirror.set(|mirrored| mirrored.target_log = log);
        match anew {
            Anew::Source => bench.mirror.set(|mirrored| mirrored.map_since_ms = 20),
            Anew::SeenGone => {
                log(&bench, TargetLog::Another);
                assert_eq!(bench.commits_at(20).await, 1);
                log(&bench, TargetLog::Whole);
            }
            Anew::Unread => log(&bench, TargetLog::Unread),
        }
        if is_restarted {
            bench.restart();
        } else {
            bench.memory.applied = None;
            bench.memory.cut = crate::control::groups::cut::ConsistentCut::default();
        }
        assert_eq!(bench.commits_at(30).await, 1, "{anew:?}");
        log(&bench, TargetLog::Whole);
        bench.source.set(|inner| inner.gone = false);
        bench.source.put("g", 60);
        assert_eq!(bench.commits_at(40).await, 2, "{anew:?}");
        assert_eq!(
            (bench.target.offset("g"), bench.state()),
            (Some(55), GroupState::Synced)
        );
    }
}
