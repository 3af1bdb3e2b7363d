//! One thread that writes: whatever waits is written as one group, made durable once, and resolved together.
//!
//! An update is in the line from the moment of the call, so the order of calls is the order of writes even under pressure.
//! Nobody waits for a place: the waiting happens in [`Committed`]. A caller who awaits each update before giving the next has
//! one in the line, so the line is as long as there are callers; [`LINE_LIMIT`] stops those who don't.
//!
//! After a failed write nothing is known about the state on disk, so every later update fails too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::store::{Committed, Update};
use crate::error::{Error, Kind, Result};

/// The most updates written as one group, which bounds how long the first of them waits for the last.
const GROUP_LIMIT: usize = 1024;
/// The most updates in the line; further ones are refused. Ten thousand partitions may have one each.
const LINE_LIMIT: usize = 16 * 1024;

type Waiting = (Update, oneshot::Sender<Result<()>>);

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// No update comes after those that wait.
    closed: bool,
    /// Why nothing can be written any more.
    failed: Option<String>,
}

#[derive(Debug, Default)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
}

/// The thread and its line. Dropping it writes what is still in the line, then joins the thread.
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
    pub(super) fn commit(&self, update: Update) -> Committed {
        let mut line = self.shared.line.lock();
        if let Some(cause) = &line.failed {
            return Committed::decided(Err(after_failure(cause)));
        }
        if line.waiting.len() >= LINE_LIMIT {
            return Committed::decided(Err(Error::new(
                Kind::Store,
                format!("{LINE_LIMIT} updates wait for the checkpoint DB; its disk is too slow"),
            )));
        }
        let (done, committed) = Committed::open();
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
            // If it panicked, everyone who waited was told already.
            let _ = thread.join();
        }
    }
}

/// However the thread ends, by a failure or a panic of the database, nobody is left waiting.
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
                // Whoever dropped its end doesn't want to know.
                let _ = done.send(written.as_ref().copied().map_err(|cause| failure(cause)));
            }
            if written.is_err() {
                return;
            }
        }
    }

    /// Waits for updates; `None` when there will be none.
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
        format!("the checkpoint DB takes no updates since a write failed: {cause}"),
    )
}

#[cfg(test)]
mod tests;
