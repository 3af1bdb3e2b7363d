//! What is shown of groups while a cluster is away, and of groups that moved.

use super::*;

fn time(ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(ms).unwrap()
}

async fn freeze(bench: &Bench, operation: &str) {
    let groups = BTreeSet::from([GroupId::from("g")]);
    let guard = bench.sync.ledger.guard().await;
    guard.freeze(&groups, operation).await.unwrap();
}

#[tokio::test]
async fn while_the_source_is_away_the_last_known_offsets_are_shown_with_their_age() {
    let mut bench = Bench::new();
    bench.now_ms = 7;
    bench.source.put("g", 50);
    bench.round().await;
    let source = |bench: &Bench| bench.sync.board.source();
    assert_eq!(
        (source(&bench).as_of, source(&bench).failure),
        (Some(time(7)), None)
    );
    bench.now_ms = 9;
    bench.source.set(|inner| inner.gone = true);
    bench.target.put("g", 45);
    bench.round().await;
    assert_eq!(source(&bench).as_of, Some(time(7)));
    assert!(source(&bench).failure.unwrap().contains("nobody answers"));
    let status = bench.sync.board.group(&"g".into()).unwrap();
    assert_eq!(status.target_as_of, Some(time(9)));
    assert_eq!(
        (bench.state(), bench.status("g").exact),
        (GroupState::Synced, true)
    );
    bench.source.set(|inner| inner.gone = false);
    bench.now_ms = 11;
    bench.round().await;
    assert_eq!(
        (source(&bench).as_of, source(&bench).failure),
        (Some(time(11)), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_source_that_takes_long_to_answer_is_told_before_it_failed() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.source.set(|inner| inner.mute = true);
    let round = bench.sync.round(&mut bench.memory, 9);
    assert!(timeout(LATE_LOOK * 2, round).await.is_err());
    let source = bench.sync.board.source();
    assert_eq!(source.as_of, Some(time(0)));
    assert_eq!(source.failure.as_deref(), Some("no answer for 15 seconds"));
}

/// Requests to it are repeated for a minute, in which the target isn't looked at.
#[tokio::test(start_paused = true)]
async fn a_source_known_to_be_lost_does_not_keep_from_looking_at_the_target() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    freeze(&bench, "op").await;
    bench.target.put("g", 47);
    bench.source.set(|inner| inner.mute = true);
    bench.source.set(|inner| inner.gone = true);
    bench.now_ms = 9;
    bench.memory.passed_at = None;
    assert!(timeout(LATE_LOOK, bench.round()).await.is_ok());
    let status = bench.status("g");
    assert_eq!(status.state, GroupState::Moved);
    assert_eq!(status.target_offset, Some(TargetOffset(47)));
    let failure = bench.sync.board.source().failure;
    assert_eq!(failure.as_deref(), Some("the cluster can't be reached"));
}

#[tokio::test]
async fn a_new_process_tells_what_is_on_the_target_without_the_source() {
    let mut bench = Bench::new();
    bench.now_ms = 7;
    bench.source.put("g", 50);
    bench.source.put("g2", 60);
    // The target takes nothing for it, so this link has no record of it.
    bench.target.set(|inner| inner.active.insert("g2".into()));
    bench.round().await;
    bench.target.set(|inner| inner.active.clear());
    bench.source.set(|inner| inner.gone = true);
    bench.restart();
    bench.now_ms = 30;
    bench.round().await;
    assert_eq!(bench.sync.board.source().as_of, Some(time(7)));
    let status = bench.status("g");
    assert_eq!(status.source_offset, Some(SourceOffset(50)));
    assert_eq!(status.target_offset, Some(TargetOffset(45)));
    assert_eq!((status.state, status.exact), (GroupState::Synced, true));
    let status = bench.status("g2");
    assert_eq!(status.source_offset, Some(SourceOffset(60)));
    assert_eq!(status.target_offset, None);
    assert_eq!((status.state, status.exact), (GroupState::Waiting, false));

    bench.target.put("g", 47);
    bench.round().await;
    let status = bench.status("g");
    assert_eq!(status.target_offset, Some(TargetOffset(47)));
    assert_eq!((status.state, status.exact), (GroupState::Released, false));
}

#[tokio::test]
async fn a_moved_group_tells_by_which_operation_and_what_it_has_on_the_target() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    freeze(&bench, "op").await;
    for (is_gone, offset) in [(false, 45), (true, 47)] {
        bench.target.put("g", offset);
        bench.source.set(|inner| inner.gone = is_gone);
        bench.restart();
        bench.round().await;
        let status = bench.status("g");
        assert_eq!(status.state, GroupState::Moved);
        assert_eq!(status.moved_by.as_deref(), Some("op"));
        assert_eq!(status.detail.as_deref(), Some("by operation op"));
        assert_eq!(status.source_offset, Some(SourceOffset(50)));
        assert_eq!(status.target_offset, Some(TargetOffset(offset)));
    }
}

#[tokio::test]
async fn what_a_paused_topics_groups_have_on_the_target_is_read_if_it_can_be() {
    for (is_frozen, state) in [(false, GroupState::Paused), (true, GroupState::Moved)] {
        let mut bench = Bench::new();
        bench.source.put("g", 50);
        bench.round().await;
        if is_frozen {
            freeze(&bench, "op").await;
        }
        bench.mirror.want(crate::model::Intent::Paused);
        bench.target.put("g", 47);
        for (is_gone, offset) in [(false, 47), (true, 45)] {
            bench.target.set(|inner| inner.gone = is_gone);
            bench.round().await;
            let status = bench.status("g");
            assert_eq!(status.target_offset, Some(TargetOffset(offset)));
            assert_eq!((status.state, status.exact), (state, is_gone));
            let read = bench.sync.board.group(&"g".into()).unwrap().target_as_of;
            assert_eq!(read.is_none(), is_gone);
        }
    }
}

#[tokio::test]
async fn metadata_that_the_target_refuses_is_told_and_shorter_metadata_is_carried() {
    let mut bench = Bench::new();
    bench.target.set(|inner| inner.metadata_limit = Some(3));
    bench.source.put("g", 50);
    bench.source.put("g2", 50);
    let shorten = |bench: &Bench, group: &str| {
        bench.source.set(|inner| {
            let offsets = inner.offsets.get_mut(&GroupId::from(group)).unwrap();
            offsets.get_mut(&partition()).unwrap().metadata = Some("abc".into());
        });
    };
    shorten(&bench, "g2");
    for _ in 0..2 {
        bench.round().await;
        assert_eq!(
            (bench.target.offset("g"), bench.state()),
            (None, GroupState::Waiting)
        );
        assert_eq!(bench.target.offset("g2"), Some(45));
    }
    shorten(&bench, "g");
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(45), GroupState::Synced)
    );
}
