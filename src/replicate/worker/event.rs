//! The events of the worker's loop.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crate::config::Start;
use crate::error::Result;
use crate::kafka::admin::{CoordinatedTransaction, ListedOffsets};
use crate::kafka::{FetchedPartition, ProduceAnswer, Sink, Source};
use crate::model::{BrokerId, Moment, ProducerId, SourceOffset, TopicId, TopicPartition};
use crate::offsets::Receipt;
use crate::replicate::fetch::budget::SentFetch;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::Lane;
use crate::replicate::preserve::markers::{Filled, Unfilled};
use crate::replicate::resync::decision::{Decision, DecisionOutcome, Receipted, Refused};
use crate::replicate::resync::input::{ResyncResult, TargetSide};
use crate::replicate::shared::held::{FirstRecord, TransactionLimit};
use crate::replicate::shared::inventory::Inventory;
use crate::replicate::shared::resolve_request::{CountRequest, ResolveRequest};
use crate::replicate::shared::source_ends::SourceEnds;

/// A partition's index in the worker, and the round an event belongs to.
pub(crate) type Ticket = (usize, u32);

/// The result of a task of the worker.
pub(crate) enum Event {
    /// A source connection is open, or failed.
    IntakeUp(Lane, Result<Source>),
    Fetched {
        lane: Lane,
        asked: SentFetch,
        answer: Result<Vec<(Ticket, FetchedPartition)>>,
    },
    /// The rate limit allows more.
    Woken(Duration),
    /// A target connection is open, or failed.
    OutletUp(Lane, Result<Sink>),
    Produced {
        lane: Lane,
        number: u64,
        answered: Answered,
    },
    Stored {
        receipts: Vec<(usize, Receipt)>,
        staged: Vec<Ticket>,
        result: Result<()>,
    },
    /// Both logs were read, or that failed; the target's side may be available even then.
    Resynced {
        ticket: Ticket,
        target: Option<Box<TargetSide>>,
        result: Result<Box<ResyncResult>, Trouble>,
    },
    /// A decision is durable, or couldn't be stored.
    Decided {
        index: usize,
        receipt: Receipt,
        decided: Box<(Decision, DecisionOutcome)>,
        result: Result<()>,
    },
    /// The decision to replace the mirror topic with this id is durable, or couldn't be stored.
    Reseeded {
        index: usize,
        outcome: Box<DecisionOutcome>,
        result: Result<TopicId>,
    },
    /// The state of a former mirror topic was forgotten, or that couldn't be stored.
    Forgotten {
        index: usize,
        result: Result<()>,
    },
    /// The receipt of a refused record or undecodable batch is on the target, isn't needed, or couldn't be written.
    Quarantined {
        index: usize,
        refused: Box<Refused>,
        result: Result<Receipted, Trouble>,
    },
    /// What a mirror topic holds was counted for an operator.
    Counted(Box<(CountRequest, Result<Inventory>)>),
    /// What a reseed would discard was counted.
    Weighed(Box<(ResolveRequest, Result<Inventory>)>),
    /// A timer fired.
    Due(Ticket),
    /// The target reported log starts.
    LogStarts(ListedOffsets),
    /// A source broker was asked for ends at this time; partitions without an answer are left out.
    SourceEnds {
        broker: BrokerId,
        asked_at: Moment,
        ends: Vec<ToldEnds>,
    },
    FirstRecords(Box<FirstRecords>),
    /// Whether logs show a batch where fetches brought nothing.
    Hidden(Vec<(HiddenRead, Result<bool>)>),
    Filled {
        broker: BrokerId,
        tickets: Vec<Ticket>,
        outcomes: Vec<Result<Filled, Unfilled>>,
    },
    /// The filler before the first record was deleted, with the new log start, or that failed.
    Trimmed {
        ticket: Ticket,
        result: Result<i64>,
    },
}

/// The answer to a produce request.
#[derive(Debug)]
pub(crate) struct Answered {
    /// The id of the sink it was sent to.
    pub(crate) sink: u64,
    /// The partitions in the request, in order.
    pub(crate) tickets: Vec<Ticket>,
    /// The size of the request.
    pub(crate) bytes: usize,
    pub(crate) at: Instant,
    /// The answers in the order of `tickets`, or why there are none.
    pub(crate) answer: Result<Vec<ProduceAnswer>>,
}

/// A partition whose ends are requested.
#[derive(Debug)]
pub(crate) struct AskedEnds {
    /// `None` for a partition without a mirror partition.
    pub(super) ticket: Option<Ticket>,
    pub(super) partition: TopicPartition,
    /// Where its mirror will begin, if it has none.
    pub(super) start: Option<Start>,
}

/// The ends of a partition.
#[derive(Debug)]
pub(crate) struct ToldEnds {
    pub(super) asked: AskedEnds,
    pub(super) ends: SourceEnds,
    /// The offset at which its mirror would begin now. That of one that will begin with the records to come isn't known.
    pub(super) start: Option<i64>,
}

/// A record to read.
#[derive(Debug)]
pub(crate) struct Read {
    /// `None` for a partition without a mirror partition.
    pub(super) ticket: Option<Ticket>,
    pub(super) partition: TopicPartition,
    pub(super) offset: i64,
    /// Whether it belongs to an open transaction.
    pub(super) is_held: bool,
}

/// A read where fetches brought nothing.
#[derive(Debug)]
pub(crate) struct HiddenRead {
    pub(super) ticket: Ticket,
    pub(super) partition: TopicPartition,
    pub(super) offset: SourceOffset,
}

/// What a look found.
#[derive(Debug)]
pub(crate) struct FirstRecords {
    /// The records; `None` for those that couldn't be read.
    pub(super) records: Vec<(Read, Option<FirstRecord>)>,
    pub(super) transactions: BTreeMap<ProducerId, CoordinatedTransaction>,
    pub(super) limit: Option<TransactionLimit>,
}

pub(crate) type EventFuture = Pin<Box<dyn Future<Output = Event> + Send>>;
