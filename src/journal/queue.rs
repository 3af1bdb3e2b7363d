//! Entries in flight to a link's journal: the newest value of each key.
//!
//! Everything queued is sent together, so that the journal always holds the result of some prefix of the updates. That is
//! why an urgent update takes lazy ones along.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::checkpoint::keys;
use crate::checkpoint::readers::is_requirement;
use crate::checkpoint::store::{Change, PendingCommit, Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::LinkName;

use super::Revision;

/// How long updates that nothing depends on may accumulate.
const LAZY: Duration = Duration::from_secs(3);
/// The maximum number of callers waiting for the journal; more are refused. Leaves room for one from each of ten thousand
/// partitions.
const WAITERS_LIMIT: usize = 16 * 1024;
/// The maximum size of a value in bytes: with its batch it must fit into a message of the journal. Lists that grow are
/// stored in chunks.
const VALUE_LIMIT: usize = 6 << 20;

/// The queue of one link.
#[derive(Debug)]
pub(crate) struct JournalQueue {
    link: LinkName,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The term in which updates are accepted; `None` while another process owns the link, or no owner is known.
    term: Option<u64>,
    /// Why no updates are accepted.
    closed: String,
    /// The revision of DB and journal once everything queued is appended.
    revision: Option<Revision>,
    waiting: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    waiters: Vec<oneshot::Sender<Result<()>>>,
    due: Option<Instant>,
}

/// The entries that go to the journal together.
#[derive(Debug)]
pub(super) struct JournalBatch {
    pub(super) changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) revision: Option<Revision>,
    waiters: Vec<oneshot::Sender<Result<()>>>,
}

impl JournalBatch {
    /// Reports to all waiting callers that the group is durable.
    pub(super) fn resolve(self) {
        for waiter in self.waiters {
            // A caller that dropped its receiver isn't interested.
            let _ = waiter.send(Ok(()));
        }
    }

    /// Reports to all waiting callers that the group isn't known to be durable.
    pub(super) fn fail(self, why: &str) {
        fail(self.waiters, why);
    }
}

