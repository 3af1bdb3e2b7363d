use super::super::commit::PlannedCommit;
use super::*;
use crate::checkpoint::MemoryStore;

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
