//! The checkpoint DB on disk: sled, written by one thread, every value with its own version and checksum.
//!
//! sled's background flush is off, so nothing becomes durable but through the writer. Its cache is small because the whole of
//! farshore has a memory budget of 64 MiB and the data read often (runs) is in memory anyway.

mod aside;
mod lock;
mod opening;
mod sum;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::lock::Lock;
use super::envelope;
use super::store::{Committed, Entry, Space, Store, Update};
use super::writer::Writer;
use crate::error::{Error, Kind, Result};

/// Opens the DB in a directory, which is made if it isn't there. Repairs what an interrupted sled leaves behind.
///
/// Errors: another process has it open; the directory or the files cannot be used; something in it is damaged.
pub fn open(path: &Path) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(DiskStore::open(path)?))
}

/// The same, except that a damaged DB is set aside and an empty one begun: for links that have a journal to fill it from.
///
/// Errors: as for [`open`], but for damage.
pub fn open_or_begin_anew(path: &Path) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(DiskStore::open_with(path, true)?))
}

/// A store on sled. Dropping it writes what is still in the line and gives the directory free.
#[derive(Debug)]
pub struct DiskStore {
    // Dropped in this order: the writer uses the database, the lock guards it.
    writer: Writer,
    tree: sled::Tree,
    path: PathBuf,
    _database: sled::Db,
    _lock: Lock,
}

impl DiskStore {
    /// See [`open`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, false)
    }

    fn open_with(path: &Path, may_begin_anew: bool) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| {
            let message = format!("cannot make the checkpoint directory {}", path.display());
            Error::new(Kind::Store, message).caused_by(error)
        })?;
        let lock = Lock::take(path)?;
        let (database, mut sum) = match opening::open(path) {
            Err(damage) if may_begin_anew && damage.kind() == Kind::Invalid => {
                let aside = aside::set_aside(path)?;
                tracing::error!(
                    error = damage.chain(), kept_as = %aside.display(),
                    "the checkpoint DB is damaged; an empty one is filled from the journals"
                );
                opening::open(path)?
            }
            opened => opened?,
        };
        let tree = sled::Tree::clone(&database);
        let written = tree.clone();
        let of_writer = path.to_owned();
        let writer = Writer::start(move |group| write(&written, group, &mut sum, &of_writer));
        Ok(Self {
            writer: writer.map_err(|error| unusable(path, error))?,
            tree,
            path: path.to_owned(),
            _database: database,
            _lock: lock,
        })
    }

    fn entry(&self, found: sled::Result<(sled::IVec, sled::IVec)>) -> Result<Entry> {
        let (key, sealed) = found.map_err(|error| unusable(&self.path, error))?;
        let value = self.unsealed(&key, &sealed)?;
        Ok((key[1..].to_vec(), value))
    }

    fn unsealed(&self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        envelope::open(key, sealed)
            .map(<[u8]>::to_vec)
            .map_err(|damage| damaged(&self.path, key, damage))
    }
}

impl Store for DiskStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = space.full_key(key);
        let found = self.tree.get(&key);
        found
            .map_err(|error| unusable(&self.path, error))?
            .map(|sealed| self.unsealed(&key, &sealed))
            .transpose()
    }

    fn floor(&self, space: Space, prefix: &[u8], key: &[u8]) -> Result<Option<Entry>> {
        if !key.starts_with(prefix) {
            return Ok(None);
        }
        let up_to = space.full_key(prefix)..=space.full_key(key);
        let found = self.tree.range(up_to).next_back();
        found.map(|entry| self.entry(entry)).transpose()
    }

    fn scan_from(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let prefix_key = space.full_key(prefix);
        let found = self
            .tree
            .range(space.full_key(from.max(prefix))..)
            .take_while(|entry| !matches!(entry, Ok((key, _)) if !key.starts_with(&prefix_key)));
        found.take(limit).map(|entry| self.entry(entry)).collect()
    }

    fn commit(&self, update: Update) -> Committed {
        self.writer.commit(update)
    }
}

/// Writes a group and returns once it is durable.
fn write(tree: &sled::Tree, group: Vec<Update>, sum: &mut u64, path: &Path) -> Result<()> {
    let mut batch = sled::Batch::default();
    let newest: BTreeMap<_, _> = group.into_iter().flat_map(Update::into_changes).collect();
    for (key, value) in newest {
        let old = tree.get(&key).map_err(|error| unusable(path, error))?;
        let lost = old.map_or(0, |sealed| sum::weight(&key, &sealed));
        *sum = sum.wrapping_sub(lost);
        match value {
            Some(value) => {
                let sealed = envelope::seal(&key, &value);
                *sum = sum.wrapping_add(sum::weight(&key, &sealed));
                batch.insert(&*key, sealed);
            }
            None => batch.remove(&*key),
        }
    }
    batch.insert(sum::KEY, envelope::seal(sum::KEY, &sum.to_be_bytes()));
    tree.apply_batch(batch)
        .and_then(|()| tree.flush())
        .map(|_written_bytes| ())
        .map_err(|error| unusable(path, error))
}

fn unusable(path: &Path, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let message = format!("the checkpoint DB in {} cannot be used", path.display());
    Error::new(Kind::Store, message).caused_by(cause)
}

fn damaged(path: &Path, key: &[u8], damage: envelope::Damage) -> Error {
    let message = format!(
        "a value of the checkpoint DB in {} cannot be used (key {}); restore the directory from a copy",
        path.display(),
        key.escape_ascii(),
    );
    Error::new(Kind::Store, message).caused_by(damage)
}
