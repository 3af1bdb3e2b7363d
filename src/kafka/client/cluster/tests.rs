use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    ApiKey, FindCoordinatorResponse, MetadataRequest, MetadataResponse, TopicName,
};

use crate::error::BrokerCode;
use crate::kafka::client::testing::{self, Call, FakeNet, Reply};
use crate::task::testing::passes;

use super::candidates::HEAD_START;
use super::*;

/// Answers metadata requests with what `next` returns for the n-th one, starting from 0.
fn telling<F>(next: F) -> impl Fn(&Call) -> Reply + Send + Sync + 'static
where
    F: Fn(u32) -> MetadataResponse + Send + Sync + 'static,
{
    let asked = AtomicU32::new(0);
    move |call| {
        let request: MetadataRequest = call.request();
        assert_eq!(request.topics, None, "all topics");
        assert!(!request.allow_auto_topic_creation);
        call.answer::<MetadataRequest>(&next(asked.fetch_add(1, Ordering::SeqCst)))
    }
}

fn orders_led_by(broker: i32, epoch: i32) -> MetadataResponseTopic {
    let partition = MetadataResponsePartition::default()
        .with_leader_id(broker.into())
        .with_leader_epoch(epoch);
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str("orders"))))
        .with_partitions(vec![partition])
}

fn orders() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

#[tokio::test]
async fn one_bootstrap_address_that_answers_is_enough() {
    let net = FakeNet::default();
    net.script("http:80", |_| async {});
    net.broker("c:3", telling(|_| testing::metadata("A", &["c:3"])));
    let cluster = net.cluster(&["dead:1", "http:80", "c:3"]);
    assert_eq!(cluster.cluster_id().await.unwrap(), "A");
    assert_eq!(cluster.metadata().generation, 1);
}

#[tokio::test]
async fn if_nobody_answers_every_address_has_its_reason() {
    let net = FakeNet::default();
    let error = net.cluster(&["a:1", "b:2"]).refresh(0).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Disconnected);
    let text = error.chain();
    for address in ["a:1", "b:2"] {
        let reason = format!("no connection to {address}: connecting failed: connection refused");
        assert!(text.contains(&reason), "{text}");
    }
    assert_eq!(text.matches("paris").count(), 1, "{text}");
}

#[tokio::test]
async fn callers_share_one_look_and_who_saw_less_gets_what_is_there() {
    let net = FakeNet::default();
    net.broker("a:1", telling(|_| testing::metadata("A", &["a:1"])));
    let cluster = net.cluster(&["a:1"]);
    let all = join_all((0..50).map(|_| cluster.refresh(0))).await;
    assert!(all.into_iter().all(|one| one.unwrap().generation == 1));
    assert_eq!(cluster.refresh(0).await.unwrap().generation, 1);
    assert_eq!(cluster.refresh(1).await.unwrap().generation, 2);
}

