use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kafka_protocol::messages::describe_producers_response::{
    DescribeProducersResponse, PartitionResponse, ProducerState as KafkaState, TopicResponse,
};
use kafka_protocol::messages::fetch_response::{
    FetchResponse, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    DescribeProducersRequest, FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
};

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::kafka::client::testing::{topic, versions_but};
use crate::model::ProducerId;

use super::*;

/// Lists offset `broker * 1000 + partition`, after `failures` responses with a code for every partition.
fn listing(code: i16, failures: u32) -> impl Fn(i32, &Call) -> Reply + Clone + Send + Sync {
    listing_under(3, code, failures)
}

/// Like [`listing`], for requests with this leader epoch.
fn listing_under(
    epoch: i32,
    code: i16,
    failures: u32,
) -> impl Fn(i32, &Call) -> Reply + Clone + Send + Sync {
    let failed = Arc::new(AtomicU32::new(0));
    move |broker, call| {
        let request: ListOffsetsRequest = call.request();
        let failing = failed.fetch_add(1, Ordering::SeqCst) < failures;
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|one| {
                assert_eq!(one.current_leader_epoch, epoch);
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(one.partition_index)
                    .with_offset(i64::from(broker * 1000 + one.partition_index))
                    .with_leader_epoch(3)
                    .with_error_code(if failing { code } else { 0 })
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name)
                .with_partitions(partitions.collect())
        });
        let answer = ListOffsetsResponse::default().with_topics(topics.collect());
        call.answer::<ListOffsetsRequest>(&answer)
    }
}

const EPOCH: LeaderEpoch = LeaderEpoch(3);

#[tokio::test]
async fn every_leader_is_asked_for_its_partitions_and_missing_ones_are_named() {
    let (_net, cluster) = cluster(&[topic("orders", &[1, 2, 1])], listing(0, 0));
    let asked: Vec<_> = (0..4).map(|number| (orders(number), EPOCH)).collect();
    let mut listed = list_offsets(&cluster, &asked, OffsetSpec::Earliest)
        .await
        .unwrap();
    let missing = listed.remove(&orders(3)).unwrap().unwrap_err();
    assert_eq!(missing.code(), Some(BrokerCode(3)));
    let offsets: Vec<i64> = listed
        .into_values()
        .map(|one| one.unwrap().offset)
        .collect();
    assert_eq!(offsets, [1000, 2001, 1002]);
}

#[tokio::test(start_paused = true)]
async fn codes_that_pass_are_waited_out_for_a_while() {
    for (code, failures, ends_well) in [(6, 2, true), (6, 9, false), (29, 1, false)] {
        let (_net, cluster) = cluster(&[topic("orders", &[1])], listing(code, failures));
        let listed = list_offset(&cluster, &orders(0), EPOCH, OffsetSpec::TrueEnd).await;
        assert_eq!(listed.is_ok(), ends_well);
        if let Err(error) = listed {
            assert_eq!(error.code(), Some(BrokerCode(code)));
            assert!(error.to_string().contains("partition orders-0"));
        }
    }
}

/// What many partitions ask at the same time takes few requests, whichever edges of their logs they ask for.
#[tokio::test]
async fn questions_about_single_partitions_share_requests() {
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let listing = listing(0, 0);
    let (_net, cluster) = cluster(&[topic("orders", &[1; 100])], move |broker, call| {
        counted.fetch_add(1, Ordering::SeqCst);
        listing(broker, call)
    });
    let edges = [OffsetSpec::Earliest, OffsetSpec::HighWatermark];
    let asked = (0..100).flat_map(|number| edges.map(|edge| (orders(number), edge)));
    let asked: Vec<_> = asked.collect();
    let asking = asked
        .iter()
        .map(|(of, edge)| list_offset(&cluster, of, EPOCH, *edge));
    for ((of, _), listed) in asked.iter().zip(join_all(asking).await) {
        assert_eq!(listed.unwrap().offset, 1000 + i64::from(of.partition.0));
    }
    let requests = requests.load(Ordering::SeqCst);
    assert!(requests <= 4, "{requests} requests");
}

