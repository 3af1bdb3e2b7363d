//! What is on its way to the journal of one link: the newest value of each key.
//!
//! Everything that waits goes together, so that the journal always holds what some sequence of updates led to. That is why
//! an update in a hurry takes along those that have time.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::checkpoint::keys;
use crate::checkpoint::store::{Change, Committed, Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::LinkName;

use super::Revision;

/// How long what nothing depends on may gather.
const LAZY: Duration = Duration::from_secs(3);
/// Callers that wait for the journal; further ones are refused. Ten thousand partitions may have one each.
const WAITERS_LIMIT: usize = 16 * 1024;
/// The largest value: with a batch it has to fit into a message of the journal. Whatever grows is kept in chunks.
const VALUE_LIMIT: usize = 6 << 20;

/// The line of one link.
#[derive(Debug)]
pub(crate) struct Line {
    link: LinkName,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The term in which updates are taken; none while another process owns the link, or nobody is known to.
    term: Option<u64>,
    /// Why no updates are taken.
    closed: String,
    /// What DB and journal hold once everything that waits is appended.
    revision: Option<Revision>,
    waiting: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    waiters: Vec<oneshot::Sender<Result<()>>>,
    due: Option<Instant>,
}

/// What goes to the journal at once.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) revision: Option<Revision>,
    waiters: Vec<oneshot::Sender<Result<()>>>,
}

impl Group {
    /// Tells everybody who waits for it that it is durable.
    pub(super) fn resolve(self) {
        for waiter in self.waiters {
            // Whoever dropped its end doesn't want to know.
            let _ = waiter.send(Ok(()));
        }
    }

    /// Tells everybody who waits for it that it is not known to be.
    pub(super) fn fail(self, why: &str) {
        fail(self.waiters, why);
    }
}

impl Line {
    pub(crate) fn new(link: LinkName) -> Self {
        let state = State {
            closed: "the journal was not read yet".to_owned(),
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

    /// Lines an update up for the DB and for the journal, in the same order.
    pub(crate) fn commit(&self, disk: &dyn Store, mut update: Update) -> Committed {
        if let Err(error) = check_sizes(update.changes()) {
            return Committed::decided(Err(error));
        }
        let mut state = self.state.lock();
        let Some(term) = state.term else {
            return Committed::decided(Err(not_owned(&self.link, &state.closed)));
        };
        if state.waiters.len() >= WAITERS_LIMIT {
            let message = format!("{WAITERS_LIMIT} updates wait for the journal on the target");
            return Committed::decided(Err(Error::new(Kind::TimedOut, message)));
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
            let (done, in_journal) = Committed::open();
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

    /// Lines up what the journal lacks, before updates are taken.
    pub(super) fn supplement(&self, changes: Vec<Change>, revision: Option<Revision>) -> Committed {
        if let Err(error) = check_sizes(&changes) {
            return Committed::decided(Err(error));
        }
        let (done, appended) = Committed::open();
        let mut state = self.state.lock();
        state.waiting.extend(changes);
        state.revision = revision;
        state.waiters.push(done);
        state.due = Some(Instant::now());
        drop(state);
        self.changed.notify_one();
        appended
    }

    /// Takes updates from now on.
    pub(super) fn open(&self, term: u64) {
        self.state.lock().term = Some(term);
    }

    /// Begins with what the journal holds and nothing on the way.
    pub(super) fn begin(&self, revision: Option<Revision>) {
        *self.state.lock() = State {
            closed: "the journal is being read".to_owned(),
            revision,
            ..State::default()
        };
    }

    /// Takes no more updates, and fails those on the way.
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

    /// Waits until there is something that shouldn't wait any longer.
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

    /// Takes everything that waits; it may be nothing.
    pub(super) fn take(&self) -> Group {
        let mut state = self.state.lock();
        state.due = None;
        Group {
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

/// A value too large for the journal is written to neither: a rebuild would silently lack it.
fn check_sizes(changes: &[Change]) -> Result<()> {
    for (key, value) in changes {
        if let Some(value) = value.as_deref().filter(|value| is_too_large(value)) {
            let message = format!(
                "a value of {} bytes is larger than the journal takes, which is {VALUE_LIMIT} (key {})",
                value.len(),
                key.escape_ascii()
            );
            return Err(Error::new(Kind::Invalid, message));
        }
    }
    Ok(())
}

/// A link's own state changes by the operator's will, also while the target is away; nothing that is sent depends on it.
fn is_lazy(update: &Update) -> bool {
    let of_operator = |(key, _): &Change| {
        let Some((&space, key)) = key.split_first() else {
            return false;
        };
        match Space::of(space) {
            Some(Space::Links | Space::Audit) => true,
            Some(Space::Topics) => keys::is_requirement(key),
            Some(_) | None => false,
        }
    };
    update.is_lazy() || update.changes().iter().all(of_operator)
}

/// Notes in an update up to where it brings a link's entries.
pub(super) fn put_revision(update: &mut Update, link: &LinkName, revision: Revision) {
    let Revision { term, number } = revision;
    let value = [term.to_be_bytes(), number.to_be_bytes()].concat();
    update.put(Space::Meta, keys::revision(link), value);
}

/// Up to where the DB goes; none if nothing was ever noted.
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
    let message = format!("this process doesn't own link {link} at present: {why}");
    Error::new(Kind::Refused, message)
}

#[cfg(test)]
mod tests;
