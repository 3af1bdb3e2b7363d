//! Stored intents.
//!
//! Each setting is first written to a key that only this DB has, which needs no ownership of the link and advances no
//! revision. The link's owner moves it from there into the link's entries, and thus into the journal, at once if it can. The
//! later of two settings applies, so settings made elsewhere and settings pending here merge in any order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Mutex;

use super::audit::AuditLog;
use super::json::{list_with_topics, load, put};
use super::keys;
use super::records::{load_link, put_link};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{Intent, IntentSetting, LinkIntents, LinkName, TopicName};

/// Reads a link's intents, including a pause set by an earlier version. Errors: those of the store.
pub fn load_intents(store: &dyn Store, link: &LinkName) -> Result<LinkIntents> {
    let (of_link, topics) = list_with_topics(store, &keys::intents(link))?;
    let mut intents = LinkIntents {
        link: of_link,
        topics,
    };
    if intents.link.is_none() && load_link(store, link)?.is_some_and(|record| record.paused) {
        intents.merge(&LinkIntents::formerly_paused());
    }
    Ok(intents)
}

/// Writes these settings; the link's other settings are unchanged.
pub fn put_intents(update: &mut Update, link: &LinkName, intents: &LinkIntents) {
    if let Some(setting) = &intents.link {
        put(update, Space::Meta, &keys::intents(link), setting);
    }
    for (topic, setting) in &intents.topics {
        let key = keys::topic_intent(link, topic);
        put(update, Space::Meta, &key, setting);
    }
}

/// Reads the intents waiting for this process to own the link. Errors: those of the store.
pub fn load_pending(store: &dyn Store, link: &LinkName) -> Result<LinkIntents> {
    let pending = load(store, Space::Meta, &keys::pending_intents(link))?;
    Ok(pending.unwrap_or_default())
}

/// Replaces the intents waiting for this process to own the link.
pub fn put_pending(update: &mut Update, link: &LinkName, pending: &LinkIntents) {
    let key = keys::pending_intents(link);
    if pending.is_empty() {
        update.delete(Space::Meta, key);
    } else {
        put(update, Space::Meta, &key, pending);
    }
}

/// What it takes to move a link's pending intents into its entries, with the lock.
#[derive(Debug)]
pub struct IntentKeeper<'a> {
    pub store: &'a dyn Store,
    pub link: &'a LinkName,
    /// The audit log for the settings moved.
    pub audit: &'a AuditLog,
    /// Held while pending settings are read, changed and written.
    pub pending: &'a Mutex<()>,
}

impl IntentKeeper<'_> {
    /// Moves pending settings into the link's entries, and removes them once they are durable there. The link must be owned,
    /// and its record must exist.
    ///
    /// Errors: those of the store; the settings then stay pending. Cancellation: safe, the next call moves them again.
    pub async fn take_in(&self) -> Result<()> {
        let taken = load_pending(self.store, self.link)?;
        if taken.is_empty() {
            return Ok(());
        }
        let update = self.merged(&taken)?;
        self.store.commit(update).await?;
        let _pending = self.pending.lock().await;
        let left = load_pending(self.store, self.link)?.without(&taken);
        let mut update = Update::new();
        put_pending(&mut update, self.link, &left);
        self.store.commit(update).await
    }

    /// The update that moves pending settings into the entries. Settings already there are written again, because they may
    /// be missing from the journal.
    fn merged(&self, pending: &LinkIntents) -> Result<Update> {
        let before = load_intents(self.store, self.link)?;
        let mut merged = before.clone();
        merged.merge(pending);
        let mut update = Update::new();
        let kept = LinkIntents {
            link: merged.link.clone().filter(|_| pending.link.is_some()),
            topics: (pending.topics.keys())
                .filter_map(|it| Some((it.clone(), merged.topics.get(it)?.clone())))
                .collect(),
        };
        put_intents(&mut update, self.link, &kept);
        if let Some(mut record) = load_link(self.store, self.link)? {
            record.paused = !merged.of_link().writes();
            put_link(&mut update, &record);
        }
        for entry in entries(self.link, (&before, &merged), pending) {
            // A struct of text can't fail to serialize.
            let entry = serde_json::to_value(entry).unwrap_or_default();
            self.audit.append(&mut update, Some(self.link), &entry);
        }
        Ok(update)
    }
}

/// A change of intents, as recorded in the audit log.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Entry<'a> {
    action: &'static str,
    at: Timestamp,
    link: &'a LinkName,
    intent: Intent,
    /// Empty for the link as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    topics: Vec<&'a TopicName>,
    from: &'a str,
    /// The setting in force instead: it was set later, or this change doesn't move it.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<&'a IntentSetting>,
}

/// The audit entries for pending settings, one per call; none for settings moved before.
fn entries<'a>(
    link: &'a LinkName,
    (before, merged): (&'a LinkIntents, &'a LinkIntents),
    pending: &'a LinkIntents,
) -> Vec<Entry<'a>> {
    let of_link = pending.link.iter().map(|it| (None, it));
    let of_topics = pending.topics.iter();
    let of_topics = of_topics.map(|(topic, it)| (Some(topic), it));
    let mut calls: BTreeMap<_, Vec<&TopicName>> = BTreeMap::new();
    for (topic, setting) in of_link.chain(of_topics) {
        if before.own(topic) != Some(setting) {
            let superseded_by = merged.own(topic).filter(|it| *it != setting);
            let call = (setting, topic.is_some(), superseded_by);
            calls.entry(call).or_default().extend(topic);
        }
    }
    let entry = |((setting, _, superseded_by), topics): ((&'a IntentSetting, _, _), _)| Entry {
        action: match setting.intent {
            Intent::Mirror => "resume",
            Intent::Paused => "pause",
            Intent::Sealed => "seal",
            Intent::Open => "open",
        },
        at: Timestamp::from_millisecond(setting.set_at_ms).unwrap_or_default(),
        link,
        intent: setting.intent,
        topics,
        from: &setting.set_by,
        superseded_by,
    };
    calls.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::checkpoint::failing::FailingStore;
    use crate::checkpoint::{LinkRecord, MemoryStore};
    use crate::model::{Intent, IntentChange, LinkIdentity};

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

    fn former_record(paused: bool) -> LinkRecord {
        LinkRecord {
            identity: LinkIdentity {
                link: link(),
                source_cluster_id: "a".into(),
                target_cluster_id: "b".into(),
            },
            initialized: true,
            paused,
        }
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
        put_link(&mut update, &former_record(true));
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
        put_link(&mut update, &former_record(false));
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
    async fn a_record_without_the_former_field_is_read() {
        let store = MemoryStore::new();
        let text = r#"{"identity":{"link":"l","source_cluster_id":"a","target_cluster_id":"b"},"initialized":true}"#;
        let mut update = Update::new();
        update.put(Space::Links, keys::link(&link()), text.into());
        store.commit(update).await.unwrap();
        assert!(load_intents(&store, &link()).unwrap().is_empty());
    }
}
