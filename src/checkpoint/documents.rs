//! Plans and operations: a head with the small fields, and lists in chunks.
//!
//! Plans that weren't executed are in the DB only. An operation contains its plan and is in the journal of its link.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::chunks::{ChunkedList, Packed};
use super::json::{put, read};
use super::keys::{self, Parts};
use super::store::{Space, Store, Update};
use crate::error::Result;
use crate::model::{GroupId, LinkName, TopicPartition};

/// The kinds of documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// A plan that wasn't executed.
    Plan,
    /// An operation with its plan.
    Operation,
}

/// The lists of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// The groups of a plan.
    Chosen,
    /// The topics of a plan.
    Topics,
    /// The moves of a plan.
    Planned,
    /// The blockers of a plan.
    Against,
    /// The warnings of a plan.
    Warnings,
    /// The moves of an operation, if they aren't its plan's.
    Moves,
    /// The blockers that stopped an operation.
    Blockers,
    /// The ends of the partitions when an operation found them at rest.
    Ends,
}

/// Identifies a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub kind: DocumentKind,
    pub link: LinkName,
    /// The plan's id, which is also the operation's.
    pub id: String,
}

/// The small fields of a document, and the locations of its lists.
#[derive(Debug, Serialize, Deserialize)]
pub struct Document<H> {
    #[serde(flatten)]
    pub head: H,
    /// The lists; a missing list is empty.
    #[serde(default)]
    pub lists: BTreeMap<List, ChunkedList>,
}

impl DocumentKind {
    fn space(self) -> Space {
        match self {
            Self::Plan => Space::Plans,
            Self::Operation => Space::Operations,
        }
    }

    /// Every document of this kind with its head, ordered by link and id.
    pub fn all<H: DeserializeOwned>(self, store: &dyn Store) -> Result<Vec<(Name, Document<H>)>> {
        let mut found = Vec::new();
        let prefix = keys::documents(None);
        for (key, value) in store.scan(self.space(), &prefix, usize::MAX)? {
            let name = self.named(&prefix, &key)?;
            found.push((name, read(self.space(), &key, &value)?));
        }
        Ok(found)
    }

    /// The name of the document with this id.
    pub fn find(self, store: &dyn Store, id: &str) -> Result<Option<Name>> {
        let prefix = keys::documents(None);
        for (key, _) in store.scan(self.space(), &prefix, usize::MAX)? {
            let name = self.named(&prefix, &key)?;
            if name.id == id {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn named(self, prefix: &[u8], key: &[u8]) -> Result<Name> {
        let parts = || {
            let mut parts = Parts::behind(prefix, key)?;
            let link = parts.name()?.into();
            let id = parts.name()?.to_owned();
            let kind = self;
            Some(Name { kind, link, id })
        };
        parts().ok_or_else(|| super::json::unreadable(self.space(), key))
    }

    /// Every document that the first layout stored as one value, with its id.
    pub fn all_of_first_layout(self, store: &dyn Store) -> Result<Vec<(String, Vec<u8>)>> {
        let from = keys::FIRST_LAYOUT_DOCUMENTS;
        let former = store
            .scan_from(self.space(), &[], from, usize::MAX)?
            .into_iter();
        let named = |(key, value)| match String::from_utf8(key) {
            Ok(id) => Ok((id, value)),
            Err(key) => Err(super::json::unreadable(self.space(), key.as_bytes())),
        };
        former.map(named).collect()
    }

    /// The document that the first layout stored as one value under `id`.
    pub fn of_first_layout<T: DeserializeOwned>(
        self,
        store: &dyn Store,
        id: &str,
    ) -> Result<Option<T>> {
        super::json::load(store, self.space(), id.as_bytes())
    }

    /// Removes a document of the first layout.
    pub fn delete_of_first_layout(self, update: &mut Update, id: &str) {
        update.delete(self.space(), id.as_bytes());
    }

    /// Removes a document of the first layout, if it exists.
    pub fn delete_if_of_first_layout(
        self,
        update: &mut Update,
        store: &dyn Store,
        id: &str,
    ) -> Result<()> {
        if store.get(self.space(), id.as_bytes())?.is_some() {
            self.delete_of_first_layout(update, id);
        }
        Ok(())
    }
}

impl Name {
    /// Reads the head.
    pub fn load<H: DeserializeOwned>(&self, store: &dyn Store) -> Result<Option<Document<H>>> {
        super::json::load(store, self.space(), &keys::document(&self.link, &self.id))
    }

    /// Writes the head.
    pub fn put<H: Serialize>(&self, update: &mut Update, document: &Document<H>) {
        put(
            update,
            self.space(),
            &keys::document(&self.link, &self.id),
            document,
        );
    }

    /// Removes the head and all lists.
    pub fn delete<H>(&self, update: &mut Update, document: &Document<H>) {
        update.delete(self.space(), keys::document(&self.link, &self.id));
        for list in document.lists.keys() {
            self.delete_list(update, &document.lists, *list);
        }
    }

    /// Writes a list; the head written in the same update must refer to it.
    pub fn put_list(&self, update: &mut Update, list: List, packed: Packed) -> ChunkedList {
        packed.put(update, self.space(), &self.chunks(list))
    }

    /// Removes a list, if it exists.
    pub fn delete_list(
        &self,
        update: &mut Update,
        lists: &BTreeMap<List, ChunkedList>,
        list: List,
    ) {
        if let Some(stored) = lists.get(&list) {
            stored.delete(update, self.space(), &self.chunks(list));
        }
    }

    /// Reads a list; `None` if it was replaced since the head was read.
    pub fn list<T: DeserializeOwned>(
        &self,
        store: &dyn Store,
        lists: &BTreeMap<List, ChunkedList>,
        list: List,
    ) -> Result<Option<Vec<T>>> {
        match lists.get(&list) {
            Some(stored) => stored.load(store, self.space(), &self.chunks(list)),
            None => Ok(Some(Vec::new())),
        }
    }

    /// Reads values for groups and partitions; `None` if they were replaced since the head was read.
    pub fn cells<T: DeserializeOwned>(
        &self,
        store: &dyn Store,
        lists: &BTreeMap<List, ChunkedList>,
        list: List,
        take: impl FnMut(&GroupId, TopicPartition, T),
    ) -> Result<Option<()>> {
        match lists.get(&list) {
            Some(stored) => stored.load_cells(store, self.space(), &self.chunks(list), take),
            None => Ok(Some(())),
        }
    }

    fn space(&self) -> Space {
        self.kind.space()
    }

    fn chunks(&self, list: List) -> Vec<u8> {
        let mut prefix = keys::document_chunks(&self.link, &self.id);
        prefix.push(list as u8);
        prefix
    }
}
