//! What a broker remembers of the fetches on one connection (KIP-227), and what to tell it when something else is wanted.
//!
//! Promises: after whatever was answered, refused or lost, a request that the broker accepts makes it fetch what is wanted; only what
//! it has to forget first comes with the request after that. Where brokers keep no session, every request tells everything.
//! Doesn't: send anything, or look at what was fetched.
//!
//! An answer within a session names only partitions with news: records, a high watermark or a log start that moved, an error. What it
//! leaves out stands as it was told last.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::error::BrokerCode;

use super::requests::{FetchChange, FetchPartition, FetchTicket, Places};

/// The fetches of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    stage: Stage,
    /// Whether the broker gets topics by id.
    by_id: bool,
    /// What is wanted, by the caller's numbers.
    wanted: BTreeMap<usize, Wanted>,
    /// What the broker was told in the session.
    held: BTreeMap<usize, Wanted>,
    /// Where answers find what is held.
    places: Places,
    /// Where the two may differ.
    changed: BTreeSet<usize>,
    /// Where the next request begins that tells everything, so that each partition is first in turn.
    turn: usize,
}

/// What is wanted of a partition, and which time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    round: u32,
    partition: FetchPartition,
}

/// What to ask for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The session, or the one to end; 0 for none.
    pub(crate) id: i32,
    /// Its epoch; 0 asks for a new one.
    pub(crate) epoch: i32,
    /// Whether topics go by their ids.
    pub(crate) by_id: bool,
    /// What is new or wanted otherwise.
    pub(crate) wanted: Vec<FetchPartition>,
    /// What isn't wanted any more.
    pub(crate) forgotten: Vec<FetchPartition>,
    /// Whether something is left for the next request: that one shouldn't wait.
    pub(crate) unfinished: bool,
}

impl Session {
    /// Nothing wanted, nothing told.
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Anew { former: 0 },
            by_id: false,
            wanted: BTreeMap::new(),
            held: BTreeMap::new(),
            places: Places::default(),
            changed: BTreeSet::new(),
            turn: 0,
        }
    }

    /// Takes over what is wanted from now on.
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

    /// What the next request says. One whose answer never came is taken for lost.
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

    /// The request was answered, and the broker keeps this session.
    pub(crate) fn answered(&mut self, id: i32) {
        self.stage = self.stage.step(Event::Answered { id });
    }

    /// Whether the request was refused for its session alone: then the next one tells everything.
    pub(crate) fn refused(&mut self, code: BrokerCode) -> bool {
        let refusal = Refusal::of(code);
        let event = refusal.map_or(Event::Lost, Event::Refused);
        self.stage = self.stage.step(event);
        refusal.is_some()
    }

    /// Nobody knows what became of the request.
    pub(crate) fn lost(&mut self) {
        self.stage = self.stage.step(Event::Lost);
    }

    /// For whom a partition of an answer is.
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
        self.places = Places::default();
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

    /// A broker adds before it forgets, so that what it is to be told anew is forgotten now and wanted the next time.
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

/// What a broker says that doesn't know a session, or doesn't any more.
const FETCH_SESSION_ID_NOT_FOUND: BrokerCode = BrokerCode(70);
/// What it says of a request that doesn't follow the one before.
const INVALID_FETCH_SESSION_EPOCH: BrokerCode = BrokerCode(71);
/// What it says where topics were named in one way and now are in the other.
const FETCH_SESSION_TOPIC_ID_ERROR: BrokerCode = BrokerCode(106);

/// Where a session stands. An id of 0 is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Set by the beginning, and by whatever ended a session: the next request tells everything, and ends the former session.
    Anew { former: i32 },
    /// Set by asking: everything is being told.
    Telling,
    /// Set by an answer: the broker remembers what it was told; the epoch is the next request's.
    Open { id: i32, epoch: i32 },
    /// Set by asking: what changed is being told.
    Updating { id: i32, epoch: i32 },
}

/// What happens to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A request is sent.
    Asked,
    /// It was answered, and this is the session the broker keeps.
    Answered { id: i32 },
    /// It was refused for its session.
    Refused(Refusal),
    /// Nobody knows what became of it.
    Lost,
}

/// Why a broker refuses a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There is none of that id.
    NotFound,
    /// There is one, but not as the request has it.
    Other,
}

impl Refusal {
    /// The refusal that a code means, if it concerns the session alone.
    pub(super) fn of(code: BrokerCode) -> Option<Self> {
        match code {
            FETCH_SESSION_ID_NOT_FOUND => Some(Self::NotFound),
            INVALID_FETCH_SESSION_EPOCH | FETCH_SESSION_TOPIC_ID_ERROR => Some(Self::Other),
            _ => None,
        }
    }
}

impl Stage {
    /// The stage that follows.
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
            // One request is out at a time, and one answer comes to it.
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
