//! Verifications, their partitions, and what has been proven about partitions.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json::{list, put};
use super::keys::{self, Parts};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{LinkName, TopicPartition};

/// Writes a verification: what was requested.
pub fn put_verification<T: Serialize>(update: &mut Update, link: &LinkName, id: &str, ordered: &T) {
    put(
        update,
        Space::Verifications,
        &keys::verification(link, id),
        ordered,
    );
}

/// Reads every verification of a link with its id, ordered by id. Errors: those of the store.
pub fn verifications_of<T: DeserializeOwned>(
    store: &dyn Store,
    link: &LinkName,
) -> Result<Vec<(String, T)>> {
    let prefix = keys::verifications(link);
    list(store, Space::Verifications, &prefix, |key| {
        let mut parts = Parts::behind(&prefix, key)?;
        parts.name().map(str::to_owned)
    })
}

/// Writes the progress of a verification in a partition.
pub fn put_examined<T: Serialize>(
    update: &mut Update,
    (link, id): (&LinkName, &str),
    partition: &TopicPartition,
    examined: &T,
) {
    let key = keys::examined(link, id, partition);
    put(update, Space::Verifications, &key, examined);
}

/// Reads the partitions of a verification, in order. Errors: those of the store.
pub fn examined_of<T: DeserializeOwned>(
    store: &dyn Store,
    link: &LinkName,
    id: &str,
) -> Result<Vec<(TopicPartition, T)>> {
    let prefix = keys::all_examined(link, id);
    list(store, Space::Verifications, &prefix, |key| {
        Parts::behind(&prefix, key)?.topic_partition()
    })
}

/// Removes a verification and its partitions. Errors: those of the store.
pub fn delete_verification(
    update: &mut Update,
    store: &dyn Store,
    link: &LinkName,
    id: &str,
) -> Result<()> {
    let prefix = keys::all_examined(link, id);
    for (key, _) in store.scan(Space::Verifications, &prefix, usize::MAX)? {
        update.delete(Space::Verifications, key);
    }
    update.delete(Space::Verifications, keys::verification(link, id));
    Ok(())
}

/// Writes what has been proven about a partition.
pub fn put_proof<T: Serialize>(
    update: &mut Update,
    link: &LinkName,
    partition: &TopicPartition,
    proof: &T,
) {
    let key = keys::proof(link, partition);
    put(update, Space::Verifications, &key, proof);
}

/// Reads what has been proven about the partitions of a link. Errors: those of the store.
pub fn proofs_of<T: DeserializeOwned>(
    store: &dyn Store,
    link: &LinkName,
) -> Result<Vec<(TopicPartition, T)>> {
    let prefix = keys::proofs(link);
    list(store, Space::Verifications, &prefix, |key| {
        Parts::behind(&prefix, key)?.topic_partition()
    })
}
