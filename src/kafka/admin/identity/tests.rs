use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{
    ApiKey, DescribeConfigsResponse, ListOffsetsResponse, MetadataRequest,
};

use crate::kafka::client::testing::{self, Call, FakeNet, Reply};

use super::*;

const LIMIT: Duration = Duration::from_secs(1);

/// Answers as the broker `own` does, with `refusal` for questions about settings if there is one.
fn answer(call: &Call, own: i32, refusal: Option<i16>) -> Reply {
    match call.key {
        ApiKey::Metadata => {
            let metadata = testing::metadata("A", &["a:1", "b:2", "c:3"]);
            let topic = testing::topic("orders", &[1, 2]);
            call.answer::<MetadataRequest>(&metadata.with_topics(vec![topic]))
        }
        ApiKey::DescribeConfigs => {
            let request: DescribeConfigsRequest = call.request();
            let results = request.resources.into_iter().map(|it| {
                let is_own = it.resource_name.as_str() == own.to_string();
                let code = refusal.unwrap_or(if is_own { 0 } else { INVALID_REQUEST.0 });
                DescribeConfigsResult::default()
                    .with_resource_name(it.resource_name)
                    .with_error_code(code)
            });
            let answer = DescribeConfigsResponse::default().with_results(results.collect());
            call.answer::<DescribeConfigsRequest>(&answer)
        }
        _ => {
            let request: ListOffsetsRequest = call.request();
            let topics = request.topics.into_iter().map(|topic| {
                let of = topic.partitions.into_iter().map(|it| {
                    // Broker 1 leads partition 0, and so on.
                    let leads = it.partition_index + 1 == own;
                    ListOffsetsPartitionResponse::default()
                        .with_partition_index(it.partition_index)
                        .with_error_code(if leads { 0 } else { NOT_LEADER_OR_FOLLOWER.0 })
                });
                ListOffsetsTopicResponse::default()
                    .with_name(topic.name)
                    .with_partitions(of.collect())
            });
            let answer = ListOffsetsResponse::default().with_topics(topics.collect());
            call.answer::<ListOffsetsRequest>(&answer)
        }
    }
}

async fn told(own: i32, among: &[i32], refusal: Option<i16>) -> Identity {
    let net = FakeNet::default();
    net.broker("door:1", move |call| answer(call, own, refusal));
    let cluster = net.cluster(&["door:1"]);
    let metadata = cluster.refresh(0).await.unwrap();
    let door = &cluster.bootstrap_endpoints()[0];
    let connection = cluster.bootstrap_connection(door).await.unwrap();
    let among = among.iter().copied().map(BrokerId).collect();
    identity(&connection, &metadata, &among, LIMIT)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_broker_is_known_by_its_settings_or_by_what_it_leads() {
    for refusal in [None, Some(31)] {
        for own in [1, 2] {
            let is = Identity::Is(BrokerId(own));
            assert_eq!(told(own, &[1, 2, 3], refusal).await, is, "{refusal:?}");
        }
        assert_eq!(told(1, &[2], refusal).await, Identity::Other);
    }
    assert_eq!(told(3, &[1, 2, 3], None).await, Identity::Is(BrokerId(3)));
    let leads_nothing = told(3, &[1, 2, 3], Some(31)).await;
    assert_eq!(leads_nothing, Identity::Unknown);
}
