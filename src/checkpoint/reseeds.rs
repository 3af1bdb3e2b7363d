//! Mirror topics that are to be created anew: kept until that is done, so that it is done whatever happens in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json::{list, put};
use super::keys::{self, Parts};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{LinkName, TopicId, TopicName};

/// A mirror topic to be created anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reseed {
    /// The mirror topic that is given up; one with another id is the new one.
    pub former: TopicId,
}

/// Writes that the mirror of a source topic is to be created anew.
pub fn put_reseed(update: &mut Update, link: &LinkName, topic: &TopicName, reseed: Reseed) {
    put(update, Space::Meta, &keys::reseed(link, topic), &reseed);
}

/// Writes that it was.
pub fn delete_reseed(update: &mut Update, link: &LinkName, topic: &TopicName) {
    update.delete(Space::Meta, keys::reseed(link, topic));
}

/// Reads what is to be created anew, by names on the source. Errors are those of the store.
pub fn reseeds_of(store: &dyn Store, link: &LinkName) -> Result<BTreeMap<TopicName, Reseed>> {
    let found = list(store, Space::Meta, &keys::reseeds(link), |key| {
        let mut parts = Parts::of(key);
        parts.name()?;
        parts.name()?;
        parts.name().map(TopicName::from)
    });
    Ok(found?.into_iter().collect())
}
