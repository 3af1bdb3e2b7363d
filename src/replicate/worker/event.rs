//! What the worker's loop waits for.

use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::kafka::admin::ListedOffsets;
use crate::kafka::{FetchedPartition, ProduceAnswer, Sink, Source};
use crate::model::{BrokerId, TopicId};
use crate::offsets::Receipt;
use crate::replicate::fetch::budget::Asked;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::Lane;
use crate::replicate::preserve::markers::{Filled, Unfilled};
use crate::replicate::resync::decision::{Decision, Outcome, Refused};
use crate::replicate::resync::input::{Settled, TargetSide};

/// A partition's place in the worker, and the round an event belongs to.
pub(crate) type Ticket = (usize, u32);

/// Something the loop waited for.
pub(crate) enum Event {
    /// What is fetched from is there, or not.
    IntakeUp(Lane, Result<Source>),
    /// A fetch was answered.
    Fetched {
        lane: Lane,
        asked: Asked,
        answer: Result<Vec<(Ticket, FetchedPartition)>>,
    },
    /// The rate allows more.
    Woken(Duration),
    /// What is produced to is there, or not.
    OutletUp(Lane, Result<Sink>),
    /// A produce request was answered.
    Produced {
        lane: Lane,
        number: u64,
        answered: Answered,
    },
    /// Runs became durable.
    Stored {
        receipts: Vec<(usize, Receipt)>,
        staged: Vec<Ticket>,
        result: Result<()>,
    },
    /// Both logs were read, or that failed; the target's side may be told even then.
    Resynced {
        ticket: Ticket,
        target: Option<Box<TargetSide>>,
        result: Result<Box<Settled>, Trouble>,
    },
    /// A decision is durable, or could not be stored.
    Decided {
        index: usize,
        receipt: Receipt,
        decided: Box<(Decision, Outcome)>,
        result: Result<()>,
    },
    /// It is durable that the mirror topic with this id is given up and created anew, or could not be stored.
    Reseeded {
        index: usize,
        outcome: Box<Outcome>,
        result: Result<TopicId>,
    },
    /// What was known of a former mirror topic is forgotten, or could not be.
    Forgotten { index: usize, result: Result<()> },
    /// The receipt of a refused record is on the target, or not.
    Quarantined {
        index: usize,
        refused: Box<Refused>,
        result: Result<()>,
    },
    /// A pause is over.
    Due(Ticket),
    /// The target told where logs start.
    LogStarts(ListedOffsets),
    /// A marker request is over.
    Filled {
        broker: BrokerId,
        tickets: Vec<Ticket>,
        outcomes: Vec<Result<Filled, Unfilled>>,
    },
    /// What filled a prefix was deleted: the log start, or why not.
    Trimmed { ticket: Ticket, result: Result<i64> },
}

/// A produce request's answer.
#[derive(Debug)]
pub(crate) struct Answered {
    /// What it was sent to.
    pub(crate) sink: u64,
    /// The partitions in it, in order.
    pub(crate) tickets: Vec<Ticket>,
    /// The bytes in it.
    pub(crate) bytes: usize,
    /// When it was sent.
    pub(crate) at: Instant,
    /// The answers in the same order, or why there are none.
    pub(crate) answer: Result<Vec<ProduceAnswer>>,
}

pub(crate) type EventFuture = Pin<Box<dyn Future<Output = Event> + Send>>;
