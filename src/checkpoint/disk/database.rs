//! An open sled, its writer, and a thread that keeps the writer from waiting forever.
//!
//! sled 0.34 records a failed write as a global error, and on one of its code paths wakes nobody: a flush already waiting
//! would wait forever. Any other flush that finds the error wakes it, so a second thread polls for the error.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use super::super::writer::Writer;
use super::error::{damaged, unusable};
use super::{mark, opening, sum};
use crate::checkpoint::envelope;
use crate::checkpoint::layout::Mark;
use crate::checkpoint::store::{Entry, PendingCommit, Update};
use crate::error::{Kind, Result};

/// How often the second thread polls.
const LOOK: Duration = Duration::from_millis(500);

/// The database of a directory whose lock is held.
#[derive(Debug)]
pub(super) struct Database {
    // Dropped in this order: the writer and the waker use the rest.
    writer: Writer,
    _waker: Waker,
    tree: sled::Tree,
    path: PathBuf,
    whole: sled::Db,
}

impl Database {
    /// Opens the database and starts its threads. A failed write is sent to `failure` before it is returned to any caller.
    pub(super) fn open(
        path: &Path,
        may_create: bool,
        failure: &watch::Sender<Option<String>>,
    ) -> Result<Self> {
        let opened = match opening::open(path) {
            Err(damage) if may_create && damage.kind() == Kind::Invalid => {
                let aside = opening::set_aside(path)?;
                tracing::error!(
                    error = damage.chain(), kept_as = %aside.display(),
                    "the checkpoint DB is damaged; an empty one is filled from the journals"
                );
                opening::open(path)?
            }
            opened => opened?,
        };
        let (database, config, mut sum, mut mark) = opened;
        let tree = sled::Tree::clone(&database);
        let (written, failure, of_writer) = (tree.clone(), failure.clone(), path.to_owned());
        let writer = Writer::start(move |group| {
            // sled panics on some failures.
            let known = (&mut sum, &mut mark);
            let write = AssertUnwindSafe(|| write(&written, group, known, &of_writer));
            let panicked = |_| Err(unusable(&of_writer, "sled panicked"));
            let ended = panic::catch_unwind(write).unwrap_or_else(panicked);
            if let Err(error) = &ended {
                failure.send_replace(Some(error.chain()));
            }
            ended
        });
        Ok(Self {
            writer: writer.map_err(|error| unusable(path, error))?,
            _waker: Waker::start(config, tree.clone()).map_err(|error| unusable(path, error))?,
            tree,
            path: path.to_owned(),
            whole: database,
        })
    }

    /// Releases the files, some of them a little later.
    pub(super) fn close(self) {
        // The failed write has already been reported.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(self)));
    }

    /// Checks that the database is writable, by rewriting a value unchanged.
    pub(super) fn rewrite_sum(&self) -> Result<()> {
        let rewritten = self.tree.get(sum::KEY).and_then(|sealed| {
            if let Some(sealed) = sealed {
                self.tree.insert(sum::KEY, sealed)?;
            }
            self.whole.flush()
        });
        rewritten
            .map(|_written_bytes| ())
            .map_err(|error| unusable(&self.path, error))
    }

    pub(super) fn commit(&self, update: Update) -> PendingCommit {
        self.writer.commit(update)
    }

    pub(super) fn mark(&self) -> Result<Mark> {
        mark::read(&self.tree, &self.path)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let found = self.tree.get(key);
        found
            .map_err(|error| unusable(&self.path, error))?
            .map(|sealed| self.unsealed(key, &sealed))
            .transpose()
    }

    /// The last entry in a range of full keys.
    pub(super) fn last(&self, range: impl RangeBounds<Vec<u8>>) -> Result<Option<Entry>> {
        let found = self.tree.range(range).next_back();
        found.map(|entry| self.entry(entry)).transpose()
    }

    /// The first `limit` entries from the full key `from` on, among those with `prefix`.
    pub(super) fn first(&self, from: Vec<u8>, prefix: &[u8], limit: usize) -> Result<Vec<Entry>> {
        let found = self.tree.range(from..);
        let found =
            found.take_while(|entry| !matches!(entry, Ok((key, _)) if !key.starts_with(prefix)));
        found.take(limit).map(|entry| self.entry(entry)).collect()
    }

    #[cfg(test)]
    pub(super) fn tree(&self) -> &sled::Tree {
        &self.tree
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

/// Writes `group` and returns once it is durable.
fn write(
    tree: &sled::Tree,
    group: Vec<Update>,
    (sum, mark): (&mut u64, &mut Mark),
    path: &Path,
) -> Result<()> {
    let mut batch = sled::Batch::default();
    let changes = group.into_iter().flat_map(Update::into_changes);
    let mut newest: BTreeMap<_, _> = changes.collect();
    mark::raise(mark, &mut newest);
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

/// The second thread. Dropping it ends the thread.
#[derive(Debug)]
struct Waker {
    end: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Waker {
    fn start(config: sled::Config, tree: sled::Tree) -> std::io::Result<Self> {
        let (end, ended): (_, Receiver<()>) = sync_channel(1);
        let wake = move || {
            while ended.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if config.global_error().is_err() {
                    // This fails, and wakes the flush that waits.
                    let _ = tree.flush();
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint waker".to_owned());
        Ok(Self {
            end: Some(end),
            thread: Some(thread.spawn(wake)?),
        })
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        drop(self.end.take());
        // If it panicked, the writer has already reported the failure.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
