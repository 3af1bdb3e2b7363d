//! Recovery of the checkpoint DB when it can't be written any more: full, read-only or broken disk.
//!
//! Promises: once no link uses the DB any more, it is reopened as soon as that works; links learn of both from [`StoreHealth`],
//! and restart with the DB's content, completed from their journals. No state in memory of a failed update outlives that.
//! Doesn't: stop links, which end by themselves; or the API, which says why nothing is mirrored.

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
/// A DB that fails again sooner than this isn't tried as often.
const STEADY: Duration = Duration::from_secs(60);

/// Whether the checkpoint DB can be used, and its users; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StoreHealth {
    failure: watch::Receiver<Option<String>>,
    /// How many links use the DB.
    users: watch::Sender<usize>,
}

/// The use of the checkpoint DB by a link, until dropped.
#[derive(Debug)]
pub(crate) struct StoreUse(watch::Sender<usize>);

impl Drop for StoreUse {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl StoreHealth {
    /// The health of a DB, without users yet.
    pub(crate) fn told_by(failure: watch::Receiver<Option<String>>) -> Self {
        Self {
            failure,
            users: watch::Sender::new(0),
        }
    }

    /// Keeps the DB from being reopened until the use is dropped.
    pub(crate) fn in_use(&self) -> StoreUse {
        self.users.send_modify(|count| *count += 1);
        StoreUse(self.users.clone())
    }

    /// Why the DB can't be used, if it can't.
    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Waits until the DB fails, and says why. Cancellation: safe.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await;
        match failed.ok().and_then(|why| why.clone()) {
            Some(why) => why,
            // The DB is gone, and the process with it.
            None => std::future::pending().await,
        }
    }

    /// Waits until the DB can be used. Cancellation: safe.
    pub(crate) async fn works(&self) {
        // An error means that the DB is gone, and the process with it.
        let _ = self.failure.clone().wait_for(Option::is_none).await;
    }

    /// Waits until nobody uses the DB. Cancellation: safe.
    pub(super) async fn unused(&self) {
        // The sender is here.
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

    /// Opens the DB anew whenever it has failed and no link uses it. Ends when told to.
    ///
    /// Errors: only another process can.
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

    /// Closes what has failed. sled 0.34 may wait for ever then, so that its files are never given free: the process becomes
    /// what it was at its start, which needs nobody to restart it.
    ///
    /// Errors: it couldn't.
    async fn close(&self) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        let closing = blocking("closing the checkpoint DB", move || disk.close());
        if let Ok(closed) = timeout(CLOSE_LIMIT, closing).await {
            return closed;
        }
        tracing::warn!("the failed checkpoint DB can't be closed; the process starts itself anew");
        let cause = match env::current_exe() {
            Ok(program) => Command::new(program).args(env::args_os().skip(1)).exec(),
            Err(cause) => cause,
        };
        let message = "the checkpoint DB has failed, and can be used by another process only; restart farshore";
        Err(Error::new(Kind::Store, message).caused_by(cause))
    }

    async fn reopen(&self) -> Result<()> {
        let disk = Arc::clone(&self.disk);
        blocking("opening the checkpoint DB", move || disk.reopen()).await?
    }
}

/// What is told of a link while its DB can't be written.
pub(crate) fn stands_still(why: &str) -> String {
    format!("nothing is mirrored until the checkpoint DB can be written again: {why}")
}
