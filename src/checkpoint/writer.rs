//! A single writer thread: everything queued is written as one group, made durable once, and resolved together.
//!
//! An update is queued at the moment of the call, so write order is call order even under pressure. No caller waits for a
//! place in the queue: the waiting happens in [`PendingCommit`]. A caller that awaits each update before submitting the next has
//! one queued at a time, so the queue is as long as there are callers; [`LINE_LIMIT`] stops those that don't wait.
//!
//! After a failed write the state on disk is unknown, so every later update fails too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::store::{PendingCommit, Update};
use crate::error::{Error, Kind, Result};

/// The maximum number of updates per group, which bounds how long the first of them waits for the last.
const GROUP_LIMIT: usize = 1024;
/// The maximum number of queued updates; more are refused. Leaves room for one from each of ten thousand partitions.
const LINE_LIMIT: usize = 16 * 1024;

type Waiting = (Update, oneshot::Sender<Result<()>>);

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// No update follows those queued.
    closed: bool,
    /// Why nothing can be written any more.
    failed: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
}

/// The thread and its queue. Dropping it writes what is still queued, then joins the thread.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; `write` writes a group in order, atomically, and returns once it is durable.
    pub(super) fn start(
        write: impl FnMut(Vec<Update>) -> Result<()> + Send + 'static,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || Ending(&of_thread).run(write))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// See [`Store::commit`](super::Store::commit).
    pub(super) fn commit(&self, update: Update) -> PendingCommit {
        let mut line = self.shared.line.lock();
        if let Some(cause) = &line.failed {
            return PendingCommit::decided(Err(after_failure(cause)));
        }
        if line.waiting.len() >= LINE_LIMIT {
            return PendingCommit::decided(Err(Error::new(
                Kind::Store,
                format!(
                    "{LINE_LIMIT} updates are waiting for the checkpoint DB; its disk is too slow"
                ),
            )));
        }
        let (done, committed) = PendingCommit::open();
        line.waiting.push_back((update, done));
        self.shared.changed.notify_one();
        committed
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.line.lock().closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // If it panicked, every waiting caller has already received an error.
            let _ = thread.join();
        }
    }
}

/// Ensures that no caller is left waiting if the thread ends because the database failed or panicked.
struct Ending<'a>(&'a Shared);

impl Ending<'_> {
    fn run(&self, mut write: impl FnMut(Vec<Update>) -> Result<()>) {
        while let Some(group) = self.next_group() {
            let (updates, waiting): (Vec<_>, Vec<_>) = group.into_iter().unzip();
            let written = write(updates).map_err(|error| error.chain());
            if let Err(cause) = &written {
                self.0.line.lock().failed = Some(cause.clone());
            }
            for done in waiting {
                // A caller that dropped its receiver isn't interested.
                let _ = done.send(written.as_ref().copied().map_err(|cause| failure(cause)));
            }
            if written.is_err() {
                return;
            }
        }
    }

    /// Waits for updates; `None` once there will be no more.
    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut line = self.0.line.lock();
        while line.waiting.is_empty() {
            if line.closed {
                return None;
            }
            self.0.changed.wait(&mut line);
        }
        let group = line.waiting.len().min(GROUP_LIMIT);
        Some(line.waiting.drain(..group).collect())
    }
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line.lock();
        let cause = line
            .failed
            .get_or_insert_with(|| "its writer ended".to_owned())
            .clone();
        for (_, done) in line.waiting.drain(..) {
            let _ = done.send(Err(after_failure(&cause)));
        }
    }
}

fn failure(cause: &str) -> Error {
    Error::new(
        Kind::Store,
        format!("cannot write the checkpoint DB: {cause}"),
    )
}

fn after_failure(cause: &str) -> Error {
    Error::new(
        Kind::Store,
        format!("the checkpoint DB has accepted no updates since a write failed: {cause}"),
    )
}

#[cfg(test)]
mod tests;
