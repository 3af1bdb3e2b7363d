//! How a fetch session goes on with each request and answer.

use crate::error::BrokerCode;

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
