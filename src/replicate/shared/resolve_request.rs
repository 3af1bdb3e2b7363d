//! What an operator asks for a partition that stands still, and what came of it.

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::model::{HaltCode, PartitionState, Policy, Reason, TopicPartition};
use crate::replicate::resync::decision::Outcome;

/// Releases that may wait for the worker.
const WAITING_LIMIT: usize = 64;

/// What an operator asks the worker for.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) partition: TopicPartition,
    pub(crate) reason: Reason,
    pub(crate) policy: Policy,
    pub(crate) done: oneshot::Sender<Result<Outcome, Box<Reason>>>,
}

/// An operator's policy for the trouble a partition stands still for.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) code: HaltCode,
    pub(crate) policy: Policy,
    /// Waits for what came of it.
    pub(crate) done: oneshot::Sender<Result<Outcome, Box<Reason>>>,
}

/// The way from the view to the worker that runs, if one does: each worker opens it anew.
#[derive(Debug, Default)]
pub(crate) struct Releases(Mutex<Option<mpsc::Sender<Release>>>);

impl Releases {
    /// Lets a worker take releases from now on; one before it gets none any more.
    pub(crate) fn open(&self) -> mpsc::Receiver<Release> {
        let (sender, receiver) = mpsc::channel(WAITING_LIMIT);
        *self.0.lock() = Some(sender);
        receiver
    }

    /// Hands a release to the worker. Errors: none runs, or it has enough of them.
    pub(crate) fn send(&self, release: Release) -> Result<(), Unreleased> {
        let sender = self.0.lock().clone().ok_or(Unreleased::Busy)?;
        sender.try_send(release).map_err(|_| Unreleased::Busy)
    }
}

/// Why a partition isn't released.
#[derive(Debug)]
pub enum Unreleased {
    /// The link doesn't mirror it.
    UnknownPartition,
    /// It doesn't stand still.
    NotHalted(PartitionState),
    /// The policy doesn't help against what it stands still for; these do.
    Unfit(HaltCode, &'static [Policy]),
    /// Nothing was decided in time; the partition goes on trying.
    Pending,
    /// It stands still again, for this reason.
    Halted(Box<Reason>),
    /// The link doesn't run, is paused, or can't take more.
    Busy,
}
