//! Operators' requests to release a halted partition, and their outcomes.

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::model::{HaltCode, PartitionState, Policy, Reason, TopicPartition};
use crate::replicate::resync::decision::DecisionOutcome;

/// The number of releases that may be queued for the worker.
const WAITING_LIMIT: usize = 64;

/// An operator's request to the worker.
#[derive(Debug)]
pub(crate) struct ResolveRequest {
    pub(crate) partition: TopicPartition,
    pub(crate) reason: Reason,
    pub(crate) policy: Policy,
    pub(crate) done: oneshot::Sender<Result<DecisionOutcome, Box<Reason>>>,
}

/// An operator's policy for the trouble that halted a partition.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) code: HaltCode,
    pub(crate) policy: Policy,
    pub(crate) done: oneshot::Sender<Result<DecisionOutcome, Box<Reason>>>,
}

/// The channel from the view to the running worker, if any; each worker opens a new one.
#[derive(Debug, Default)]
pub(crate) struct ResolveChannel(Mutex<Option<mpsc::Sender<ResolveRequest>>>);

impl ResolveChannel {
    /// Opens a new channel for a worker; an earlier worker gets no more releases.
    pub(crate) fn open(&self) -> mpsc::Receiver<ResolveRequest> {
        let (sender, receiver) = mpsc::channel(WAITING_LIMIT);
        *self.0.lock() = Some(sender);
        receiver
    }

    /// Sends a release to the worker. Errors: no worker is running, or its queue is full.
    pub(crate) fn send(&self, release: ResolveRequest) -> Result<(), ResolveRefused> {
        let sender = self.0.lock().clone().ok_or(ResolveRefused::Busy)?;
        sender.try_send(release).map_err(|_| ResolveRefused::Busy)
    }
}

/// The reason why a partition isn't released.
#[derive(Debug)]
pub enum ResolveRefused {
    /// The link doesn't mirror it.
    UnknownPartition,
    /// It isn't halted.
    NotHalted(PartitionState),
    /// The policy doesn't apply to the reason it is halted for; these do.
    Unfit(HaltCode, &'static [Policy]),
    /// Nothing was decided in time; the partition keeps trying.
    Pending,
    /// It is halted again, for this reason.
    Halted(Box<Reason>),
    /// The link isn't running or is paused, or its queue is full.
    Busy,
}