/// Two leaders of 2,500 partitions each; one of them is silent.
#[tokio::test(start_paused = true)]
async fn many_partitions_are_asked_for_in_parts_until_the_deadline() {
    let leaders: Vec<i32> = (0..5_000).map(|number| 1 + number % 2).collect();
    let requests = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&requests);
    let (_net, cluster) = cluster(&[topic("orders", &leaders)], move |broker, call| {
        if broker == 2 {
            return Reply::Nothing;
        }
        counted.fetch_add(1, Ordering::SeqCst);
        let request: ListOffsetsRequest = call.request();
        let topics = request.topics.into_iter().map(|topic| {
            assert!(topic.partitions.len() <= 1_000);
            let partitions = topic.partitions.iter().map(|one| {
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(one.partition_index)
                    .with_offset(7)
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name)
                .with_partitions(partitions.collect())
        });
        let answer = ListOffsetsResponse::default().with_topics(topics.collect());
        call.answer::<ListOffsetsRequest>(&answer)
    });
    // The last one has no leader.
    let asked: Vec<_> = (0..=5_000).map(orders).collect();
    let begun = Instant::now();
    let deadline = begun + Duration::from_secs(3);
    let listed = list_offsets_until(&cluster, &asked, OffsetSpec::LastStable, deadline).await;
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    let led_by_first = asked.iter().take(5_000).step_by(2);
    assert!(listed.keys().eq(led_by_first));
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn until_the_deadline_codes_that_pass_are_waited_out_and_others_are_left_out() {
    for (code, failures, count) in [(6, 2, 1), (6, 9, 0), (29, 1, 0)] {
        let (_net, cluster) = cluster(&[topic("orders", &[1])], listing_under(-1, code, failures));
        let deadline = Instant::now() + Duration::from_secs(60);
        let asked = [orders(0)];
        let listed = list_offsets_until(&cluster, &asked, OffsetSpec::LastStable, deadline).await;
        assert_eq!(listed.len(), count, "{code}");
    }
}

/// A leader that hasn't opened a log yet says that there is none.
#[tokio::test(start_paused = true)]
async fn a_partition_is_served_once_its_leader_says_anything_that_lasts() {
    let leaders = topic("orders", &[1, 1, 1, 2]);
    let (_net, cluster) = cluster(&[leaders], |broker, call| {
        if broker == 2 {
            return Reply::Nothing;
        }
        let request: ListOffsetsRequest = call.request();
        let asked = &request.topics[0];
        let one = |partition: &ListOffsetsPartition| {
            let code = [0, 3, 29][usize::try_from(partition.partition_index).unwrap()];
            ListOffsetsPartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code)
        };
        let topic = ListOffsetsTopicResponse::default()
            .with_name(asked.name.clone())
            .with_partitions(asked.partitions.iter().map(one).collect());
        let answer = ListOffsetsResponse::default().with_topics(vec![topic]);
        call.answer::<ListOffsetsRequest>(&answer)
    });
    cluster.current_metadata().await.unwrap();
    let begun = Instant::now();
    let asked: Vec<_> = (0..5).map(orders).collect();
    let served = served(&cluster, &asked, begun + Duration::from_secs(1)).await;
    assert!(served.iter().eq([&asked[0], &asked[2]]), "{served:?}");
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn each_kind_of_end_is_asked_for_in_its_own_way() {
    for (at, expected) in [
        (OffsetSpec::Earliest, (-1, 0, -2)),
        (OffsetSpec::HighWatermark, (-1, 0, -1)),
        (OffsetSpec::LastStable, (-1, 1, -1)),
        (OffsetSpec::TrueEnd, (-2, 0, -1)),
        (OffsetSpec::Timestamp(5), (-1, 0, 5)),
    ] {
        let (_net, cluster) = cluster(&[topic("orders", &[1])], move |_, call| {
            let request: ListOffsetsRequest = call.request();
            let timestamp = request.topics[0].partitions[0].timestamp;
            let fields = (request.replica_id.0, request.isolation_level, timestamp);
            assert_eq!(fields, expected);
            listing(0, 0)(1, call)
        });
        let listed = list_offset(&cluster, &orders(0), EPOCH, at).await.unwrap();
        assert_eq!((listed.offset, listed.epoch), (1000, EPOCH));
    }
}

#[tokio::test]
async fn the_end_of_an_epoch_is_asked_as_a_consumer() {
    let (_net, cluster) = cluster(&[topic("orders", &[2])], |broker, call| {
        let request: OffsetForLeaderEpochRequest = call.request();
        let one = &request.topics[0].partitions[0];
        assert_eq!((broker, request.replica_id.0), (2, -1));
        assert_eq!((one.current_leader_epoch, one.leader_epoch), (3, 2));
        let end = EpochEndOffset::default()
            .with_leader_epoch(1)
            .with_end_offset(70);
        let topic = OffsetForLeaderTopicResult::default().with_partitions(vec![end]);
        let answer = OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
        call.answer::<OffsetForLeaderEpochRequest>(&answer)
    });
    let end = end_of_epoch(&cluster, &orders(0), LeaderEpoch(2)).await;
    assert_eq!(end.unwrap(), (LeaderEpoch(1), 70));
}

#[tokio::test]
async fn producers_are_described_by_brokers_that_can() {
    let describing = |_: i32, call: &Call| {
        let state = KafkaState::default()
            .with_producer_id(9.into())
            .with_last_sequence(4);
        let request: DescribeProducersRequest = call.request();
        let topics = request.topics.into_iter().map(|asked| {
            let partitions = asked.partition_indexes.into_iter();
            let one = PartitionResponse::default().with_active_producers(vec![state.clone()]);
            let partitions = partitions.map(|number| one.clone().with_partition_index(number));
            TopicResponse::default()
                .with_name(asked.name)
                .with_partitions(partitions.collect())
        });
        let answer = DescribeProducersResponse::default().with_topics(topics.collect());
        call.answer::<DescribeProducersRequest>(&answer)
    };
    let topics = vec![topic("orders", &[2])];
    let (net, cluster) = cluster(&topics, describing);
    let states = describe_producers(&cluster, &orders(0))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (states[0].producer_id, states[0].last_sequence),
        (ProducerId(9), 4)
    );

    let old = versions_but(ApiKey::DescribeProducers, -1);
    net.broker_speaking("b:2", old, answering(2, topics, describing));
    let cluster = net.cluster(&["a:1"]);
    assert_eq!(
        describe_producers(&cluster, &orders(0)).await.unwrap(),
        None
    );
}

#[tokio::test(start_paused = true)]
async fn reading_gives_codes_that_stay_as_values_and_waits_out_the_others() {
    let asked = Arc::new(AtomicU32::new(0));
    let (_net, cluster) = cluster(&[topic("orders", &[2])], move |_, call| {
        let request: FetchRequest = call.request();
        let (topic, one) = (&request.topics[0], &request.topics[0].partitions[0]);
        assert_eq!((request.session_epoch, request.max_wait_ms), (-1, 0));
        assert_eq!((topic.topic_id.as_u128(), one.fetch_offset), (7, 55));
        let code = if asked.fetch_add(1, Ordering::SeqCst) == 0 {
            6
        } else {
            1
        };
        let data = PartitionData::default()
            .with_error_code(code)
            .with_high_watermark(-1);
        let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
        let answer = FetchResponse::default().with_responses(vec![topic]);
        call.answer::<FetchRequest>(&answer)
    });
    let read = read_at(&cluster, &orders(0), 55, 1024).await.unwrap();
    assert_eq!((read.error, read.high_watermark), (Some(BrokerCode(1)), -1));
    assert!(read.batches.is_empty());
}
