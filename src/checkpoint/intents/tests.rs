use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt;

use super::*;
use crate::checkpoint::MemoryStore;
use crate::checkpoint::testing::{FailingStore, link_record};
use crate::model::{Intent, IntentChange};

fn link() -> LinkName {
    "l".into()
}

fn made(topics: Option<&[&str]>, intent: Intent, now_ms: i64) -> LinkIntents {
    let topics: Option<BTreeSet<TopicName>> =
        topics.map(|it| it.iter().map(|topic| TopicName::from(*topic)).collect());
    let change = IntentChange::Set(intent);
    let changed = LinkIntents::default().change(topics.as_ref(), change, "here", now_ms);
    changed.unwrap()
}

#[tokio::test]
async fn settings_are_read_as_they_were_written_and_belong_to_their_link() {
    let store = MemoryStore::new();
    let mut all = made(None, Intent::Paused, 1);
    all.merge(&made(Some(&["a", "b"]), Intent::Sealed, 2));
    let mut update = Update::new();
    put_intents(&mut update, &link(), &all);
    put_intents(
        &mut update,
        &"l2".into(),
        &made(Some(&["c"]), Intent::Open, 3),
    );
    for (key, value) in update.changes() {
        assert!(keys::link_of(key, value.as_deref()).is_some());
    }
    store.commit(update).await.unwrap();
    assert_eq!(load_intents(&store, &link()).unwrap(), all);
    assert_eq!(
        load_pending(&store, &link()).unwrap(),
        LinkIntents::default()
    );
    let mut update = Update::new();
    put_intents(&mut update, &link(), &made(Some(&["a"]), Intent::Mirror, 9));
    store.commit(update).await.unwrap();
    let read = load_intents(&store, &link()).unwrap();
    assert_eq!(read.topics[&"a".into()].intent, Intent::Mirror);
    assert_eq!(read.topics[&"b".into()].intent, Intent::Sealed);
}

#[tokio::test]
async fn pending_settings_are_no_entries_of_the_link() {
    let store = MemoryStore::new();
    let mut update = Update::new();
    let pending = made(Some(&["a"]), Intent::Paused, 1);
    put_pending(&mut update, &link(), &pending);
    for (key, value) in update.changes() {
        assert_eq!(keys::link_of(key, value.as_deref()), None);
    }
    store.commit(update).await.unwrap();
    assert_eq!(load_pending(&store, &link()).unwrap(), pending);
    assert!(load_intents(&store, &link()).unwrap().is_empty());
    let mut update = Update::new();
    put_pending(&mut update, &link(), &LinkIntents::default());
    store.commit(update).await.unwrap();
    assert!(load_pending(&store, &link()).unwrap().is_empty());
}

#[tokio::test]
async fn a_link_that_an_earlier_version_paused_is_paused_until_something_is_set() {
    let store = MemoryStore::new();
    let mut update = Update::new();
    put_link(&mut update, &link_record(true));
    store.commit(update).await.unwrap();
    let read = load_intents(&store, &link()).unwrap();
    assert_eq!(read, LinkIntents::formerly_paused());
    let mut update = Update::new();
    put_intents(&mut update, &link(), &made(None, Intent::Mirror, 1));
    store.commit(update).await.unwrap();
    let read = load_intents(&store, &link()).unwrap();
    assert_eq!(read.of_link(), Intent::Mirror);
}

async fn ask(store: &dyn Store, change: &LinkIntents) {
    let mut pending = load_pending(store, &link()).unwrap();
    pending.merge(change);
    let mut update = Update::new();
    put_pending(&mut update, &link(), &pending);
    store.commit(update).await.unwrap();
}

async fn take_in(store: &dyn Store, audit: &AuditLog) -> Result<()> {
    let keeper = IntentKeeper {
        store,
        link: &link(),
        audit,
        pending: &Mutex::default(),
    };
    keeper.take_in().await
}

