//! The ACLs that a link added on its target: only these may it remove again.
//!
//! A record is written before the ACLs are, and an entry leaves it once the target no longer shows the ACL. What isn't
//! recorded was there before, or was added by somebody else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json::{list, put};
use super::keys::{self, Parts};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::kafka::acl::entry::AddedAcl;
use crate::model::{LinkName, TopicName};

/// The ACLs that a link added on one topic of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclRecord {
    /// The topic on the source.
    pub topic: TopicName,
    /// In the order of the entries.
    pub entries: Vec<AddedAcl>,
}

/// Writes the record of a topic, by its name on the target; one without entries is removed.
pub fn put_acls(update: &mut Update, link: &LinkName, mirror: &TopicName, record: &AclRecord) {
    let key = keys::acls_of_topic(link, mirror);
    if record.entries.is_empty() {
        update.delete(Space::Meta, key);
    } else {
        put(update, Space::Meta, &key, record);
    }
}

/// Reads all records of a link, by the topics' names on the target. Errors: those of the store.
pub fn acls_of(store: &dyn Store, link: &LinkName) -> Result<BTreeMap<TopicName, AclRecord>> {
    let prefix = keys::acls(link);
    let found = list(store, Space::Meta, &prefix, |key| {
        let name = Parts::behind(&prefix, key)?.name();
        name.map(TopicName::from)
    });
    Ok(found?.into_iter().collect())
}
