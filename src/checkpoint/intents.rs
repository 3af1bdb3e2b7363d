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
mod tests;
