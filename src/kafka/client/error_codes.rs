//! Names of brokers' error codes, and how each is handled: the only place that decides on retries.
//!
//! The names are those of Kafka's `Errors` enum. The decision follows Kafka's `RetriableException`, and adds what has
//! to be looked up before the next attempt.

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
    row(code).map_or(Retry::None, |row| row.2)
}

/// Returns Kafka's name of a code.
pub fn code_name(code: BrokerCode) -> &'static str {
    row(code).map_or("UNKNOWN_CODE", |row| row.1)
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
    Some(match code.0 {
        29 => "grant farshore's principal this operation on the topic",
        30 => "grant farshore's principal this operation on the group",
        31 => "grant farshore's principal this operation on the cluster",
        38 => "set replication_factor to at most the number of brokers",
        44 => "the broker's policy forbids it; ask its administrator",
        _ => return None,
    })
}

/// Converts an error code field: `None` for success.
pub(crate) fn code_of(field: i16) -> Option<BrokerCode> {
    (field != 0).then_some(BrokerCode(field))
}

type Row = (i16, &'static str, Retry);

fn row(code: BrokerCode) -> Option<&'static Row> {
    let at = TABLE.binary_search_by_key(&code.0, |row| row.0).ok()?;
    TABLE.get(at)
}

/// Sorted by code.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    (-1, "UNKNOWN_SERVER_ERROR", Retry::None),
    (0, "NONE", Retry::None),
    (1, "OFFSET_OUT_OF_RANGE", Retry::None),
    (2, "CORRUPT_MESSAGE", Retry::Backoff),
    (3, "UNKNOWN_TOPIC_OR_PARTITION", Retry::RefreshMetadata),
    (4, "INVALID_FETCH_SIZE", Retry::None),
    (5, "LEADER_NOT_AVAILABLE", Retry::RefreshMetadata),
    (6, "NOT_LEADER_OR_FOLLOWER", Retry::RefreshMetadata),
    (7, "REQUEST_TIMED_OUT", Retry::Backoff),
    (8, "BROKER_NOT_AVAILABLE", Retry::RefreshMetadata),
    (9, "REPLICA_NOT_AVAILABLE", Retry::RefreshMetadata),
    (10, "MESSAGE_TOO_LARGE", Retry::None),
    (11, "STALE_CONTROLLER_EPOCH", Retry::RefreshMetadata),
    (12, "OFFSET_METADATA_TOO_LARGE", Retry::None),
    (13, "NETWORK_EXCEPTION", Retry::RefreshMetadata),
    (14, "COORDINATOR_LOAD_IN_PROGRESS", Retry::Backoff),
    (15, "COORDINATOR_NOT_AVAILABLE", Retry::FindCoordinator),
    (16, "NOT_COORDINATOR", Retry::FindCoordinator),
    (17, "INVALID_TOPIC_EXCEPTION", Retry::None),
    (18, "RECORD_LIST_TOO_LARGE", Retry::None),
    (19, "NOT_ENOUGH_REPLICAS", Retry::Backoff),
    (20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", Retry::Backoff),
    (21, "INVALID_REQUIRED_ACKS", Retry::None),
    (22, "ILLEGAL_GENERATION", Retry::None),
    (23, "INCONSISTENT_GROUP_PROTOCOL", Retry::None),
    (24, "INVALID_GROUP_ID", Retry::None),
    (25, "UNKNOWN_MEMBER_ID", Retry::None),
    (26, "INVALID_SESSION_TIMEOUT", Retry::None),
    (27, "REBALANCE_IN_PROGRESS", Retry::None),
    (28, "INVALID_COMMIT_OFFSET_SIZE", Retry::None),
    (29, "TOPIC_AUTHORIZATION_FAILED", Retry::None),
    (30, "GROUP_AUTHORIZATION_FAILED", Retry::None),
    (31, "CLUSTER_AUTHORIZATION_FAILED", Retry::None),
    (32, "INVALID_TIMESTAMP", Retry::None),
    (33, "UNSUPPORTED_SASL_MECHANISM", Retry::None),
    (34, "ILLEGAL_SASL_STATE", Retry::None),
    (35, "UNSUPPORTED_VERSION", Retry::None),
    (36, "TOPIC_ALREADY_EXISTS", Retry::None),
    (37, "INVALID_PARTITIONS", Retry::None),
    (38, "INVALID_REPLICATION_FACTOR", Retry::None),
    (39, "INVALID_REPLICA_ASSIGNMENT", Retry::None),
    (40, "INVALID_CONFIG", Retry::None),
    (41, "NOT_CONTROLLER", Retry::RefreshMetadata),
    (42, "INVALID_REQUEST", Retry::None),
    (43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", Retry::None),
    (44, "POLICY_VIOLATION", Retry::None),
    (45, "OUT_OF_ORDER_SEQUENCE_NUMBER", Retry::None),
    (46, "DUPLICATE_SEQUENCE_NUMBER", Retry::None),
    (47, "INVALID_PRODUCER_EPOCH", Retry::None),
    (48, "INVALID_TXN_STATE", Retry::None),
    (49, "INVALID_PRODUCER_ID_MAPPING", Retry::None),
    (50, "INVALID_TRANSACTION_TIMEOUT", Retry::None),
    (51, "CONCURRENT_TRANSACTIONS", Retry::Backoff),
    (52, "TRANSACTION_COORDINATOR_FENCED", Retry::None),
    (53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", Retry::None),
    (54, "SECURITY_DISABLED", Retry::None),
    (55, "OPERATION_NOT_ATTEMPTED", Retry::None),
    (56, "KAFKA_STORAGE_ERROR", Retry::RefreshMetadata),
    (57, "LOG_DIR_NOT_FOUND", Retry::None),
    (58, "SASL_AUTHENTICATION_FAILED", Retry::None),
    (59, "UNKNOWN_PRODUCER_ID", Retry::None),
    (60, "REASSIGNMENT_IN_PROGRESS", Retry::None),
    (61, "DELEGATION_TOKEN_AUTH_DISABLED", Retry::None),
    (62, "DELEGATION_TOKEN_NOT_FOUND", Retry::None),
    (63, "DELEGATION_TOKEN_OWNER_MISMATCH", Retry::None),
    (64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", Retry::None),
    (65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", Retry::None),
    (66, "DELEGATION_TOKEN_EXPIRED", Retry::None),
    (67, "INVALID_PRINCIPAL_TYPE", Retry::None),
    (68, "NON_EMPTY_GROUP", Retry::None),
    (69, "GROUP_ID_NOT_FOUND", Retry::None),
    (70, "FETCH_SESSION_ID_NOT_FOUND", Retry::Backoff),
    (71, "INVALID_FETCH_SESSION_EPOCH", Retry::Backoff),
    (72, "LISTENER_NOT_FOUND", Retry::RefreshMetadata),
    (73, "TOPIC_DELETION_DISABLED", Retry::None),
    (74, "FENCED_LEADER_EPOCH", Retry::RefreshMetadata),
    (75, "UNKNOWN_LEADER_EPOCH", Retry::RefreshMetadata),
    (76, "UNSUPPORTED_COMPRESSION_TYPE", Retry::None),
    (77, "STALE_BROKER_EPOCH", Retry::None),
    (78, "OFFSET_NOT_AVAILABLE", Retry::Backoff),
    (79, "MEMBER_ID_REQUIRED", Retry::None),
    (80, "PREFERRED_LEADER_NOT_AVAILABLE", Retry::RefreshMetadata),
    (81, "GROUP_MAX_SIZE_REACHED", Retry::None),
    (82, "FENCED_INSTANCE_ID", Retry::None),
    (83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", Retry::RefreshMetadata),
    (84, "ELECTION_NOT_NEEDED", Retry::None),
    (85, "NO_REASSIGNMENT_IN_PROGRESS", Retry::None),
    (86, "GROUP_SUBSCRIBED_TO_TOPIC", Retry::None),
    (87, "INVALID_RECORD", Retry::None),
    (88, "UNSTABLE_OFFSET_COMMIT", Retry::Backoff),
    (89, "THROTTLING_QUOTA_EXCEEDED", Retry::Backoff),
    (90, "PRODUCER_FENCED", Retry::None),
    (91, "RESOURCE_NOT_FOUND", Retry::None),
    (92, "DUPLICATE_RESOURCE", Retry::None),
    (93, "UNACCEPTABLE_CREDENTIAL", Retry::None),
    (94, "INCONSISTENT_VOTER_SET", Retry::None),
    (95, "INVALID_UPDATE_VERSION", Retry::None),
    (96, "FEATURE_UPDATE_FAILED", Retry::None),
    (97, "PRINCIPAL_DESERIALIZATION_FAILURE", Retry::None),
    (98, "SNAPSHOT_NOT_FOUND", Retry::None),
    (99, "POSITION_OUT_OF_RANGE", Retry::None),
    (100, "UNKNOWN_TOPIC_ID", Retry::RefreshMetadata),
    (101, "DUPLICATE_BROKER_REGISTRATION", Retry::None),
    (102, "BROKER_ID_NOT_REGISTERED", Retry::None),
    (103, "INCONSISTENT_TOPIC_ID", Retry::RefreshMetadata),
    (104, "INCONSISTENT_CLUSTER_ID", Retry::None),
    (105, "TRANSACTIONAL_ID_NOT_FOUND", Retry::None),
    (106, "FETCH_SESSION_TOPIC_ID_ERROR", Retry::Backoff),
    (107, "INELIGIBLE_REPLICA", Retry::None),
    (108, "NEW_LEADER_ELECTED", Retry::RefreshMetadata),
    (109, "OFFSET_MOVED_TO_TIERED_STORAGE", Retry::None),
    (110, "FENCED_MEMBER_EPOCH", Retry::None),
    (111, "UNRELEASED_INSTANCE_ID", Retry::None),
    (112, "UNSUPPORTED_ASSIGNOR", Retry::None),
    (113, "STALE_MEMBER_EPOCH", Retry::None),
    (114, "MISMATCHED_ENDPOINT_TYPE", Retry::None),
    (115, "UNSUPPORTED_ENDPOINT_TYPE", Retry::None),
    (116, "UNKNOWN_CONTROLLER_ID", Retry::None),
    (117, "UNKNOWN_SUBSCRIPTION_ID", Retry::None),
    (118, "TELEMETRY_TOO_LARGE", Retry::None),
    (119, "INVALID_REGISTRATION", Retry::None),
    (120, "TRANSACTION_ABORTABLE", Retry::None),
    (121, "INVALID_RECORD_STATE", Retry::None),
    (122, "SHARE_SESSION_NOT_FOUND", Retry::None),
    (123, "INVALID_SHARE_SESSION_EPOCH", Retry::None),
    (124, "FENCED_STATE_EPOCH", Retry::None),
    (125, "INVALID_VOTER_KEY", Retry::None),
    (126, "DUPLICATE_VOTER", Retry::None),
    (127, "VOTER_NOT_FOUND", Retry::None),
    (128, "INVALID_REGULAR_EXPRESSION", Retry::None),
    (129, "REBOOTSTRAP_REQUIRED", Retry::None),
    (130, "STREAMS_INVALID_TOPOLOGY", Retry::None),
    (131, "STREAMS_INVALID_TOPOLOGY_EPOCH", Retry::None),
    (132, "STREAMS_TOPOLOGY_FENCED", Retry::None),
    (133, "SHARE_SESSION_LIMIT_REACHED", Retry::None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        let codes: Vec<i16> = TABLE.iter().map(|row| row.0).collect();
        assert_eq!(codes, (-1..=133).collect::<Vec<i16>>());
    }

    #[test]
    fn decisions_agree_with_kafka_but_where_we_know_better() {
        use kafka_protocol::error::ParseResponseErrorCode;
        let ours: Vec<i16> = (1..=133)
            .filter(|&code: &i16| {
                let kafkas = code.err().is_some_and(|error| error.is_retriable());
                kafkas != (retry_of(BrokerCode(code)) != Retry::None)
            })
            .collect();
        // Retried here: an unavailable broker, a change of controller or leader, a transaction that is ending. Not
        // retried here: an election that isn't needed, and share groups, which farshore doesn't read.
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