impl JournalQueue {
    pub(crate) fn new(link: LinkName) -> Self {
        let state = State {
            closed: "the journal hasn't been read yet".to_owned(),
            ..State::default()
        };
        Self {
            link,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(super) fn link(&self) -> &LinkName {
        &self.link
    }

    /// Queues an update for the DB and for the journal, in the same order.
    pub(crate) fn commit(&self, disk: &dyn Store, mut update: Update) -> PendingCommit {
        if let Err(error) = check_sizes(update.changes()) {
            return PendingCommit::decided(Err(error));
        }
        let mut state = self.state.lock();
        let Some(term) = state.term else {
            return PendingCommit::decided(Err(not_owned(&self.link, &state.closed)));
        };
        if state.waiters.len() >= WAITERS_LIMIT {
            let message =
                format!("{WAITERS_LIMIT} updates are waiting for the journal on the target");
            return PendingCommit::decided(Err(Error::new(Kind::TimedOut, message)));
        }
        let number = state
            .revision
            .filter(|revision| revision.term == term)
            .map_or(1, |revision| revision.number + 1);
        let revision = Revision { term, number };
        let in_hurry = !is_lazy(&update);
        state.revision = Some(revision);
        for (key, value) in update.changes() {
            if keys::is_copied(&self.link, key, value.as_deref()) {
                state.waiting.insert(key.clone(), value.clone());
            }
        }
        put_revision(&mut update, &self.link, revision);
        let on_disk = disk.commit(update);
        let committed = if in_hurry {
            let (done, in_journal) = PendingCommit::open();
            state.waiters.push(done);
            state.due = Some(Instant::now());
            on_disk.and(in_journal)
        } else {
            state.due.get_or_insert_with(|| Instant::now() + LAZY);
            on_disk
        };
        drop(state);
        self.changed.notify_one();
        committed
    }

    /// Queues what the journal lacks, before updates are accepted.
    pub(super) fn supplement(
        &self,
        changes: Vec<Change>,
        revision: Option<Revision>,
    ) -> PendingCommit {
        if let Err(error) = check_sizes(&changes) {
            return PendingCommit::decided(Err(error));
        }
        let (done, appended) = PendingCommit::open();
        let mut state = self.state.lock();
        state.waiting.extend(changes);
        state.revision = revision;
        state.waiters.push(done);
        state.due = Some(Instant::now());
        drop(state);
        self.changed.notify_one();
        appended
    }

    /// Accepts updates from now on.
    pub(super) fn open(&self, term: u64) {
        self.state.lock().term = Some(term);
    }

    /// Starts from what the journal holds, with nothing in flight.
    pub(super) fn begin(&self, revision: Option<Revision>) {
        *self.state.lock() = State {
            closed: "the journal is being read".to_owned(),
            revision,
            ..State::default()
        };
    }

    /// Accepts no more updates, and fails those in flight.
    pub(super) fn close(&self, why: &str) {
        let mut state = self.state.lock();
        let waiters = std::mem::take(&mut state.waiters);
        *state = State {
            closed: why.to_owned(),
            ..State::default()
        };
        drop(state);
        fail(waiters, why);
    }

    /// Waits until something queued is due.
    pub(super) async fn due(&self) {
        loop {
            let changed = self.changed.notified();
            let due = self.state.lock().due;
            match due {
                Some(at) if at <= Instant::now() => return,
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    /// Takes everything queued, which may be nothing.
    pub(super) fn take(&self) -> JournalBatch {
        let mut state = self.state.lock();
        state.due = None;
        JournalBatch {
            changes: std::mem::take(&mut state.waiting),
            revision: state.revision,
            waiters: std::mem::take(&mut state.waiters),
        }
    }
}

/// Whether a value is too large for the journal.
pub(super) fn is_too_large(value: &[u8]) -> bool {
    value.len() > VALUE_LIMIT
}

/// A value too large for the journal is written to neither: a rebuilt DB would silently lack it.
fn check_sizes(changes: &[Change]) -> Result<()> {
    for (key, value) in changes {
        if let Some(value) = value.as_deref().filter(|value| is_too_large(value)) {
            let message = format!(
                "a value of {} bytes exceeds the journal's limit of {VALUE_LIMIT} (key {})",
                value.len(),
                key.escape_ascii()
            );
            return Err(Error::new(Kind::Invalid, message));
        }
    }
    Ok(())
}

/// Operators may change a link's own state even while the target is unavailable; nothing that is sent depends on it.
fn is_lazy(update: &Update) -> bool {
    let of_operator = |(key, _): &Change| {
        let Some((&space, key)) = key.split_first() else {
            return false;
        };
        match Space::of(space) {
            Some(Space::Links | Space::Audit) => true,
            Some(Space::Topics) => is_requirement(key),
            Some(_) | None => false,
        }
    };
    update.is_lazy() || update.changes().iter().all(of_operator)
}

/// Records in `update` the revision to which it brings a link's entries.
pub(super) fn put_revision(update: &mut Update, link: &LinkName, revision: Revision) {
    let Revision { term, number } = revision;
    let value = [term.to_be_bytes(), number.to_be_bytes()].concat();
    update.put(Space::Meta, keys::revision(link), value);
}

/// The revision of a link's entries in the DB; `None` if none was ever recorded.
pub(super) fn stored_revision(store: &dyn Store, link: &LinkName) -> Result<Option<Revision>> {
    let value = store.get(Space::Meta, &keys::revision(link))?;
    Ok(value.and_then(|value| {
        let (term, number) = value.split_first_chunk()?;
        Some(Revision {
            term: u64::from_be_bytes(*term),
            number: u64::from_be_bytes(number.try_into().ok()?),
        })
    }))
}

fn fail(waiters: Vec<oneshot::Sender<Result<()>>>, why: &str) {
    for waiter in waiters {
        let message = format!("an update didn't reach the journal: {why}");
        let _ = waiter.send(Err(Error::new(Kind::Refused, message)));
    }
}

fn not_owned(link: &LinkName, why: &str) -> Error {
    let message = format!("this process doesn't currently own link {link}: {why}");
    Error::new(Kind::Refused, message)
}

#[cfg(test)]
mod tests;
