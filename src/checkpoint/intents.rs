//! Intents as they are kept: those of the link's entries, which its journal has too, and those that wait until this process
//! owns the link.

use super::json::{list, load, put};
use super::keys::{self, Parts};
use super::records::load_link;
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{IntentSetting, LinkIntents, LinkName, TopicName};

/// Reads a link's intents; of a link that an earlier version paused, that. Errors are those of the store.
pub fn load_intents(store: &dyn Store, link: &LinkName) -> Result<LinkIntents> {
    let prefix = keys::intents(link);
    let found: Vec<(Option<TopicName>, IntentSetting)> =
        list(store, Space::Meta, &prefix, |key| {
            let rest = key.strip_prefix(&prefix[..])?;
            if rest.is_empty() {
                return Some(None);
            }
            Parts::of(rest).name().map(|topic| Some(topic.into()))
        })?;
    let mut intents = LinkIntents::default();
    for (topic, setting) in found {
        match topic {
            Some(topic) => drop(intents.topics.insert(topic, setting)),
            None => intents.link = Some(setting),
        }
    }
    if intents.link.is_none() && load_link(store, link)?.is_some_and(|record| record.paused) {
        intents.merge(&LinkIntents::formerly_paused());
    }
    Ok(intents)
}

/// Writes settings; others of the link stay as they are.
pub fn put_intents(update: &mut Update, link: &LinkName, intents: &LinkIntents) {
    if let Some(setting) = &intents.link {
        put(update, Space::Meta, &keys::intents(link), setting);
    }
    for (topic, setting) in &intents.topics {
        let key = keys::topic_intent(link, topic);
        put(update, Space::Meta, &key, setting);
    }
}

/// Reads the intents that wait until this process owns the link. Errors are those of the store.
pub fn load_pending(store: &dyn Store, link: &LinkName) -> Result<LinkIntents> {
    let pending = load(store, Space::Meta, &keys::pending_intents(link))?;
    Ok(pending.unwrap_or_default())
}

/// Replaces the intents that wait until this process owns the link.
pub fn put_pending(update: &mut Update, link: &LinkName, pending: &LinkIntents) {
    let key = keys::pending_intents(link);
    if pending.is_empty() {
        update.delete(Space::Meta, key);
    } else {
        put(update, Space::Meta, &key, pending);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checkpoint::{LinkRecord, MemoryStore, records};
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

    async fn record(store: &MemoryStore, paused: bool) {
        let mut update = Update::new();
        let record = LinkRecord {
            identity: LinkIdentity {
                link: link(),
                source_cluster_id: "a".into(),
                target_cluster_id: "b".into(),
            },
            initialized: true,
            paused,
        };
        records::put_link(&mut update, &record);
        store.commit(update).await.unwrap();
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
        record(&store, true).await;
        let read = load_intents(&store, &link()).unwrap();
        assert_eq!(read, LinkIntents::formerly_paused());
        let mut update = Update::new();
        put_intents(&mut update, &link(), &made(None, Intent::Mirror, 1));
        store.commit(update).await.unwrap();
        let read = load_intents(&store, &link()).unwrap();
        assert_eq!(read.of_link(), Intent::Mirror);
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
