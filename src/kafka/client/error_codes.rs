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

/// What an operator can do about a code, where its name doesn't make that obvious.
pub(crate) fn advice(code: BrokerCode) -> Option<&'static str> {
    Some(match code.0.err()? {
        Code::TopicAuthorizationFailed => "grant farshore's principal this operation on the topic",
        Code::GroupAuthorizationFailed => "grant farshore's principal this operation on the group",
        Code::ClusterAuthorizationFailed => {
            "grant farshore's principal this operation on the cluster"
        }
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
mod tests {
    use super::*;

    #[test]
    fn decisions_agree_with_kafka_but_where_we_know_better() {
        let ours: Vec<i16> = (1..=133)
            .filter(|&code: &i16| {
                let kafkas = code.err().is_some_and(|error| error.is_retriable());
                kafkas != (retry_of(BrokerCode(code)) != Retry::None)
            })
            .collect();
        assert_eq!(ours, [8, 11, 51, 84, 108, 122, 123, 133]);
    }

    #[test]
    fn each_kind_of_retry_has_its_codes() {
        for (code, name, retry) in [
            (1, "OFFSET_OUT_OF_RANGE", Retry::None),
            (3, "UNKNOWN_TOPIC_OR_PARTITION", Retry::RefreshMetadata),
            (6, "NOT_LEADER_OR_FOLLOWER", Retry::RefreshMetadata),
            (7, "REQUEST_TIMED_OUT", Retry::Backoff),
            (10, "MESSAGE_TOO_LARGE", Retry::None),
            (14, "COORDINATOR_LOAD_IN_PROGRESS", Retry::Backoff),
            (15, "COORDINATOR_NOT_AVAILABLE", Retry::FindCoordinator),
            (16, "NOT_COORDINATOR", Retry::FindCoordinator),
            (19, "NOT_ENOUGH_REPLICAS", Retry::Backoff),
            (29, "TOPIC_AUTHORIZATION_FAILED", Retry::None),
            (41, "NOT_CONTROLLER", Retry::RefreshMetadata),
            (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", Retry::None),
            (74, "FENCED_LEADER_EPOCH", Retry::RefreshMetadata),
            (87, "INVALID_RECORD", Retry::None),
            (100, "UNKNOWN_TOPIC_ID", Retry::RefreshMetadata),
            (103, "INCONSISTENT_TOPIC_ID", Retry::RefreshMetadata),
            (999, "UNKNOWN_CODE", Retry::None),
        ] {
            assert_eq!(code_name(BrokerCode(code)), name);
            assert_eq!(retry_of(BrokerCode(code)), retry, "{name}");
        }
        assert_eq!(describe(BrokerCode(6)), "NOT_LEADER_OR_FOLLOWER (6)");
    }

    #[test]
    fn failures_without_an_answer_look_for_another_broker() {
        let retry = |kind| retry_of_error(&Error::new(kind, ""));
        assert_eq!(retry(Kind::Disconnected), Retry::RefreshMetadata);
        assert_eq!(retry(Kind::TimedOut), Retry::RefreshMetadata);
        assert_eq!(retry(Kind::Protocol), Retry::None);
        assert_eq!(retry(Kind::Broker(BrokerCode(16))), Retry::FindCoordinator);
    }
}
