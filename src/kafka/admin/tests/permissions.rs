use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, MetadataRequest};

use crate::kafka::acl::AclOperation;
use crate::kafka::client::names::{text, topic_name};
use crate::model::TopicName;

use super::*;

#[tokio::test(start_paused = true)]
async fn operations_are_told_for_each_topic_asked_for() {
    let net = FakeNet::default();
    net.broker("a:1", |call| {
        let request: MetadataRequest = call.request();
        let mut answer = metadata("A", &["a:1"]);
        if let Some(asked) = &request.topics {
            assert!(request.include_topic_authorized_operations);
            assert!(!request.allow_auto_topic_creation);
            let told = [1 << 3 | 1 << 8, i32::MIN];
            let topics = asked.iter().zip(told).map(|(topic, operations)| {
                MetadataResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_topic_authorized_operations(operations)
            });
            answer = answer.with_topics(topics.collect());
        }
        call.answer::<MetadataRequest>(&answer)
    });
    let cluster = net.cluster(&["a:1"]);
    let asked = ["orders", "hidden"].map(TopicName::from);
    let permitted = topic_operations(&cluster, &asked).await.unwrap();
    assert_eq!(
        permitted[&asked[0]],
        Operations::of(&[AclOperation::Read, AclOperation::Describe])
    );
    assert!(!permitted[&asked[0]].has(AclOperation::Write));
    assert_eq!(permitted[&asked[1]], Operations::default());
}

#[tokio::test(start_paused = true)]
async fn creations_are_checked_and_not_done() {
    let (_net, cluster) = cluster(&[], |broker, call| {
        assert_eq!(broker, 1, "the controller");
        let request: CreateTopicsRequest = call.request();
        assert!(request.validate_only);
        let results = [("fine", 0), ("there", 36), ("denied", 29)].map(|(name, code)| {
            CreatableTopicResult::default()
                .with_name(topic_name(&name.into()))
                .with_error_code(code)
                .with_error_message(Some(text("ask your admin")))
        });
        let answer = CreateTopicsResponse::default().with_topics(results.into());
        call.answer::<CreateTopicsRequest>(&answer)
    });
    let topics = ["fine", "there", "denied"].map(|name| NewTopic {
        name: name.into(),
        partitions: 1,
        replication_factor: 1,
        configs: BTreeMap::new(),
    });
    let refused = refused_creations(&cluster, &topics).await.unwrap();
    assert_eq!(
        refused.keys().collect::<Vec<_>>(),
        [&TopicName::new("denied")]
    );
    let error = &refused[&TopicName::new("denied")];
    assert_eq!(error.code(), Some(BrokerCode(29)));
    assert!(error.message().contains("ask your admin"), "{error}");
}
