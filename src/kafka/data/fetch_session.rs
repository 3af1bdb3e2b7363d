//! The state of a fetch session (KIP-227), on the broker and here, and the requests that bring the broker up to date.
//!
//! Promises: whatever was answered, refused or lost before, a request that the broker accepts makes it fetch what is
//! wanted, except for partitions it has to forget first, which follow in the next request. Where brokers keep no
//! session, every request is a full one.
//! Doesn't: send requests, or look at what was fetched.
//!
//! A response within a session lists only partitions with news: records, a change of high watermark or log start
//! offset, an error. For all others, what was last returned still holds.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::error::BrokerCode;

use super::requests::{FetchChange, FetchPartition, FetchTicket, PartitionIndex};

/// The fetch session of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    stage: Stage,
    /// Whether requests name topics by id.
    by_id: bool,
    /// The wanted partitions, by the caller's numbers.
    wanted: BTreeMap<usize, Wanted>,
    /// The partitions in the session as the broker knows it.
    held: BTreeMap<usize, Wanted>,
    /// Finds the entries of `held` for a response.
    places: PartitionIndex,
    /// The places where `wanted` and `held` may differ.
    changed: BTreeSet<usize>,
    /// Where the next full request begins, so that each partition gets its turn to be first.
    turn: usize,
}

/// A wanted partition, and the round in which it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    round: u32,
    partition: FetchPartition,
}

/// The contents of the next request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The session to continue or to end; 0 for none.
    pub(crate) id: i32,
    /// The session epoch; 0 asks for a new session.
    pub(crate) epoch: i32,
    /// Whether topics are named by id.
    pub(crate) by_id: bool,
    /// Partitions to add or to change.
    pub(crate) wanted: Vec<FetchPartition>,
    /// Partitions no longer wanted.
    pub(crate) forgotten: Vec<FetchPartition>,
    /// Whether something is left for the next request, in which case this one should return at once.
    pub(crate) unfinished: bool,
}

impl Session {
    /// Creates a session in which nothing is wanted and nothing has been sent.
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Anew { former: 0 },
            by_id: false,
            wanted: BTreeMap::new(),
            held: BTreeMap::new(),
            places: PartitionIndex::default(),
            changed: BTreeSet::new(),
            turn: 0,
        }
    }

    /// Applies a change to what is wanted.
    pub(crate) fn change(&mut self, change: FetchChange) {
        match change {
            FetchChange::Want((place, round), partition) => {
                self.wanted.insert(place, Wanted { round, partition });
                self.changed.insert(place);
            }
            FetchChange::Leave(place) => {
                self.wanted.remove(&place);
                self.changed.insert(place);
            }
        }
    }

    /// Whether anything is wanted.
    pub(crate) fn wants(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Returns the contents of the next request. If the previous one got no response, it is treated as lost.
    pub(crate) fn ask(&mut self) -> Ask {
        if matches!(self.stage, Stage::Telling | Stage::Updating { .. }) {
            self.stage = self.stage.step(Event::Lost);
        }
        if let Stage::Open { id, .. } = self.stage
            && self.by_id
            && !self.changes_have_ids()
        {
            self.stage = Stage::Anew { former: id };
        }
        let ask = match self.stage {
            Stage::Open { id, epoch } => self.difference(id, epoch),
            Stage::Anew { former } => self.everything(former),
            Stage::Telling | Stage::Updating { .. } => self.everything(0),
        };
        self.stage = self.stage.step(Event::Asked);
        ask
    }

    /// Records that the request was answered and that the broker keeps the session `id`.
    pub(crate) fn answered(&mut self, id: i32) {
        self.stage = self.stage.step(Event::Answered { id });
    }

    /// Records that the request was refused. Returns whether only the session was at fault: then the next request is a
    /// full one.
    pub(crate) fn refused(&mut self, code: BrokerCode) -> bool {
        let refusal = Refusal::of(code);
        let event = refusal.map_or(Event::Lost, Event::Refused);
        self.stage = self.stage.step(event);
        refusal.is_some()
    }

    /// Records that the outcome of the request is unknown.
    pub(crate) fn lost(&mut self) {
        self.stage = self.stage.step(Event::Lost);
    }

    /// Returns the ticket of a partition in a response.
    pub(crate) fn ticket(&self, topic: &str, id: Uuid, partition: i32) -> Option<FetchTicket> {
        let place = self.places.find(topic, id, partition)?;
        Some((place, self.held.get(&place)?.round))
    }

    fn changes_have_ids(&self) -> bool {
        let mut wanted = self
            .changed
            .iter()
            .filter_map(|place| self.wanted.get(place));
        wanted.all(|it| it.partition.topic_id.is_known())
    }

    fn everything(&mut self, former: i32) -> Ask {
        let mut all = self.wanted.values();
        self.by_id = all.all(|it| it.partition.topic_id.is_known());
        self.held.clone_from(&self.wanted);
        self.places = PartitionIndex::default();
        for (place, held) in &self.held {
            let (partition, id) = (&held.partition.partition, held.partition.topic_id);
            self.places.add(partition, id, *place);
        }
        self.changed.clear();
        let mut wanted: Vec<_> = self.held.values().map(|it| it.partition.clone()).collect();
        let first = self.turn.checked_rem(wanted.len()).unwrap_or(0);
        wanted.rotate_left(first);
        self.turn = self.turn.wrapping_add(1);
        Ask {
            id: former,
            epoch: 0,
            by_id: self.by_id,
            wanted,
            forgotten: Vec::new(),
            unfinished: false,
        }
    }

    /// A broker adds partitions before it forgets any, so a partition that must be returned anew is forgotten in this
    /// request and added by the next one.
    fn difference(&mut self, id: i32, epoch: i32) -> Ask {
        let (mut wanted, mut forgotten) = (Vec::new(), Vec::new());
        for place in std::mem::take(&mut self.changed) {
            let want = self.wanted.get(&place);
            if let Some(held) = self.held.get(&place)
                && want.is_none_or(|want| want.round != held.round)
            {
                self.places
                    .remove(&held.partition.partition, held.partition.topic_id);
                forgotten.extend(self.held.remove(&place).map(|it| it.partition));
                if want.is_some() {
                    self.changed.insert(place);
                }
            } else if let Some(want) = want
                && self.held.get(&place) != Some(want)
            {
                self.places
                    .add(&want.partition.partition, want.partition.topic_id, place);
                self.held.insert(place, want.clone());
                wanted.push(want.partition.clone());
            }
        }
        Ask {
            id,
            epoch,
            by_id: self.by_id,
            wanted,
            forgotten,
            unfinished: !self.changed.is_empty(),
        }
    }
}

