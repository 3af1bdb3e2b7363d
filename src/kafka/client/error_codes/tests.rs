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