#[tokio::test(start_paused = true)]
async fn looks_are_at_most_ten_a_second_and_age_makes_a_new_one() {
    let net = FakeNet::default();
    net.broker("a:1", telling(|_| testing::metadata("A", &["a:1"])));
    let cluster = net.cluster(&["a:1"]);
    let began = Instant::now();
    for generation in 0..11 {
        cluster.refresh(generation).await.unwrap();
    }
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(cluster.current_metadata().await.unwrap().generation, 11);
    tokio::time::advance(cluster.settings().metadata_max_age).await;
    assert_eq!(cluster.current_metadata().await.unwrap().generation, 12);
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_told_for_long_is_not_the_only_one_asked() {
    let net = FakeNet::default();
    let brokers = ["a:1", "b:2"];
    let told = move |leader, epoch| {
        let topic = orders_led_by(leader, epoch).with_topic_id(uuid::Uuid::from_u128(1));
        telling(move |_| testing::metadata("A", &brokers).with_topics(vec![topic.clone()]))
    };
    // The first broker is no longer notified of elections.
    net.broker("a:1", told(1, 5));
    let cluster = net.cluster(&["a:1"]);
    let mut seen = cluster
        .connection(BrokerId(1), Slot::Control)
        .await
        .map(|_| 1)
        .unwrap();
    let leader = async |seen: &mut u64| {
        let metadata = cluster.refresh(*seen).await.unwrap();
        *seen = metadata.generation;
        metadata.leader(&orders()).unwrap().broker.0
    };
    tokio::time::advance(SAME_TELLER_MAX).await;
    assert_eq!(leader(&mut seen).await, 1, "the other one can't be reached");
    net.broker("b:2", told(2, 6));
    tokio::time::advance(SAME_TELLER_MAX).await;
    assert_eq!(leader(&mut seen).await, 2);
    tokio::time::advance(SAME_TELLER_MAX).await;
    assert_eq!(
        leader(&mut seen).await,
        2,
        "what the first one still says is older"
    );
}

#[tokio::test]
async fn an_answer_that_repeats_the_one_before_is_not_read_again() {
    let net = FakeNet::default();
    net.broker(
        "a:1",
        telling(|asked| {
            let topics = vec![orders_led_by(1, if asked < 2 { 5 } else { 6 })];
            let answer = testing::metadata("A", &["a:1"]).with_topics(topics);
            answer.with_throttle_time_ms(i32::try_from(asked).unwrap())
        }),
    );
    let cluster = net.cluster(&["a:1"]);
    let first = cluster.refresh(0).await.unwrap();
    let second = cluster.refresh(1).await.unwrap();
    assert_eq!((first.generation, second.generation), (1, 2));
    assert!(Arc::ptr_eq(&first.topics, &second.topics));
    let third = cluster.refresh(2).await.unwrap();
    assert_eq!(third.leader(&orders()).unwrap().epoch.0, 6);
}

#[tokio::test]
async fn an_unknown_leader_is_looked_for_once_and_a_new_broker_found() {
    let net = FakeNet::default();
    net.broker(
        "a:1",
        telling(|asked| match asked {
            0 => testing::metadata("A", &["a:1"]),
            _ => testing::metadata("A", &["a:1", "b:2"]).with_topics(vec![orders_led_by(2, 5)]),
        }),
    );
    net.broker("b:2", |_| Reply::Nothing);
    let cluster = net.cluster(&["a:1"]);
    cluster.refresh(0).await.unwrap();
    let leader = cluster.leader(&orders()).await.unwrap();
    assert_eq!((leader.broker, leader.generation), (BrokerId(2), 2));
    let slot = Slot::Produce {
        writer: 1,
        number: 0,
    };
    let connection = cluster.connection(leader.broker, slot).await;
    assert_eq!(connection.unwrap().broker(), Some(BrokerId(2)));
    let missing = cluster.leader(&TopicPartition::new("payments", 0)).await;
    let error = missing.unwrap_err();
    assert_eq!(error.code(), Some(BrokerCode(3)));
    assert_eq!(
        error.to_string(),
        "no leader is known: UNKNOWN_TOPIC_OR_PARTITION (3) (cluster paris, partition payments-0)"
    );
}

#[tokio::test]
async fn brokers_are_reached_at_mapped_addresses_and_bootstrap_ones_let_go() {
    let net = FakeNet::default();
    net.broker(
        "door:1",
        telling(|_| testing::metadata("A", &["inside:9092"])),
    );
    net.broker("outside:31090", |_| Reply::Nothing);
    let cluster = net.cluster_with(&["door:1"], |settings| {
        let (inside, outside) = ("inside:9092".parse(), "outside:31090".parse());
        settings.address_map = [(inside.unwrap(), outside.unwrap())].into();
    });
    let controller = cluster.controller(Slot::Control).await.unwrap();
    assert_eq!(controller.peer().endpoint.dial.to_string(), "outside:31090");
    assert_eq!(net.dialed(), ["door:1", "outside:31090"]);
    let door = Endpoint::bootstrap(&"door:1".parse().unwrap(), &AddressMap::default());
    assert!(!cluster.0.pool.is_connected(&door));
}

#[tokio::test]
async fn an_address_that_leads_to_another_cluster_is_refused() {
    let net = FakeNet::default();
    net.broker(
        "a:1",
        telling(|asked| testing::metadata(if asked == 0 { "A" } else { "B" }, &["a:1"])),
    );
    let cluster = net.cluster(&["a:1"]);
    cluster.refresh(0).await.unwrap();
    // The first refresh dropped the bootstrap connection, so this one is made to the broker.
    let error = cluster.refresh(1).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert_eq!(cluster.cluster_id().await.unwrap(), "A");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_does_not_hold_up_the_others() {
    let net = FakeNet::default();
    net.broker("a:1", telling(|_| testing::metadata("A", &["a:1", "b:2"])));
    net.broker("b:2", telling(|_| testing::metadata("A", &["a:1", "b:2"])));
    let cluster = net.cluster(&["a:1"]);
    cluster.refresh(0).await.unwrap();
    net.broker("a:1", |_| Reply::Nothing);
    let _hanging = cluster
        .connection(BrokerId(1), Slot::Control)
        .await
        .unwrap();
    let first = cluster.candidates().into_iter().next().unwrap();
    assert_eq!(first.broker, Some(BrokerId(1)), "it is connected already");
    let began = Instant::now();
    assert_eq!(cluster.refresh(1).await.unwrap().generation, 2);
    let waited = began.elapsed();
    let limit = HEAD_START;
    assert!(
        (limit..=limit + Duration::from_secs(1)).contains(&waited),
        "{waited:?}"
    );
}

/// As long as none of them is connected, brokers out of reach come before the bootstrap address only a few times.
#[tokio::test(start_paused = true)]
async fn a_hundred_addresses_that_swallow_everything_do_not_hold_up_what_the_bootstrap_tells() {
    let net = FakeNet::default();
    let brokers: Vec<String> = (1..=100).map(|id| format!("hole-{id}:9092")).collect();
    for broker in &brokers {
        net.swallow(broker);
    }
    let all: Vec<&str> = brokers.iter().map(String::as_str).collect();
    let told = testing::metadata("A", &all);
    net.broker("door:1", telling(move |_| told.clone()));
    let cluster = net.cluster(&["door:1"]);
    cluster.refresh(0).await.unwrap();
    for generation in 1..4 {
        let began = Instant::now();
        cluster.refresh(generation).await.unwrap();
        let waited = began.elapsed();
        assert!(waited <= HEAD_START * 4, "{generation}: {waited:?}");
    }
    assert!(net.dialed().iter().filter(|it| *it == "door:1").count() >= 3);
}

#[tokio::test(start_paused = true)]
async fn brokers_that_failed_come_after_the_bootstrap_addresses() {
    let net = FakeNet::default();
    let brokers = ["a:1", "b:2", "c:3"];
    net.broker("door:1", telling(move |_| testing::metadata("A", &brokers)));
    net.broker("c:3", |_| Reply::Nothing);
    let cluster = net.cluster(&["door:1"]);
    cluster.refresh(0).await.unwrap();
    let order = || {
        let order = cluster.candidates().into_iter();
        order.map(|it| it.dial.to_string()).collect::<Vec<_>>()
    };
    for broker in [1, 2] {
        cluster
            .connection(BrokerId(broker), Slot::Control)
            .await
            .unwrap_err();
    }
    for _ in 0..2 {
        let mut order = order();
        assert_eq!(order[..2], ["c:3", "door:1"]);
        order[2..].sort();
        assert_eq!(order[2..], ["a:1", "b:2"]);
        // Whether it is connected or not.
        let third = cluster.connection(BrokerId(3), Slot::Control);
        third.await.unwrap();
    }
}

#[tokio::test]
async fn a_coordinator_is_remembered_until_forgotten() {
    let net = FakeNet::default();
    let lookups = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&lookups);
    net.broker("a:1", move |call| {
        if call.key == ApiKey::Metadata {
            return call.answer::<MetadataRequest>(&testing::metadata("A", &["a:1"]));
        }
        let request: FindCoordinatorRequest = call.request();
        assert_eq!((request.key.as_str(), request.key_type), ("billing", 0));
        let code = match counted.fetch_add(1, Ordering::SeqCst) {
            0 => 15,
            _ => 0,
        };
        let answer = FindCoordinatorResponse::default()
            .with_error_code(code)
            .with_node_id(1.into());
        call.answer::<FindCoordinatorRequest>(&answer)
    });
    let cluster = net.cluster(&["a:1"]);
    let group = GroupId::new("billing");
    let error = cluster
        .coordinator(&group, Slot::Control)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(BrokerCode(15)));
    assert_eq!(
        error.to_string(),
        "a:1: cannot find the coordinator of group billing: COORDINATOR_NOT_AVAILABLE (15) (cluster paris)"
    );
    for _ in 0..2 {
        let connection = cluster.coordinator(&group, Slot::Control).await.unwrap();
        assert_eq!(connection.broker(), Some(BrokerId(1)));
        assert_eq!(lookups.load(Ordering::SeqCst), 2);
    }
    cluster.forget_coordinator(&group);
    cluster.coordinator(&group, Slot::Control).await.unwrap();
    assert_eq!(lookups.load(Ordering::SeqCst), 3);
}

