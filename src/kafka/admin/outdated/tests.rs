use kafka_protocol::messages::{ApiKey, MetadataRequest};

use super::*;
use crate::kafka::client::testing::{Call, FakeNet, Reply, metadata, versions_with};

#[tokio::test]
async fn brokers_from_before_kip_360_are_named() {
    let net = FakeNet::default();
    let answer = |call: &Call| match call.key {
        ApiKey::Metadata => call.answer::<MetadataRequest>(&metadata("oslo", &["a:1", "b:2"])),
        _ => Reply::Nothing,
    };
    net.broker_speaking("a:1", versions_with(ApiKey::InitProducerId, 2), answer);
    net.broker_speaking("b:2", versions_with(ApiKey::InitProducerId, 3), answer);
    let cluster = net.cluster(&["a:1"]);
    let found = outdated(&cluster).await.unwrap().unwrap();
    assert_eq!(found, Outdated(vec![BrokerId(1)]));
    assert!(
        found
            .to_string()
            .starts_with("older than Kafka 2.5: broker 1;")
    );
    net.broker_speaking("a:1", versions_with(ApiKey::InitProducerId, 4), answer);
    let cluster = net.cluster(&["a:1"]);
    assert_eq!(outdated(&cluster).await.unwrap(), None);
}
