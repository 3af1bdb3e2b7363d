//! The interface between farshore and its database: bytes under keys, and the guarantees of a commit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::error::{Error, Kind, Result};

/// What a key belongs to. Keys in different spaces never collide; an update may change several spaces at once.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Space {
    /// Facts about the DB itself.
    Meta = 0,
    Links = 1,
    /// Mirrored topics.
    Topics = 2,
    /// Mirror partitions, without their runs.
    Partitions = 3,
    /// Run blocks, by first target offset.
    Runs = 4,
    /// First target offsets of run blocks, by first source offset.
    RunsBySource = 5,
    /// Committed offsets of groups as carried over by this link, and snapshots of groups.
    Groups = 6,
    Plans = 7,
    Operations = 8,
    Audit = 9,
    /// Verifications, and what they proved.
    Verifications = 10,
}

impl Space {
    /// Every space, in key order.
    pub const ALL: [Self; 11] = [
        Self::Meta,
        Self::Links,
        Self::Topics,
        Self::Partitions,
        Self::Runs,
        Self::RunsBySource,
        Self::Groups,
        Self::Plans,
        Self::Operations,
        Self::Audit,
        Self::Verifications,
    ];

    /// The space with this number.
    pub(crate) fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The key as stored in the database: the space's number, then `key`.
    pub(crate) fn full_key(self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(1 + key.len());
        full.push(self as u8);
        full.extend_from_slice(key);
        full
    }
}

/// A full key and its new value; `None` removes it.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

/// Changes applied together or not at all. A later change of a key replaces an earlier one. They concern at most one link.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Update {
    changes: Vec<Change>,
    lazy: bool,
}

impl Update {
    /// An empty update.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty update for changes that nothing depends on: they count as durable once they are in the DB, and reach the
    /// journal some seconds later.
    pub fn lazy() -> Self {
        Self {
            lazy: true,
            ..Self::default()
        }
    }

    /// Sets a value.
    pub fn put(&mut self, space: Space, key: impl AsRef<[u8]>, value: Vec<u8>) {
        let key = space.full_key(key.as_ref());
        self.changes.push((key, Some(value)));
    }

    /// Removes a value, if it exists.
    pub fn delete(&mut self, space: Space, key: impl AsRef<[u8]>) {
        self.changes.push((space.full_key(key.as_ref()), None));
    }

    /// Adds the changes of `other` after these; the result is lazy only if both are.
    pub fn append(&mut self, mut other: Self) {
        self.changes.append(&mut other.changes);
        self.lazy &= other.lazy;
    }

    pub(crate) fn is_lazy(&self) -> bool {
        self.lazy
    }

    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// An update with changes by full key.
    pub(crate) fn of(changes: Vec<Change>) -> Self {
        Self {
            changes,
            lazy: false,
        }
    }

    /// Whether there is nothing to change. Committing an empty update is a barrier: it resolves once everything before it is
    /// durable.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}

/// A key (without its space) and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// A checkpoint DB. A read blocks for at most one disk read, and sees every committed update, some before they are durable;
/// a scan isn't a snapshot. Errors are of kind [`Kind::Store`]: the DB can't be read or written, or a value is damaged.
pub trait Store: Send + Sync + fmt::Debug {
    /// The value of `key`.
    fn get(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The entry with the greatest key not above `key`, among those with `prefix`. `key` itself must start with `prefix`.
    fn floor(&self, space: Space, prefix: &[u8], key: &[u8]) -> Result<Option<Entry>>;

    /// The first `limit` entries in key order with `prefix`, from key `from` on.
    fn scan_from(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Entry>>;

    /// The first `limit` entries in key order with `prefix`.
    fn scan(&self, space: Space, prefix: &[u8], limit: usize) -> Result<Vec<Entry>> {
        self.scan_from(space, prefix, prefix, limit)
    }

    /// Queues an update and returns without waiting. Updates are applied and become durable in call order, whether or not
    /// the result is awaited.
    fn commit(&self, update: Update) -> PendingCommit;
}

/// Resolves when its update is durable or is known to have failed.
///
/// Cancellation: dropping it doesn't undo or delay the update.
#[derive(Debug)]
#[must_use = "an update counts only once it is durable"]
pub struct PendingCommit(Vec<oneshot::Receiver<Result<()>>>);

impl PendingCommit {
    /// A commit already decided.
    pub fn decided(result: Result<()>) -> Self {
        let (done, committed) = Self::open();
        // The receiver still exists.
        let _ = done.send(result);
        committed
    }

    /// An undecided commit, with the sender that decides it.
    pub(crate) fn open() -> (oneshot::Sender<Result<()>>, Self) {
        let (done, decided) = oneshot::channel();
        (done, Self(vec![decided]))
    }

    /// Resolves when both have, with the first failure.
    pub(crate) fn and(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }
}

impl Future for PendingCommit {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some(part) = self.0.last_mut() {
            let decided = ready!(Pin::new(part).poll(context));
            self.0.pop();
            let ended = "the writer of the checkpoint DB ended before this update";
            decided.unwrap_or_else(|_| Err(Error::new(Kind::Store, ended)))?;
        }
        Poll::Ready(Ok(()))
    }
}
