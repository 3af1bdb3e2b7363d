use kafka_protocol::messages::TopicName as KafkaName;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::kafka::client::testing;

use super::*;

fn topic(id: u128, leader: i32, epoch: i32) -> MetadataResponseTopic {
    let partition = MetadataResponsePartition::default()
        .with_leader_id(KafkaBroker(leader))
        .with_leader_epoch(epoch);
    MetadataResponseTopic::default()
        .with_name(Some(KafkaName(StrBytes::from_static_str("orders"))))
        .with_topic_id(Uuid::from_u128(id))
        .with_partitions(vec![partition])
}

fn answer(topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    testing::metadata("A", &["a:1", "b:2"]).with_topics(topics)
}

fn after(topics: impl IntoIterator<Item = MetadataResponseTopic>) -> Metadata {
    topics
        .into_iter()
        .fold(Metadata::default(), |metadata, topic| {
            metadata
                .next(
                    (None, answer(vec![topic])),
                    &AddressMap::default(),
                    &mut EarlierEpochs::default(),
                )
                .unwrap()
        })
}

fn leader_of(metadata: &Metadata) -> (i32, i32) {
    let leader = metadata.leader(&TopicPartition::new("orders", 0)).unwrap();
    assert_eq!(leader.generation, metadata.generation);
    (leader.broker.0, leader.epoch.0)
}

#[test]
fn a_broker_that_lags_behind_cannot_undo_a_leader_change() {
    assert_eq!(leader_of(&after([topic(7, 1, 4), topic(7, 2, 5)])), (2, 5));
    assert_eq!(leader_of(&after([topic(7, 2, 5), topic(7, 1, 4)])), (2, 5));
    let no_leader = after([topic(7, 2, 5), topic(7, -1, 5)]);
    let error = no_leader.leader(&TopicPartition::new("orders", 0));
    assert_eq!(error.unwrap_err().code(), Some(LEADER_NOT_AVAILABLE));
}

#[test]
fn a_recreated_topic_starts_over_and_so_does_one_without_ids() {
    assert_eq!(leader_of(&after([topic(7, 2, 5), topic(8, 1, 0)])), (1, 0));
    assert_eq!(leader_of(&after([topic(0, 2, 5), topic(0, 1, 0)])), (1, 0));
}

/// A cluster that was restored from a copy has the topic's id, and earlier epochs.
#[test]
fn epochs_go_back_when_most_brokers_agree() {
    let brokers = ["a:1", "b:2", "c:3"];
    let mut earlier = EarlierEpochs::default();
    let mut metadata = after([topic(7, 2, 5)]);
    let mut told = |by, leader, epoch| {
        let response = testing::metadata("A", &brokers).with_topics(vec![topic(7, leader, epoch)]);
        let told = (Some(BrokerId(by)), response);
        metadata = metadata
            .next(told, &AddressMap::default(), &mut earlier)
            .unwrap();
        (leader_of(&metadata), earlier.is_empty())
    };
    // One voice, however often it is heard, and two that differ, are not enough.
    assert_eq!(told(1, 1, 4), ((2, 5), false));
    assert_eq!(told(1, 1, 4), ((2, 5), false));
    assert_eq!(told(2, 3, 3), ((2, 5), false));
    // Nor are two while another one still has what is known.
    assert_eq!(told(3, 2, 5), ((2, 5), true));
    assert_eq!(told(1, 1, 4), ((2, 5), false));
    assert_eq!(told(2, 1, 4), ((1, 4), true));
    assert_eq!(told(3, 2, 5), ((2, 5), true));
}

#[test]
fn what_is_missing_has_a_code() {
    let metadata = after([topic(7, 1, 0)]);
    let code = |of| metadata.leader(&of).unwrap_err().code();
    let unknown = Some(UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(code(TopicPartition::new("orders", 1)), unknown);
    assert_eq!(code(TopicPartition::new("payments", 0)), unknown);
    let forbidden = topic(0, 1, 0).with_error_code(29).with_partitions(vec![]);
    let error = after([forbidden]).leader(&TopicPartition::new("orders", 0));
    assert_eq!(error.unwrap_err().code(), Some(BrokerCode(29)));
}

#[test]
fn advertised_addresses_are_mapped() {
    let map = [(HostPort::new("a", 1), HostPort::new("203.0.113.7", 31090))].into();
    let metadata = Metadata::default()
        .next((None, answer(vec![])), &map, &mut EarlierEpochs::default())
        .unwrap();
    let addresses: Vec<[String; 2]> = metadata
        .brokers
        .values()
        .map(|broker| [&broker.advertised, &broker.dial].map(HostPort::to_string))
        .collect();
    assert_eq!(addresses, [["a:1", "203.0.113.7:31090"], ["b:2", "b:2"]]);
    let mut response = answer(vec![]);
    for (broker, host) in std::iter::zip(&mut response.brokers, ["2001:db8::1", "[2001:db8::2]"]) {
        broker.host = StrBytes::from_static_str(host);
    }
    let known = Metadata::default()
        .next((None, response), &map, &mut EarlierEpochs::default())
        .unwrap();
    let addresses = known.brokers.values().map(|it| it.dial.to_string());
    let expected = ["[2001:db8::1]:1", "[2001:db8::2]:2"];
    assert_eq!(addresses.collect::<Vec<_>>(), expected);
}

#[test]
fn another_cluster_and_a_starting_broker_are_refused() {
    let known = after([topic(7, 1, 0)]);
    let next = |response| {
        let mut earlier = EarlierEpochs::default();
        known.next((None, response), &AddressMap::default(), &mut earlier)
    };
    let other = next(testing::metadata("B", &["a:1"]));
    let error = other.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(
        error
            .message()
            .contains("(id A) now leads to another one (id B)")
    );
    let starting = next(testing::metadata("A", &[]));
    assert_eq!(starting.unwrap_err().kind(), Kind::Disconnected);
}
