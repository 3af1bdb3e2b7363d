//! Repeated fetches of the same partitions from one broker, in a fetch session if the broker keeps one.
//!
//! Promises: everything wanted is requested; what is unchanged is not repeated in either direction.
//! Doesn't: have more than one fetch in flight at a time, or decide what an error code of a partition means.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::ForgottenTopic;
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse};
use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::Connection;

use super::fetch_session::{Ask, Session};
use super::requests::{
    FetchChange, FetchLimits, FetchPartition, FetchTicket, FetchedPartition, SESSIONLESS,
    fetch_refused, fetch_request, fetched,
};

/// The first Fetch version with sessions.
const FIRST_WITH_SESSIONS: i16 = 7;
/// The last Fetch version that names topics by name.
const LAST_BY_NAME: i16 = 12;

/// The fetches on a connection. Cheap to clone; one fetch at a time.
#[derive(Debug, Clone)]
pub struct Fetcher {
    connection: Connection,
    rack: StrBytes,
    session: Arc<Mutex<Session>>,
}

impl Fetcher {
    /// Creates a fetcher for which nothing is wanted yet. A leader that is told a `rack` may name a follower there instead of
    /// answering with records (KIP-392).
    pub fn new(connection: Connection, rack: Option<&str>) -> Self {
        Self {
            connection,
            rack: StrBytes::from_string(rack.unwrap_or_default().to_owned()),
            session: Arc::new(Mutex::new(Session::new())),
        }
    }

    /// Whether fetches can still be started.
    pub fn is_alive(&self) -> bool {
        self.connection.is_alive()
    }

    /// Applies a change to what is wanted; it takes effect with the next fetch.
    pub(super) fn change(&self, change: FetchChange) {
        self.session.lock().change(change);
    }

    /// Whether anything is wanted.
    pub(super) fn wants(&self) -> bool {
        self.session.lock().wants()
    }

    /// Starts a `read_committed` fetch of what is wanted; the broker has `max_wait` plus `timeout` to answer.
    ///
    /// The result holds what is new. It is also empty if the broker dropped the session, after which the next fetch
    /// requests everything again. Cancellation: dropping the future discards the response, and the next fetch requests
    /// everything.
    pub(super) fn start(
        &self,
        limits: FetchLimits,
        timeout: Duration,
    ) -> Result<impl Future<Output = Result<Vec<(FetchTicket, FetchedPartition)>>> + Send + 'static>
    {
        let spoken = self.connection.version_of(ApiKey::Fetch);
        let spoken = spoken.ok_or_else(|| Error::new(Kind::Protocol, "the broker can't fetch"))?;
        let ask = self.session.lock().ask();
        let version = if ask.by_id {
            spoken
        } else {
            spoken.min(LAST_BY_NAME)
        };
        let request = request(&ask, limits, version)?.with_rack_id(self.rack.clone());
        let pending = self
            .connection
            .start_in(&request, version, limits.max_wait + timeout)?;
        let session = Arc::clone(&self.session);
        Ok(async move {
            let answer = pending.await;
            hear(&mut session.lock(), answer)
        })
    }
}

fn request(ask: &Ask, limits: FetchLimits, version: i16) -> Result<FetchRequest> {
    let limits = FetchLimits {
        max_wait: if ask.unfinished {
            Duration::ZERO
        } else {
            limits.max_wait
        },
        ..limits
    };
    let epoch = if version < FIRST_WITH_SESSIONS {
        SESSIONLESS
    } else {
        ask.epoch
    };
    Ok(fetch_request(limits, &ask.wanted)?
        .with_session_id(ask.id)
        .with_session_epoch(epoch)
        .with_forgotten_topics_data(forgotten(&ask.forgotten)))
}

fn forgotten(partitions: &[FetchPartition]) -> Vec<ForgottenTopic> {
    let mut topics: Vec<ForgottenTopic> = Vec::new();
    for one in partitions {
        let (name, number) = (one.partition.topic.as_str(), one.partition.partition.0);
        let same = |it: &&mut ForgottenTopic| **it.topic == *name && it.topic_id == one.topic_id.0;
        match topics.last_mut().filter(same) {
            Some(topic) => topic.partitions.push(number),
            None => topics.push(
                ForgottenTopic::default()
                    .with_topic(StrBytes::from_string(name.to_owned()).into())
                    .with_topic_id(one.topic_id.0)
                    .with_partitions(vec![number]),
            ),
        }
    }
    topics
}

fn hear(
    session: &mut Session,
    answer: Result<FetchResponse>,
) -> Result<Vec<(FetchTicket, FetchedPartition)>> {
    let response = match answer {
        Ok(response) => response,
        Err(error) => {
            session.lost();
            return Err(error);
        }
    };
    if response.error_code != 0 {
        let code = BrokerCode(response.error_code);
        return if session.refused(code) {
            Ok(Vec::new())
        } else {
            Err(fetch_refused(code))
        };
    }
    session.answered(response.session_id);
    Ok(fetched(response, |topic, id, partition| {
        session.ticket(topic, id, partition)
    }))
}
