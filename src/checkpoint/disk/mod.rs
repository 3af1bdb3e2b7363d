//! The checkpoint DB on disk: sled, written by a single thread, with a version and a checksum on every value.
//!
//! sled's background flush is off, so nothing becomes durable except through the writer. Its cache is small because farshore
//! as a whole has a memory budget of 64 MiB, and frequently read data (runs) is in memory anyway.
//!
//! After a failed write the state on disk is unknown, and sled accepts no more writes. The DB has then *failed*: nothing is
//! read or written until [`DiskStore::reopen`] has opened it again, as after a crash.

mod database;
mod error;
mod lock;
mod mark;
mod opening;
mod room;
mod sum;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use database::Database;
use error::unusable;
use lock::Lock;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::error::{Error, Result};

use super::layout::Mark;
use super::store::{Entry, PendingCommit, Space, Store, Update};

/// Opens the DB in `path`, creating the directory if needed. Repairs what an interrupted sled leaves behind.
///
/// Errors: another process has it open, or only readers of a later layout may use it (`Refused`); the directory or its files
/// can't be used; something in it is damaged.
pub fn open(path: &Path) -> Result<Arc<DiskStore>> {
    Ok(Arc::new(DiskStore::open(path)?))
}

/// Like [`open`], but sets a damaged DB aside and starts an empty one: for links that have a journal to refill it from.
///
/// Errors: as for [`open`], except for damage.
pub fn open_or_create(path: &Path) -> Result<Arc<DiskStore>> {
    Ok(Arc::new(DiskStore::open_with(path, true)?))
}

/// A store on sled. Dropping it writes what is still queued and releases the directory.
#[derive(Debug)]
pub struct DiskStore {
    /// `None` while the DB is being reopened.
    database: RwLock<Option<Database>>,
    /// Why the DB can't be used since a write failed.
    failure: watch::Sender<Option<String>>,
    path: PathBuf,
    may_create: bool,
    reopening: Mutex<()>,
    // Dropped last: it guards the files.
    _lock: Lock,
}

impl DiskStore {
    /// See [`open`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, false)
    }

    fn open_with(path: &Path, may_create: bool) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| unusable(path, error))?;
        let lock = Lock::take(path)?;
        let failure = watch::Sender::new(None);
        let database = Database::open(path, may_create, &failure)?;
        Ok(Self {
            database: RwLock::new(Some(database)),
            failure,
            path: path.to_owned(),
            may_create,
            reopening: Mutex::new(()),
            _lock: lock,
        })
    }

    /// Publishes why the DB can't be used since a write failed; `None` while it can be used.
    pub fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.subscribe()
    }

    /// The DB's layout and its oldest reader.
    ///
    /// Errors: those of the store.
    pub fn mark(&self) -> Result<Mark> {
        self.read(Database::mark)
    }

    /// Closes a DB that has failed. Blocks, and never returns if sled waits for something it will never write; in that case
    /// only another process can open the DB.
    pub fn close(&self) {
        let former = self.database.write().take();
        if let Some(former) = former {
            former.close();
        }
    }

    /// Reopens a DB that has failed and was closed, with what was durable by then. All its users must have stopped: updates
    /// they remember may have failed and be missing from it. Blocks for as long as it takes to read everything.
    ///
    /// Errors: it can't be used yet.
    pub fn reopen(&self) -> Result<()> {
        let _alone = self.reopening.lock();
        room::is_there(&self.path).map_err(|error| unusable(&self.path, error))?;
        let database = Database::open(&self.path, self.may_create, &self.failure)?;
        // A DB that can be opened may still not be writable.
        database.rewrite_sum()?;
        *self.database.write() = Some(database);
        self.failure.send_replace(None);
        Ok(())
    }

    /// Reads, unless the DB has failed.
    fn read<T>(&self, read: impl FnOnce(&Database) -> Result<T>) -> Result<T> {
        let database = self.database.read();
        match (&*database, &*self.failure.borrow()) {
            (Some(database), None) => read(database),
            (_, why) => Err(self.failed(why.as_deref())),
        }
    }

    fn failed(&self, why: Option<&str>) -> Error {
        let cause = why.unwrap_or("it is being reopened").to_owned();
        unusable(&self.path, cause)
    }
}

impl Store for DiskStore {
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.read(|database| database.get(&space.full_key(key)))
    }

    fn floor(&self, space: Space, prefix: &[u8], key: &[u8]) -> Result<Option<Entry>> {
        if !key.starts_with(prefix) {
            return Ok(None);
        }
        let up_to = space.full_key(prefix)..=space.full_key(key);
        self.read(|database| database.last(up_to))
    }

    fn scan_from(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let from = space.full_key(from.max(prefix));
        self.read(|database| database.first(from, &space.full_key(prefix), limit))
    }

    fn commit(&self, update: Update) -> PendingCommit {
        let database = self.database.read();
        match &*database {
            Some(database) => database.commit(update),
            None => PendingCommit::decided(Err(self.failed(None))),
        }
    }
}
