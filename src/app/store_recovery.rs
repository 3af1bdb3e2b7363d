//! Recovery of a checkpoint DB that can no longer be written: full, read-only or broken disk.
//!
//! Promises: once no link uses the DB any more, it is reopened as soon as that works; [`StoreHealth`] notifies links of
//! both, and they restart with the DB's content, completed from their journals. No in-memory state of a failed update
//! survives.
//! Doesn't: stop links, which end by themselves; or the API, which shows why nothing is mirrored.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::DiskStore;
use crate::error::{Error, Kind, Result};
use crate::task::{Backoff, blocking};

const PAUSE_BASE: Duration = Duration::from_secs(1);
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
const PAUSE_CAP: Duration = Duration::from_secs(30);
/// A DB that fails again sooner than this is retried with increasing delays.
const STEADY: Duration = Duration::from_secs(60);

/// Whether the checkpoint DB can be used, and how many links use it; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StoreHealth {
    failure: watch::Receiver<Option<String>>,
    /// The number of links that use the DB.
    users: watch::Sender<usize>,
}

/// A link's use of the checkpoint DB; ends when dropped.
#[derive(Debug)]
pub(crate) struct StoreUse(watch::Sender<usize>);

impl Drop for StoreUse {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl StoreHealth {
    /// The health of a DB that reports its failures through `failure`, without users yet.
    pub(crate) fn told_by(failure: watch::Receiver<Option<String>>) -> Self {
        Self {
            failure,
            users: watch::Sender::new(0),
        }
    }

    /// Keeps the DB from being reopened until the returned value is dropped.
    pub(crate) fn in_use(&self) -> StoreUse {
        self.users.send_modify(|count| *count += 1);
        StoreUse(self.users.clone())
    }

    /// The reason why the DB can't be used, if it can't.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Waits until the DB fails, and returns the reason. Cancellation: safe.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await;
        match failed.ok().and_then(|why| why.clone()) {
            Some(why) => why,
            // The DB has been dropped, and the process ends with it.
            None => std::future::pending().await,
        }
    }

    /// Waits until the DB can be used. Cancellation: safe.
    pub(crate) async fn works(&self) {
        // An error means that the DB has been dropped, and the process ends with it.
        let _ = self.failure.clone().wait_for(Option::is_none).await;
    }

    /// Waits until no link uses the DB. Cancellation: safe.
    pub(super) async fn unused(&self) {
        // `self` keeps the sender alive.
        let _ = self.users.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// Reopens one checkpoint DB after a failure.
#[derive(Debug)]
pub(crate) struct StoreRecovery {
    disk: Arc<DiskStore>,
    health: StoreHealth,
}

impl StoreRecovery {
    pub(crate) fn new(disk: Arc<DiskStore>) -> Self {
        let health = StoreHealth::told_by(disk.failure());
        Self { disk, health }
    }

    /// The health of the DB.
    pub(crate) fn health(&self) -> &StoreHealth {
        &self.health
    }

    /// Reopens the DB whenever it has failed and no link uses it. Ends when `stop` is cancelled.
    ///
    /// Errors: only another process can open it.
    pub(crate) async fn keep(self, stop: CancellationToken) -> Result<()> {
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = self.recover_often() => ended,
        }
    }

    async fn recover_often(&self) -> Result<()> {
        let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
        let mut worked_since = Instant::now();
        loop {
            let error = self.health.failed().await;
            tracing::error!(
                error,
                "the checkpoint DB has failed; nothing is mirrored until it can be written again"
            );
            self.health.unused().await;
            if worked_since.elapsed() > STEADY {
                backoff.reset();
            } else {
                sleep(backoff.next()).await;
            }
            self.close().await?;
            while let Err(error) = self.reopen().await {
                tracing::debug!(
                    error = error.chain(),
                    "the checkpoint DB still can't be used"
                );
                sleep(backoff.next()).await;
            }
            worked_since = Instant::now();
            tracing::info!("the checkpoint DB can be written again");
        }
    }

    /// Closes the failed DB. sled 0.34 may then wait forever and never release its files: the process replaces itself with a
    /// fresh copy (`exec`), which works without a service manager to restart it.
    ///
    /// Errors: the copy couldn't be started.
    async fn close(&self) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let closing = blocking("closing the checkpoint DB", move || disk.close());
        if let Ok(closed) = timeout(CLOSE_LIMIT, closing).await {
            return closed;
        }
        tracing::warn!("the failed checkpoint DB can't be closed; the process restarts itself");
        let cause = match env::current_exe() {
            Ok(program) => Command::new(program).args(env::args_os().skip(1)).exec(),
            Err(cause) => cause,
        };
        let message =
            "the checkpoint DB has failed, and only another process can open it; restart farshore";
        Err(Error::new(Kind::Store, message).caused_by(cause))
    }

    async fn reopen(&self) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        blocking("opening the checkpoint DB", move || disk.reopen()).await?
    }
}

/// The text shown for a link while its DB can't be written.
pub(crate) fn stands_still(why: &str) -> String {
    format!("nothing is mirrored until the checkpoint DB can be written again: {why}")
}
