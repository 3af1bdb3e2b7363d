use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

use crate::error::Kind;
use crate::kafka::client::names::text;
use crate::kafka::client::testing::topic;
use crate::model::TopicName;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_topic_is_created_by_the_controller_once() {
    let turn = Arc::new(AtomicU32::new(0));
    let (_net, cluster) = cluster(&[], move |broker, call| {
        assert_eq!(broker, 1, "the controller");
        let request: CreateTopicsRequest = call.request();
        let topic = &request.topics[0];
        assert_eq!((topic.num_partitions, topic.replication_factor), (6, 3));
        assert_eq!(topic.configs[0].value, Some(text("compact")));
        let code = [41, 0, 36, 44][turn.fetch_add(1, Ordering::SeqCst) as usize];
        let result = CreatableTopicResult::default()
            .with_name(topic.name.clone())
            .with_error_code(code)
            .with_error_message(Some(text("no short names")));
        let answer = CreateTopicsResponse::default().with_topics(vec![result]);
        call.answer::<CreateTopicsRequest>(&answer)
    });
    let topic = NewTopic {
        name: "orders".into(),
        partitions: 6,
        replication_factor: 3,
        configs: BTreeMap::from([("cleanup.policy".into(), "compact".into())]),
    };
    assert!(
        create_topic(&cluster, &topic, &Ownership::permanent())
            .await
            .unwrap()
    );
    assert!(
        !create_topic(&cluster, &topic, &Ownership::permanent())
            .await
            .unwrap()
    );
    let error = create_topic(&cluster, &topic, &Ownership::permanent())
        .await
        .unwrap_err()
        .to_string();
    let start =
        "broker 1 at a:1: cannot create topic orders: POLICY_VIOLATION (44); no short names;";
    assert!(error.starts_with(start), "{error}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_without_the_right() {
    let (_net, cluster) = cluster(&[], |_, _| panic!("nobody is asked"));
    let topic = NewTopic {
        name: "orders".into(),
        partitions: 6,
        replication_factor: 3,
        configs: BTreeMap::new(),
    };
    let (name, none) = (&topic.name, Ownership::none());
    let changed = [
        create_topic(&cluster, &topic, &none).await.map(|_| ()),
        create_partitions(&cluster, name, 7, &none).await,
        delete_topic(&cluster, name, &none).await,
        alter_topic_configs(&cluster, name, &BTreeMap::new(), &none).await,
    ];
    for refused in changed {
        assert_eq!(refused.unwrap_err().kind(), Kind::Refused);
    }
}

#[tokio::test(start_paused = true)]
async fn adding_partitions_that_are_there_is_fine() {
    let refusing = |_: i32, call: &Call| {
        let request: CreatePartitionsRequest = call.request();
        assert_eq!(request.topics[0].assignments, None);
        let result = CreatePartitionsTopicResult::default().with_error_code(37);
        let answer = CreatePartitionsResponse::default().with_results(vec![result]);
        call.answer::<CreatePartitionsRequest>(&answer)
    };
    let (_net, cluster) = cluster(&[topic("orders", &[1, 2])], refusing);
    create_partitions(&cluster, &"orders".into(), 2, &Ownership::permanent())
        .await
        .unwrap();
    let more = create_partitions(&cluster, &"orders".into(), 3, &Ownership::permanent()).await;
    assert_eq!(more.unwrap_err().code(), Some(BrokerCode(37)));
}

#[tokio::test(start_paused = true)]
async fn settings_are_read_for_topics_that_exist() {
    let (_net, cluster) = cluster(&[], |_, call| {
        let request: DescribeConfigsRequest = call.request();
        let results = request.resources.into_iter().map(|resource| {
            let keys = resource.configuration_keys;
            let wanted = (resource.resource_type == 2)
                .then(|| ["own", "file", "default"].map(text).to_vec());
            assert_eq!(keys, wanted, "all settings only of a broker");
            let configs = [(1, "own"), (4, "file"), (5, "default")].map(|(source, name)| {
                DescribeConfigsResourceResult::default()
                    .with_name(text(name))
                    .with_value(Some(text("x")))
                    .with_config_source(source)
            });
            let missing = resource.resource_name.as_str() == "payments";
            DescribeConfigsResult::default()
                .with_resource_type(resource.resource_type)
                .with_resource_name(resource.resource_name)
                .with_error_code(if missing { 3 } else { 0 })
                .with_configs(configs.into())
        });
        let answer = DescribeConfigsResponse::default().with_results(results.collect());
        call.answer::<DescribeConfigsRequest>(&answer)
    });
    let asked = ["orders", "payments"].map(TopicName::from);
    let configs = topic_configs(&cluster, &asked, &["own", "file", "default"])
        .await
        .unwrap();
    assert_eq!(configs.keys().collect::<Vec<_>>(), [&asked[0]]);
    let flags =
        |configs: &ConfigValues, name: &str| (configs[name].is_own, configs[name].is_default);
    let of_topic = &configs[&asked[0]];
    assert_eq!(flags(of_topic, "own"), (true, false));
    assert_eq!(flags(of_topic, "file"), (false, false));
    assert_eq!(flags(of_topic, "default"), (false, true));
    let of_broker = broker_configs(&cluster).await.unwrap();
    assert_eq!(flags(&of_broker, "file"), (true, false));
}

#[tokio::test]
async fn settings_are_set_or_deleted_one_by_one() {
    let (_net, cluster) = cluster(&[], |_, call| {
        let request: IncrementalAlterConfigsRequest = call.request();
        let configs = request.resources[0].configs.iter();
        let changes: Vec<_> = configs
            .map(|one| {
                (
                    one.name.to_string(),
                    one.config_operation,
                    one.value.is_some(),
                )
            })
            .collect();
        assert_eq!(changes, [("a".into(), 0, true), ("b".into(), 1, false)]);
        let result = AlterConfigsResourceResponse::default();
        let answer = IncrementalAlterConfigsResponse::default().with_responses(vec![result]);
        call.answer::<IncrementalAlterConfigsRequest>(&answer)
    });
    let changes = BTreeMap::from([("a".into(), Some("1".into())), ("b".into(), None)]);
    let orders = TopicName::new("orders");
    alter_topic_configs(&cluster, &orders, &changes, &Ownership::permanent())
        .await
        .unwrap();
}
