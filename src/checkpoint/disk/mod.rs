//! The checkpoint DB on disk: sled, written by one thread, every value with its own version and checksum.
//!
//! sled's background flush is off, so nothing becomes durable but through the writer. Its cache is small because the whole of
//! farshore has a memory budget of 64 MiB and the data read often (runs) is in memory anyway.
//!
//! After a failed write nothing is known about the state on disk, and sled takes no more. So the DB has *failed* then: nothing
//! is read or written until [`DiskStore::reopen`] has opened it anew, as after a crash.

mod aside;
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
use super::store::{Committed, Entry, Space, Store, Update};

/// Opens the DB in a directory, which is made if it isn't there. Repairs what an interrupted sled leaves behind.
///
/// Errors: another process has it open, or it is for readers of a later layout (`Refused`); the directory or the files cannot be
/// used; something in it is damaged.
pub fn open(path: &Path) -> Result<Arc<DiskStore>> {
    Ok(Arc::new(DiskStore::open(path)?))
}

/// The same, except that a damaged DB is set aside and an empty one begun: for links that have a journal to fill it from.
///
/// Errors: as for [`open`], but for damage.
pub fn open_or_begin_anew(path: &Path) -> Result<Arc<DiskStore>> {
    Ok(Arc::new(DiskStore::open_with(path, true)?))
}

/// A store on sled. Dropping it writes what is still in the line and gives the directory free.
#[derive(Debug)]
pub struct DiskStore {
    /// None while it is opened anew.
    database: RwLock<Option<Database>>,
    /// Why the DB can't be used, since a write failed.
    failure: watch::Sender<Option<String>>,
    path: PathBuf,
    may_begin_anew: bool,
    reopening: Mutex<()>,
    // Dropped last: it guards the files.
    _lock: Lock,
}

impl DiskStore {
    /// See [`open`].
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_with(path, false)
    }

    fn open_with(path: &Path, may_begin_anew: bool) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| unusable(path, error))?;
        let lock = Lock::take(path)?;
        let failure = watch::Sender::new(None);
        let database = Database::open(path, may_begin_anew, &failure)?;
        Ok(Self {
            database: RwLock::new(Some(database)),
            failure,
            path: path.to_owned(),
            may_begin_anew,
            reopening: Mutex::new(()),
            _lock: lock,
        })
    }

    /// Why the DB can't be used, while that is so, and every change of it.
    pub fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.subscribe()
    }

    /// Its layout, and its oldest reader.
    ///
    /// Errors are those of the store.
    pub fn mark(&self) -> Result<Mark> {
        self.read(Database::mark)
    }

    /// Closes a DB that has failed. Blocks, for ever if sled waits for what it will never write: then only another process can
    /// open the DB.
    pub fn close(&self) {
        let former = self.database.write().take();
        if let Some(former) = former {
            former.close();
        }
    }

    /// Opens a DB anew that has failed and was closed, with what was durable by then. Who used it has to have stopped: what it
    /// remembers of updates that failed isn't in it. Blocks for as long as reading everything takes.
    ///
    /// Errors: it can't be used yet.
    pub fn reopen(&self) -> Result<()> {
        let _alone = self.reopening.lock();
        room::is_there(&self.path).map_err(|error| unusable(&self.path, error))?;
        let database = Database::open(&self.path, self.may_begin_anew, &self.failure)?;
        // What can be opened may still not be written.
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
        let cause = why.unwrap_or("it is being opened anew").to_owned();
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

    fn commit(&self, update: Update) -> Committed {
        let database = self.database.read();
        match &*database {
            Some(database) => database.commit(update),
            None => Committed::decided(Err(self.failed(None))),
        }
    }
}