/// The broker doesn't know the session, or no longer does.
const FETCH_SESSION_ID_NOT_FOUND: BrokerCode = BrokerCode(70);
/// The request's epoch isn't the one that follows the previous request.
const INVALID_FETCH_SESSION_EPOCH: BrokerCode = BrokerCode(71);
/// Topics were named by id before and are named by name now, or the reverse.
const FETCH_SESSION_TOPIC_ID_ERROR: BrokerCode = BrokerCode(106);

/// The state of a session. An id of 0 is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Initially, and after anything that ended a session: the next request is a full one and ends the former session.
    Anew { former: i32 },
    /// A full request has been sent.
    Telling,
    /// A response was received: the broker keeps the session; `epoch` is that of the next request.
    Open { id: i32, epoch: i32 },
    /// A request with the changes has been sent.
    Updating { id: i32, epoch: i32 },
}

/// An event in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A request is sent.
    Asked,
    /// It was answered, and the broker keeps this session.
    Answered { id: i32 },
    /// It was refused because of its session.
    Refused(Refusal),
    /// Its outcome is unknown.
    Lost,
}

/// Why a broker refuses a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No session has this id.
    NotFound,
    /// The session exists, but doesn't match the request.
    Other,
}

impl Refusal {
    /// The refusal that a code stands for, if only the session is at fault.
    pub(super) fn of(code: BrokerCode) -> Option<Self> {
        match code {
            FETCH_SESSION_ID_NOT_FOUND => Some(Self::NotFound),
            INVALID_FETCH_SESSION_EPOCH | FETCH_SESSION_TOPIC_ID_ERROR => Some(Self::Other),
            _ => None,
        }
    }
}

impl Stage {
    /// Returns the next stage.
    pub(super) fn step(self, event: Event) -> Self {
        match (self, event) {
            (Self::Anew { .. }, Event::Asked) => Self::Telling,
            (Self::Open { id, epoch }, Event::Asked) => Self::Updating { id, epoch },
            (Self::Telling, Event::Answered { id: 0 } | Event::Refused(_) | Event::Lost)
            | (Self::Updating { .. }, Event::Refused(Refusal::NotFound)) => {
                Self::Anew { former: 0 }
            }
            (Self::Telling, Event::Answered { id }) => Self::Open { id, epoch: 1 },
            (Self::Updating { id, epoch }, Event::Answered { id: kept }) if kept == id => {
                let epoch = epoch.checked_add(1).unwrap_or(1);
                Self::Open { id, epoch }
            }
            (Self::Updating { id, .. }, Event::Answered { .. })
            | (Self::Updating { id, .. }, Event::Refused(Refusal::Other) | Event::Lost) => {
                Self::Anew { former: id }
            }
            // Only one request is in flight at a time, and it gets one response.
            (Self::Telling | Self::Updating { .. }, Event::Asked)
            | (
                Self::Anew { .. } | Self::Open { .. },
                Event::Answered { .. } | Event::Refused(_) | Event::Lost,
            ) => self,
        }
    }
}

#[cfg(test)]
mod tests;
