//! Values as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::keys::Parts;
use super::readers::is_requirement;
use super::store::{Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::TopicName;

pub(super) fn put<T: Serialize>(update: &mut Update, space: Space, key: &[u8], value: &T) {
    let json = serde_json::to_vec(value).expect("records have nothing JSON cannot say");
    update.put(space, key, json);
}

pub(super) fn load<T: DeserializeOwned>(
    store: &dyn Store,
    space: Space,
    key: &[u8],
) -> Result<Option<T>> {
    let value = store.get(space, key)?;
    value.map(|value| read(space, key, &value)).transpose()
}

/// Every value under `prefix` with what `key_of` parses from its key, in the order of the latter. Skips a link's
/// requirement.
pub(super) fn list<K: Ord, T: DeserializeOwned>(
    store: &dyn Store,
    space: Space,
    prefix: &[u8],
    key_of: impl Fn(&[u8]) -> Option<K>,
) -> Result<Vec<(K, T)>> {
    let mut records = Vec::new();
    for (key, value) in store.scan(space, prefix, usize::MAX)? {
        if space == Space::Topics && is_requirement(&key) {
            continue;
        }
        let named = key_of(&key).ok_or_else(|| unreadable(space, &key))?;
        records.push((named, read(space, &key, &value)?));
    }
    records.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(records)
}

/// Reads the value under a link's key and those of its topics, whose names follow it.
pub(super) fn list_with_topics<T: DeserializeOwned>(
    store: &dyn Store,
    of_link: &[u8],
) -> Result<(Option<T>, BTreeMap<TopicName, T>)> {
    let found = list(store, Space::Meta, of_link, |key| {
        let rest = key.strip_prefix(of_link)?;
        if rest.is_empty() {
            return Some(None);
        }
        Parts::of(rest).name().map(|topic| Some(topic.into()))
    })?;
    let (mut own, mut topics) = (None, BTreeMap::new());
    for (topic, value) in found {
        match topic {
            Some(topic) => drop(topics.insert(topic, value)),
            None => own = Some(value),
        }
    }
    Ok((own, topics))
}

pub(super) fn read<T: DeserializeOwned>(space: Space, key: &[u8], value: &[u8]) -> Result<T> {
    serde_json::from_slice(value).map_err(|error| unreadable(space, key).caused_by(error))
}

pub(super) fn unreadable(space: Space, key: &[u8]) -> Error {
    let message = format!(
        "the checkpoint DB holds something in {space:?} this farshore cannot read (key {}); was it written by a newer one?",
        key.escape_ascii(),
    );
    Error::new(Kind::Store, message)
}