#[tokio::test]
async fn pending_settings_are_taken_in_once_and_audited_with_what_counts_in_their_place() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let audit = AuditLog::open(Arc::clone(&store)).unwrap();
    // Set by another process in the meantime.
    let mut update = Update::new();
    put_intents(&mut update, &link(), &made(None, Intent::Mirror, 5));
    store.commit(update).await.unwrap();
    ask(&*store, &made(None, Intent::Paused, 3)).await;
    ask(&*store, &made(Some(&["a", "b"]), Intent::Sealed, 7)).await;
    take_in(&*store, &audit).await.unwrap();
    take_in(&*store, &audit).await.unwrap();
    assert!(load_pending(&*store, &link()).unwrap().is_empty());
    let stored = load_intents(&*store, &link()).unwrap();
    assert_eq!(stored.of_link(), Intent::Mirror);
    assert_eq!(stored.of(&"b".into()), Intent::Sealed);
    let entries = audit.latest(9).unwrap();
    let [(_, topics), (_, of_link)] = &entries[..] else {
        panic!("{entries:?}");
    };
    assert_eq!(
        (&topics["action"], &topics["topics"]),
        (&"seal".into(), &serde_json::json!(["a", "b"]))
    );
    assert_eq!(
        (&of_link["action"], &of_link["from"]),
        (&"pause".into(), &"here".into())
    );
    assert_eq!(of_link["superseded_by"]["intent"], "mirror");
    assert_eq!(topics["superseded_by"], serde_json::Value::Null);
}

#[tokio::test]
async fn the_record_tells_earlier_versions_whether_the_link_is_paused() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let audit = AuditLog::open(Arc::clone(&store)).unwrap();
    let mut update = Update::new();
    put_link(&mut update, &link_record(false));
    store.commit(update).await.unwrap();
    for (intent, paused) in [(Intent::Sealed, true), (Intent::Mirror, false)] {
        ask(&*store, &made(None, intent, 1 + i64::from(!paused))).await;
        take_in(&*store, &audit).await.unwrap();
        let record = load_link(&*store, &link()).unwrap().unwrap();
        assert_eq!(record.paused, paused);
    }
}

#[tokio::test]
async fn what_was_taken_in_and_could_not_be_forgotten_is_taken_in_again() {
    let failing = Arc::new(FailingStore::default());
    let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&failing);
    let audit = AuditLog::open(Arc::clone(&store)).unwrap();
    ask(&*store, &made(None, Intent::Paused, 1)).await;
    failing.fail_after(1);
    assert!(take_in(&*store, &audit).await.is_err());
    for settled in [false, true] {
        let stored = load_intents(&*store, &link()).unwrap();
        assert_eq!(stored.of_link(), Intent::Paused);
        assert_eq!(load_pending(&*store, &link()).unwrap().is_empty(), settled);
        take_in(&*store, &audit).await.unwrap();
    }
    assert_eq!(audit.latest(9).unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_set_while_earlier_settings_are_taken_in_stays_pending() {
    let slow = Arc::new(FailingStore::default());
    let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&slow);
    let audit = AuditLog::open(Arc::clone(&store)).unwrap();
    ask(&*store, &made(None, Intent::Paused, 1)).await;
    slow.be_slow();
    let mut taking = std::pin::pin!(take_in(&*store, &audit));
    assert!((&mut taking).now_or_never().is_none());
    slow.finish();
    ask(&*store, &made(Some(&["a"]), Intent::Sealed, 2)).await;
    taking.await.unwrap();
    let pending = load_pending(&*store, &link()).unwrap();
    assert_eq!(pending, made(Some(&["a"]), Intent::Sealed, 2));
    take_in(&*store, &audit).await.unwrap();
    let stored = load_intents(&*store, &link()).unwrap();
    assert_eq!(
        (stored.of_link(), stored.of(&"a".into())),
        (Intent::Paused, Intent::Sealed)
    );
}

#[tokio::test]
async fn a_record_without_the_former_field_is_read() {
    let store = MemoryStore::new();
    let text = r#"{"identity":{"link":"l","source_cluster_id":"a","target_cluster_id":"b"},"initialized":true}"#;
    let mut update = Update::new();
    update.put(Space::Links, keys::link(&link()), text.into());
    store.commit(update).await.unwrap();
    assert!(load_intents(&store, &link()).unwrap().is_empty());
}
