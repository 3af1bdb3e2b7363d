use super::*;

#[test]
fn text_carries_circumstances_and_causes_in_order() {
    let error = Error::new(Kind::Broker(BrokerCode(6)), "produce refused: NOT_LEADER")
        .offset(7)
        .partition(&TopicPartition::new("t", 1))
        .cluster(&ClusterName::new("oslo"))
        .caused_by(std::io::Error::other("reset"));
    assert_eq!(
        error.chain(),
        "produce refused: NOT_LEADER (cluster oslo, partition t-1, offset 7): reset"
    );
    assert_eq!(
        Error::new(Kind::Stopping, "stopping").to_string(),
        "stopping"
    );
}

#[test]
fn a_chain_names_each_circumstance_and_each_cause_once() {
    let oslo = ClusterName::new("oslo");
    let refused = std::io::Error::other("connection refused");
    let dialing = Error::new(Kind::Disconnected, "no connection to broker 1")
        .cluster(&oslo)
        .caused_by(refused);
    let asking = Error::new(Kind::Disconnected, "no metadata")
        .cluster(&oslo)
        .caused_by(Arc::new(dialing));
    let partition = TopicPartition::new("t", 1);
    let producing = asking.shared("produce failed").partition(&partition);
    assert_eq!(
        producing.cluster(&oslo).chain(),
        "produce failed (cluster oslo, partition t-1): no metadata: no connection to broker 1: connection refused"
    );
    let elsewhere = asking.shared("nothing moves");
    let elsewhere = elsewhere.cluster(&ClusterName::new("paris"));
    assert_eq!(
        elsewhere.chain(),
        "nothing moves (cluster paris): no metadata (cluster oslo): no connection to broker 1: connection refused"
    );
}

#[test]
fn the_fix_is_named_once_at_the_end_however_deep_it_is() {
    let refused = Error::new(Kind::Broker(BrokerCode(29)), "refused").fixed_by("grant Read");
    let shared = refused.shared("produce failed").fixed_by("something else");
    assert_eq!(shared.fix(), Some("grant Read"));
    let elsewhere = shared.partition(&TopicPartition::new("t", 1));
    assert_eq!(
        elsewhere.chain(),
        "produce failed (partition t-1): refused; grant Read"
    );
    assert_eq!(
        elsewhere.without_partition(),
        "produce failed: refused; grant Read"
    );
}
