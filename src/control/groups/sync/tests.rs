use tokio::time::timeout;

use super::look::LATE_LOOK;
use super::*;
use crate::checkpoint::{MemoryStore, Store};
use crate::control::TargetLog;
use crate::control::testing::{FakeMirror, FakeSite, Fate, partition};
use crate::model::{PartitionState, SourceOffset, TargetOffset};

mod away;
mod cuts;
mod intents;
mod vanished;

/// A link with its clusters. A restart keeps the clusters and the checkpoint DB.
struct Bench {
    source: Arc<FakeSite>,
    target: Arc<FakeSite>,
    mirror: Arc<FakeMirror>,
    store: Arc<dyn Store>,
    sync: GroupSync,
    memory: Memory,
    now_ms: i64,
}

impl Bench {
    /// A source with 100 records, all mirrored.
    fn new() -> Self {
        let source = Arc::new(FakeSite::default());
        source.set(|inner| inner.ends.insert(partition(), 100));
        let target = Arc::new(FakeSite::default());
        let mirror = Arc::new(FakeMirror::at(100));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let sync = sync(&source, &target, &mirror, &store);
        Self {
            source,
            target,
            mirror,
            store,
            sync,
            memory: Memory::new(),
            now_ms: 0,
        }
    }

    fn restart(&mut self) {
        self.sync = sync(&self.source, &self.target, &self.mirror, &self.store);
        self.memory = Memory::new();
    }

    async fn round(&mut self) {
        // Every round reads the target, as if the idle time had passed.
        self.memory.passed_at = None;
        self.sync
            .round(&mut self.memory, self.now_ms)
            .await
            .unwrap();
    }

    /// The total number of commits once the clock shows `now_ms`.
    async fn commits_at(&mut self, now_ms: i64) -> usize {
        self.now_ms = now_ms;
        self.round().await;
        self.target.set(|inner| inner.commits.len())
    }

    fn status(&self, group: &str) -> GroupPartitionStatus {
        self.sync.board.group(&group.into()).unwrap().partitions[0].clone()
    }

    fn state(&self) -> GroupState {
        self.status("g").state
    }
}

fn sync(
    source: &Arc<FakeSite>,
    target: &Arc<FakeSite>,
    mirror: &Arc<FakeMirror>,
    store: &Arc<dyn Store>,
) -> GroupSync {
    GroupSync {
        source: Arc::<FakeSite>::clone(source),
        target: Arc::<FakeSite>::clone(target),
        mirrored: Arc::<FakeMirror>::clone(mirror),
        ledger: Arc::new(Ledger::new(Arc::clone(store), "link".into())),
        board: Arc::new(Board::default()),
        filter: GroupFilter::new(&["g.*"], &[] as &[&str]).unwrap(),
        interval: Duration::from_secs(1),
        in_flight: InFlight::default(),
    }
}

#[tokio::test]
async fn an_offset_is_translated_and_follows_the_source_both_ways() {
    let mut bench = Bench::new();
    for offset in [50, 60, 20] {
        bench.source.put("g", offset);
        bench.round().await;
        assert_eq!(bench.target.offset("g"), Some(offset - 5));
    }
    let status = bench.status("g");
    assert_eq!(status.source_offset, Some(SourceOffset(20)));
    assert_eq!(status.target_offset, Some(TargetOffset(15)));
    assert_eq!((status.state, status.exact), (GroupState::Synced, true));
    let metadata = bench.target.set(|inner| {
        let offsets = &inner.offsets[&GroupId::from("g")];
        offsets[&partition()].metadata.clone()
    });
    assert_eq!(metadata.as_deref(), Some("text"));
}

#[tokio::test]
async fn only_groups_of_the_link_are_carried() {
    let mut bench = Bench::new();
    bench.source.put("other", 50);
    bench
        .source
        .set(|inner| inner.unsupported.insert("g-share".into()));
    bench.round().await;
    assert_eq!(bench.target.offset("other"), None);
    assert!(
        bench
            .sync
            .board
            .group(&"g-share".into())
            .unwrap()
            .unsupported
    );
}

#[tokio::test]
async fn a_group_that_may_not_be_read_holds_up_no_other_and_is_not_forgotten() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.source.set(|inner| inner.refused.insert("g".into()));
    bench.source.put("g2", 60);
    bench.round().await;
    assert_eq!(bench.target.offset("g2"), Some(55));
    let snapshot = bench.sync.ledger.snapshot().unwrap().unwrap();
    assert!(snapshot.groups.contains_key(&GroupId::from("g")));
}

#[tokio::test]
async fn h16_progress_on_the_target_is_never_overwritten_also_after_a_restart() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.target.put("g", 47);
    bench.source.put("g", 60);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(47), GroupState::Released)
    );

    bench.restart();
    // Even the very offset this link wrote last doesn't make the group ours again.
    bench.target.put("g", 45);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(45), GroupState::Released)
    );
}

#[tokio::test]
async fn h16_progress_made_while_farshore_was_down_is_not_overwritten() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.restart();
    bench.target.put("g", 46);
    bench.source.put("g", 70);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(46), GroupState::Released)
    );
}

#[tokio::test]
async fn h16_a_commit_whose_answer_was_lost_is_known_as_ours_after_a_restart() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench
        .target
        .set(|inner| inner.commits_are = Fate::DoneUnheard);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(45), GroupState::Waiting)
    );

    bench.restart();
    bench.target.set(|inner| inner.commits_are = Fate::Done);
    bench.source.put("g", 60);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(55), GroupState::Synced)
    );
}

