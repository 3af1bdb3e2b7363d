use std::collections::BTreeSet;

use super::*;
use crate::control::groups::commit::Expiry;
use crate::control::groups::sync::memory::{Holding, RETENTION_UNTOLD_MS};
use crate::model::{Intent, IntentChange, LinkIntents};

fn expiry(ms: i64) -> Expiry {
    Expiry::At(jiff::Timestamp::from_millisecond(ms).unwrap())
}

#[tokio::test]
async fn while_paused_nothing_is_committed_and_the_date_of_expiry_is_told() {
    for held in [Intent::Paused, Intent::Sealed, Intent::Open] {
        let mut bench = Bench::new();
        bench.source.put("g", 50);
        assert_eq!(bench.commits_at(10).await, 1);
        bench.mirror.want(held);
        bench.source.put("g", 60);
        // Long after the refresh was due, and after the offset expired.
        for now in [20, 200, 1_000] {
            assert_eq!(bench.commits_at(now).await, 1, "{held}");
        }
        let status = bench.status("g");
        assert_eq!(status.state, GroupState::Paused);
        assert_eq!(status.source_offset, Some(SourceOffset(60)));
        assert_eq!(status.target_offset, Some(TargetOffset(45)));
        assert!(!status.exact);
        // The fake's retention is 400 ms.
        assert_eq!(status.expires_at, Some(expiry(410)));
        assert_eq!(bench.sync.board.first_expiry(), Some(expiry(410)));
        // The snapshot for a lost source is still taken.
        let snapshot = bench.sync.ledger.snapshot().unwrap().unwrap();
        let stored = &snapshot.groups[&GroupId::from("g")][&partition()];
        assert_eq!(stored.offset, SourceOffset(60));
    }
}

#[tokio::test]
async fn a_retention_that_is_not_told_is_called_unknown() {
    let mut bench = Bench::new();
    bench.target.set(|inner| inner.retention_untold = true);
    bench.source.put("g", 50);
    bench.commits_at(10).await;
    bench.mirror.want(Intent::Paused);
    bench.commits_at(20).await;
    assert_eq!(bench.sync.board.first_expiry(), Some(Expiry::Unknown));
    let shown = serde_json::to_value(bench.status("g")).unwrap();
    assert_eq!(shown["expires_at"], "unknown");
}

#[tokio::test(start_paused = true)]
async fn what_is_resumed_is_written_first_although_it_is_neither_new_nor_old() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    assert_eq!(bench.commits_at(10).await, 1);
    bench.mirror.want(Intent::Paused);
    bench.commits_at(20).await;
    // A partition far behind makes no cut; what was written is refreshed all the same.
    bench.mirror.want(Intent::Mirror);
    bench.target.set(|inner| inner.gone = true);
    bench.sync.round(&mut bench.memory, 30).await.unwrap();
    bench.target.set(|inner| inner.gone = false);
    for _ in 0..2 {
        bench.sync.round(&mut bench.memory, 30).await.unwrap();
        assert_eq!(bench.target.set(|inner| inner.commits.len()), 2, "once");
    }
    assert_eq!(bench.state(), GroupState::Synced);
    assert_eq!(bench.sync.board.first_expiry(), None);
}

#[tokio::test]
async fn a_link_that_starts_paused_tells_what_it_wrote_before_with_both_clusters_gone() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.commits_at(10).await;
    bench.restart();
    bench.mirror.want(Intent::Paused);
    bench.source.set(|inner| inner.gone = true);
    bench.target.set(|inner| inner.gone = true);
    bench.commits_at(20).await;
    let status = bench.status("g");
    assert_eq!(
        (status.state, status.target_offset),
        (GroupState::Paused, Some(TargetOffset(45)))
    );
    assert_eq!(status.expires_at, Some(Expiry::Unknown));
}

#[tokio::test]
async fn a_group_that_was_left_alone_before_is_not_told_to_expire() {
    let mut bench = Bench::new();
    bench.source.put("g", 50);
    bench.commits_at(10).await;
    bench.target.put("g", 48);
    bench.commits_at(20).await;
    bench.mirror.want(Intent::Paused);
    bench.commits_at(30).await;
    assert_eq!(bench.state(), GroupState::Released);
    assert_eq!(bench.status("g").expires_at, None);
}

#[tokio::test]
async fn while_offsets_are_written_the_link_is_not_at_rest() {
    let mut bench = Bench::new();
    let resting = bench.sync.in_flight.clone();
    let writing = resting.begin().await;
    assert!(!resting.is_at_rest());
    drop(writing);
    bench.source.put("g", 50);
    bench.round().await;
    assert!(resting.is_at_rest(), "a pass leaves nothing behind");
}

fn wanted(of_link: Intent, of_topic: Intent) -> Arc<LinkIntents> {
    let names = BTreeSet::from(["a".into()]);
    let set = |topics, intent| {
        let change = IntentChange::Set(intent);
        LinkIntents::default()
            .change(topics, change, "x", 1)
            .unwrap()
    };
    let mut all = set(None, of_link);
    all.merge(&set(Some(&names), of_topic));
    Arc::new(all)
}

#[test]
fn what_is_resumed_is_written_at_once_until_a_pass_ended_well() {
    let mut holding = Holding::default();
    let (mirror, paused) = (Intent::Mirror, Intent::Paused);
    assert!(holding.follow(&wanted(paused, mirror)), "newly held");
    assert_eq!(holding.refresh_after_ms(Some(400)), 100);
    let both = wanted(paused, paused);
    assert!(holding.follow(&both));
    assert!(!holding.follow(&both), "nothing is new");
    assert!(
        holding.follow(&wanted(mirror, paused)),
        "others are resumed"
    );
    assert_eq!(holding.refresh_after_ms(Some(400)), 0);
    holding.passed();
    assert!(holding.follow(&wanted(mirror, mirror)));
    assert!(holding.follow(&wanted(mirror, mirror)), "not done yet");
    assert_eq!(holding.refresh_after_ms(Some(400)), 0);
    holding.passed();
    assert!(!holding.follow(&wanted(mirror, mirror)));
    assert_eq!(holding.refresh_after_ms(None), RETENTION_UNTOLD_MS / 4);
}