/// Between two connections an address may get a new owner.
#[tokio::test(start_paused = true)]
async fn every_connection_confirms_the_id_of_the_cluster() {
    let net = FakeNet::default();
    let brokers = ["a:1", "b:2"];
    for address in brokers {
        net.broker(address, telling(move |_| testing::metadata("A", &brokers)));
    }
    let cluster = net.cluster(&["a:1"]);
    cluster.refresh(0).await.unwrap();
    let connect = || cluster.connection(BrokerId(2), Slot::Journal);
    connect().await.unwrap();
    net.stop("b:2");
    net.broker("b:2", |_| Reply::Nothing);
    net.belongs_to("b:2", "B");
    let mut refused = None;
    for _ in 0..1000 {
        refused = connect().await.err();
        if refused
            .as_ref()
            .is_some_and(|it| it.kind() == Kind::Refused)
        {
            break;
        }
        passes(Duration::from_millis(10)).await;
    }
    let text = refused.unwrap().chain();
    assert!(
        text.contains("an address of this cluster (id A) now leads to another one (id B)"),
        "{text}"
    );
}

/// Such as pods that are started anew: their ids stay, and nothing else.
#[tokio::test(start_paused = true)]
async fn a_broker_that_comes_back_elsewhere_is_followed_at_once() {
    let net = FakeNet::default();
    let told = |brokers: &'static [&'static str]| telling(move |_| testing::metadata("A", brokers));
    net.broker("a:1", told(&["a:1", "b:2"]));
    let cluster = net.cluster(&["a:1"]);
    cluster.refresh(0).await.unwrap();
    // Its former address drops everything.
    net.script("b:2", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    net.broker("a:1", told(&["a:1", "c:3"]));
    net.broker("c:3", told(&["a:1", "c:3"]));
    let slot = Slot::Control;
    cluster.connection(BrokerId(1), slot).await.unwrap();
    let began = Instant::now();
    let metadata = async {
        passes(Duration::from_secs(1)).await;
        cluster
            .refresh(cluster.metadata().generation)
            .await
            .unwrap();
    };
    let waits = async {
        let failed = cluster.connection(BrokerId(2), Slot::Journal).await;
        assert_eq!(failed.unwrap_err().kind(), Kind::Disconnected);
        cluster
            .connection(BrokerId(2), Slot::Journal)
            .await
            .unwrap()
    };
    let (connection, ()) = tokio::join!(waits, metadata);
    assert_eq!(connection.peer().endpoint.dial.to_string(), "c:3");
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
}