#[tokio::test]
async fn h16_a_commit_that_may_still_arrive_is_repeated_before_the_next() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.target.set(|inner| inner.commits_are = Fate::Lost);
    bench.round().await;
    bench.restart();
    bench.target.set(|inner| inner.commits_are = Fate::Done);
    bench.source.put("g", 60);
    bench.round().await;
    bench.round().await;
    let offsets = bench.target.set(|inner| {
        let each = inner.commits.iter();
        each.map(|(_, offsets)| offsets[&partition()].offset)
            .collect::<Vec<_>>()
    });
    assert_eq!(offsets, [45, 55]);
}

#[tokio::test]
async fn a_group_with_members_on_the_target_is_left_to_them_until_they_leave() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.target.set(|inner| inner.active.insert("g".into()));
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (None, GroupState::ActiveOnTarget)
    );
    bench.target.set(|inner| inner.active.clear());
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(45), GroupState::Synced)
    );
}

#[tokio::test]
async fn h17_unchanged_offsets_are_kept_alive_also_without_the_source() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    for (now_ms, commits) in [(0, 1), (99, 1), (100, 2)] {
        assert_eq!(bench.commits_at(now_ms).await, commits, "at {now_ms}");
    }
    bench.source.set(|inner| inner.gone = true);
    bench.restart();
    for (now_ms, commits) in [(199, 2), (200, 3)] {
        assert_eq!(bench.commits_at(now_ms).await, commits, "at {now_ms}");
    }
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (Some(45), GroupState::Synced)
    );
}

#[tokio::test]
async fn h18_an_offset_below_the_targets_log_start_is_raised_and_counted() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench
        .mirror
        .set(|mirrored| mirrored.target_log_start = TargetOffset(60));
    bench.round().await;
    let status = bench.status("g");
    assert_eq!(bench.target.offset("g"), Some(60));
    assert_eq!((status.state, status.exact), (GroupState::Clamped, false));
    assert!(status.detail.unwrap().starts_with("15 offsets"));
}

#[tokio::test]
async fn h13_a_group_above_a_lost_tail_is_put_to_its_end_and_goes_on_exactly_later() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    let log = |bench: &Bench, log| bench.mirror.set(|mirrored| mirrored.target_log = log);
    // The log is read again, also by a later process, before anything is written above its end.
    for is_restarted in [false, true] {
        if is_restarted {
            bench.restart();
            log(&bench, TargetLog::Unread);
            bench.round().await;
        }
        log(&bench, TargetLog::CutAt(TargetOffset(30)));
        for _ in 0..2 {
            bench.round().await;
            let status = bench.status("g");
            assert_eq!(bench.target.offset("g"), Some(30));
            assert_eq!((status.state, status.exact), (GroupState::Clamped, false));
            assert_eq!(status.target_offset, Some(TargetOffset(30)));
        }
    }
    log(&bench, TargetLog::Whole);
    for (frontier, offset, state) in [
        (35, 30, GroupState::Held),
        (40, 35, GroupState::Held),
        (100, 45, GroupState::Synced),
    ] {
        bench.mirror.advance(frontier);
        bench.round().await;
        assert_eq!(
            (bench.target.offset("g"), bench.state()),
            (Some(offset), state)
        );
    }
    let commits = bench.target.set(|inner| inner.commits.len());
    assert_eq!(commits, 4, "45, 30, 35 and 45");
}

#[tokio::test(start_paused = true)]
async fn what_waited_for_the_targets_log_is_carried_as_soon_as_it_was_read() {
    let mut bench = Bench::new();
    let log = |bench: &Bench, log| bench.mirror.set(|mirrored| mirrored.target_log = log);
    log(&bench, TargetLog::Unread);
    bench.source.put("g", 50);
    for (read, expected) in [(TargetLog::Unread, None), (TargetLog::Whole, Some(45))] {
        log(&bench, read);
        bench.sync.round(&mut bench.memory, 0).await.unwrap();
        assert_eq!(bench.target.offset("g"), expected);
    }
}

#[tokio::test]
async fn the_latest_snapshot_outlives_the_source_and_the_process() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.mirror.advance(40);
    bench.round().await;
    bench.restart();
    bench.source.set(|inner| inner.gone = true);
    bench.round().await;
    let snapshot = bench.sync.ledger.snapshot().unwrap().unwrap();
    assert_eq!(
        snapshot.groups[&GroupId::from("g")][&partition()].offset,
        SourceOffset(50)
    );
    assert_eq!(snapshot.ends[&partition()], SourceOffset(100));
}

#[tokio::test]
async fn a_frozen_group_is_not_written() {
    let mut bench = Bench::new();
    let groups = BTreeSet::from([GroupId::from("g")]);
    bench
        .sync
        .ledger
        .guard()
        .await
        .freeze(&groups, "op")
        .await
        .unwrap();
    bench.source.put("g", 50);
    bench.round().await;
    assert_eq!(
        (bench.target.offset("g"), bench.state()),
        (None, GroupState::Moved)
    );
}

#[tokio::test]
async fn a_target_that_is_gone_ends_nothing() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.target.set(|inner| inner.gone = true);
    bench.round().await;
    bench.target.set(|inner| inner.gone = false);
    bench.round().await;
    assert_eq!(bench.target.offset("g"), Some(45));
}

#[tokio::test(start_paused = true)]
async fn without_news_the_target_is_looked_at_from_time_to_time() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.round().await;
    bench.target.set(|inner| inner.offsets.clear());
    for (wait, expected) in [(0, None), (5, Some(45))] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        bench.sync.round(&mut bench.memory, 0).await.unwrap();
        assert_eq!(bench.target.offset("g"), expected, "after {wait} s");
    }
    bench.source.put("g", 60);
    bench.sync.round(&mut bench.memory, 0).await.unwrap();
    assert_eq!(bench.target.offset("g"), Some(55), "news at once");
}
