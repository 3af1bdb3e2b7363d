//! Operators' requests to release a halted partition, and their outcomes.

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::model::{HaltCode, PartitionState, Policy, Reason, TopicName, TopicPartition};
use crate::replicate::resync::decision::DecisionOutcome;

use super::inventory::{Holdings, Inventory};

/// The number of requests that may be queued for the worker.
const WAITING_LIMIT: usize = 64;

/// An operator's request to the worker.
#[derive(Debug)]
pub(crate) enum OperatorRequest {
    Resolve(ResolveRequest),
    Count(CountRequest),
}

/// The request to release a partition.
#[derive(Debug)]
pub(crate) struct ResolveRequest {
    pub(crate) partition: TopicPartition,
    pub(crate) reason: Reason,
    pub(crate) policy: Policy,
    /// The number of records that exist only on the target and may be deleted.
    pub(crate) discard: Option<u64>,
    pub(crate) done: oneshot::Sender<Result<DecisionOutcome, ResolveRefused>>,
}

/// The request to count what the mirror of a source topic holds.
#[derive(Debug)]
pub(crate) struct CountRequest {
    pub(crate) topic: TopicName,
    pub(crate) done: oneshot::Sender<crate::error::Result<Inventory>>,
}

/// An operator's policy for the trouble that halted a partition.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) code: HaltCode,
    pub(crate) policy: Policy,
    /// What is discarded with it.
    pub(crate) discards: Holdings,
    pub(crate) done: oneshot::Sender<Result<DecisionOutcome, ResolveRefused>>,
}

/// The channel from the view to the running worker, if any; each worker opens a new one.
#[derive(Debug, Default)]
pub(crate) struct ResolveChannel(Mutex<Option<mpsc::Sender<OperatorRequest>>>);

impl ResolveChannel {
    /// Opens a new channel for a worker; an earlier worker gets no more requests.
    pub(crate) fn open(&self) -> mpsc::Receiver<OperatorRequest> {
        let (sender, receiver) = mpsc::channel(WAITING_LIMIT);
        *self.0.lock() = Some(sender);
        receiver
    }

    /// Sends a request to the worker. Errors: no worker is running, or its queue is full.
    pub(crate) fn send(&self, request: OperatorRequest) -> Result<(), ResolveRefused> {
        let sender = self.0.lock().clone().ok_or(ResolveRefused::Busy)?;
        sender.try_send(request).map_err(|_| ResolveRefused::Busy)
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
    /// Records that exist nowhere else would be deleted, and the operator didn't name their number.
    Discards(Holdings),
    /// The records that would be deleted couldn't be counted, for this reason.
    Uncounted(String),
    /// The link isn't running or is paused, or its queue is full.
    Busy,
}
