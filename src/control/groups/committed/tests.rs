use super::super::commit::PlannedCommit;
use super::*;
use crate::checkpoint::{MemoryStore, Store};

fn ledger() -> Ledger {
    Ledger::new(Arc::new(MemoryStore::default()), "link".into())
}

fn written(intended: bool) -> Written {
    let intent = PlannedCommit {
        offset: TargetOffset(7),
        stands_for: SourceOffset(10),
        metadata: Some("text".into()),
    };
    let intending = Written::default().intending(&intent);
    if intended {
        intending
    } else {
        intending.fulfilled(99)
    }
}

#[tokio::test]
async fn what_was_saved_is_read_again() {
    let ledger = ledger();
    let saved = BTreeMap::from([
        (TopicPartition::new("t", 0), written(true)),
        (TopicPartition::new("t", 1), written(false)),
    ]);
    ledger
        .guard()
        .await
        .save(&"g".into(), &saved)
        .await
        .unwrap();
    assert_eq!(ledger.account(&"g".into()).unwrap().written, saved);
    let empty = BTreeMap::from([(TopicPartition::new("t", 0), written(true))]);
    ledger.guard().await.save(&"".into(), &empty).await.unwrap();
    assert_eq!(ledger.groups().unwrap(), [GroupId::new(""), "g".into()]);
    assert_eq!(ledger.account(&"other".into()).unwrap(), Account::default());
    assert_eq!(
        Written::from(GroupRecord::from(&Written::default())),
        Written::default()
    );
}

#[tokio::test]
async fn a_group_is_thawed_only_by_what_froze_it() {
    let ledger = ledger();
    let groups = BTreeSet::from([GroupId::new("g")]);
    let frozen_by = || ledger.account(&"g".into()).unwrap().frozen_by;
    let guard = ledger.guard().await;
    guard.freeze(&groups, "first").await.unwrap();
    guard.freeze(&groups, "second").await.unwrap();
    assert_eq!(frozen_by().as_deref(), Some("first"));
    guard.thaw(&groups, "second").await.unwrap();
    assert_eq!(frozen_by().as_deref(), Some("first"));
    guard.thaw(&groups, "first").await.unwrap();
    assert_eq!(frozen_by(), None);
    assert_eq!(
        ledger.account(&"g".into()).unwrap().written,
        BTreeMap::new()
    );
}

#[tokio::test]
async fn a_snapshot_is_read_as_it_was_saved() {
    let ledger = ledger();
    assert_eq!(ledger.snapshot().unwrap(), None);
    let commit = SourceCommit {
        offset: SourceOffset(5),
        metadata: Some("text".into()),
    };
    let partition = TopicPartition::new("t", 0);
    let snapshot = Snapshot {
        taken_at_ms: 3,
        groups: BTreeMap::from([("g".into(), BTreeMap::from([(partition.clone(), commit)]))]),
        ends: BTreeMap::from([(partition, SourceOffset(9))]),
    };
    ledger.save_snapshot(&snapshot).await.unwrap();
    assert_eq!(ledger.snapshot().unwrap(), Some(snapshot));
}

#[tokio::test]
async fn the_operation_that_commits_owns_a_group_that_another_froze() {
    let ledger = ledger();
    let groups = BTreeSet::from([GroupId::from("g")]);
    let guard = ledger.guard().await;
    guard.freeze(&groups, "first").await.unwrap();
    let owner = || ledger.account(&"g".into()).unwrap().frozen_by;
    guard.take_over(&groups, "second").await.unwrap();
    assert_eq!(owner().as_deref(), Some("second"));
}

#[tokio::test]
async fn a_forgotten_offset_leaves_nothing_behind() {
    let ledger = ledger();
    let other = TopicPartition::new("t", 1);
    let written = [
        (TopicPartition::new("t", 0), Written::default()),
        (other.clone(), Written::default()),
    ];
    let guard = ledger.guard().await;
    guard.save(&"g".into(), &written.into()).await.unwrap();
    guard
        .forget(&"g".into(), &[TopicPartition::new("t", 0)])
        .await
        .unwrap();
    let left = ledger.account(&"g".into()).unwrap().written;
    assert_eq!(
        left.into_keys().collect::<Vec<_>>(),
        std::slice::from_ref(&other)
    );
    guard.forget(&"g".into(), &[other]).await.unwrap();
    assert_eq!(ledger.groups().unwrap(), []);
}

#[tokio::test]
async fn it_is_known_when_an_unchanged_snapshot_was_last_read_and_stored_every_minute() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let ledger = || Ledger::new(Arc::clone(&store), "link".into());
    let (first, taken) = (ledger(), snapshot_at(7));
    first.save_snapshot(&taken).await.unwrap();
    assert_eq!(first.as_of_ms(&taken), 7);
    let stored = || ledger().snapshot().unwrap().unwrap();
    for (now_ms, stored_ms) in [(8, 7), (60_006, 7), (60_007, 60_007), (60_008, 60_007)] {
        first.confirm(now_ms);
        first.confirm_snapshot(now_ms).await.unwrap();
        assert_eq!(first.as_of_ms(&taken), now_ms);
        assert_eq!(stored(), snapshot_at(stored_ms));
    }
}

fn snapshot_at(taken_at_ms: i64) -> Snapshot {
    let commit = SourceCommit {
        offset: SourceOffset(5),
        metadata: None,
    };
    Snapshot {
        taken_at_ms,
        groups: [("g".into(), [(TopicPartition::new("t", 0), commit)].into())].into(),
        ends: [(TopicPartition::new("t", 0), SourceOffset(9))].into(),
    }
}
