//! Names of brokers' error codes, and how each is handled: the only place that decides on retries.
//!
//! Names, and whether a retry can help, are those of Kafka's `Errors` enum as the protocol library has it. The decision
//! adds what has to be looked up before the next attempt, and deviates where the comments say why.

use kafka_protocol::error::{ParseResponseErrorCode, ResponseError as Code};

use crate::error::{BrokerCode, Error, Kind};

/// What to do before a retry, if a retry can help at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// A retry gives the same answer.
    None,
    /// Wait, then retry with the same broker.
    Backoff,
    /// Wait and refresh the metadata: another broker is responsible, or soon will be.
    RefreshMetadata,
    /// Wait and look up the group's coordinator again.
    FindCoordinator,
}

/// Returns the retry decision for a broker's code; codes added to Kafka later are not retried.
pub fn retry_of(code: BrokerCode) -> Retry {
    match code.0.err() {
        // Kafka's clients give up after 8, 11 and 108; here a change of leader or controller is awaited.
        Some(
            Code::UnknownTopicOrPartition
            | Code::LeaderNotAvailable
            | Code::NotLeaderOrFollower
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::StaleControllerEpoch
            | Code::NetworkException
            | Code::NotController
            | Code::KafkaStorageError
            | Code::ListenerNotFound
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::PreferredLeaderNotAvailable
            | Code::EligibleLeadersNotAvailable
            | Code::UnknownTopicId
            | Code::InconsistentTopicId
            | Code::NewLeaderElected,
        ) => Retry::RefreshMetadata,
        Some(Code::CoordinatorNotAvailable | Code::NotCoordinator) => Retry::FindCoordinator,
        // Kafka's clients give up; a transaction that is ending has soon ended.
        Some(Code::ConcurrentTransactions) => Retry::Backoff,
        // Kafka's clients retry. farshore elects no leaders and reads no share groups.
        Some(
            Code::ElectionNotNeeded
            | Code::ShareSessionNotFound
            | Code::InvalidShareSessionEpoch
            | Code::ShareSessionLimitReached,
        ) => Retry::None,
        Some(error) if error.is_retriable() => Retry::Backoff,
        Some(_) | None => Retry::None,
    }
}

/// Returns Kafka's name of a code.
pub fn code_name(code: BrokerCode) -> String {
    match code.0.err() {
        None => "NONE".to_owned(),
        Some(Code::Unknown(_)) => "UNKNOWN_CODE".to_owned(),
        Some(error) => screaming(&error.to_string()),
    }
}

/// Converts `CamelCase` to `SCREAMING_CASE`.
fn screaming(camel: &str) -> String {
    let mut text = String::with_capacity(camel.len() + 8);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// Returns the retry decision for a failed call: by the code if a broker answered, otherwise by whether another broker
/// may answer.
pub(crate) fn retry_of_error(error: &Error) -> Retry {
    match error.kind() {
        Kind::Broker(code) => retry_of(code),
        Kind::Disconnected | Kind::TimedOut => Retry::RefreshMetadata,
        Kind::Protocol | Kind::Store | Kind::Invalid | Kind::Refused | Kind::Stopping => {
            Retry::None
        }
    }
}

/// Formats a code for a message: Kafka's name and the number.
pub(crate) fn describe(code: BrokerCode) -> String {
    format!("{} ({})", code_name(code), code.0)
}

/// What an operator can do about a code, where its name doesn't make that obvious. A missing right is named by what asked for
/// it, see `Cluster::explained`.
pub(crate) fn advice(code: BrokerCode) -> Option<&'static str> {
    Some(match code.0.err()? {
        Code::InvalidReplicationFactor => "set replication_factor to at most the number of brokers",
        Code::PolicyViolation => "the broker's policy forbids it; ask its administrator",
        _ => return None,
    })
}

/// Converts an error code field: `None` for success.
pub(crate) fn code_of(field: i16) -> Option<BrokerCode> {
    (field != 0).then_some(BrokerCode(field))
}

#[cfg(test)]
mod tests;
