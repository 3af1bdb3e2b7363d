use crate::kafka::client::testing::{FakeNet, Manner, Reply, advertising, door};
use crate::task::testing::passes;

use super::*;

/// What the cluster advertises: nothing of it resolves, except for the last one.
const ADVERTISED: [&str; 4] = [
    "kafka-1.inside:9092",
    "kafka-2.inside:9093",
    "kafka-3.inside:9094",
    "outside:9095",
];

/// A cluster with brokers at these addresses, each with the id of the broker there.
async fn cluster(net: &FakeNet, brokers: &[(&str, i32)], may: bool) -> Cluster {
    for id in 1..4 {
        net.forget_name(&format!("kafka-{id}.inside"));
    }
    for (address, own) in brokers {
        let manner = if may {
            Manner::Itself(*own)
        } else {
            Manner::Reserved
        };
        net.broker(address, door(advertising("A", &ADVERTISED), manner));
    }
    let cluster = net.cluster(&["door:9092"]);
    cluster.refresh(0).await.unwrap();
    cluster
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

async fn looked(cluster: &Cluster) -> Dialed {
    let mut dialed = dial(cluster, soon()).await;
    seek(cluster, &mut dialed.unreached, soon()).await;
    dialed
}

fn at(text: &str) -> Elsewhere {
    Elsewhere::At(text.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn brokers_are_found_behind_the_host_that_answered() {
    let net = FakeNet::default();
    // One door for each broker; nothing answers at that of the third.
    let doors = [("door:9092", 1), ("door:9093", 2), ("outside:9095", 4)];
    let cluster = cluster(&net, &doors, true).await;
    let dialed = looked(&cluster).await;
    assert_eq!(dialed.reached.keys().collect::<Vec<_>>(), [&BrokerId(4)]);
    let found: Vec<&Elsewhere> = dialed.unreached.iter().map(|it| &it.elsewhere).collect();
    let nowhere = Elsewhere::Nowhere(vec![
        "door:9094".parse().unwrap(),
        "door:9092".parse().unwrap(),
    ]);
    assert_eq!(found, [&at("door:9092"), &at("door:9093"), &nowhere]);
    let is_unresolved = |it: &Unreached| it.cause == Cause::Unresolved;
    assert!(dialed.unreached.iter().all(is_unresolved));
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_does_not_say_which_one_it_is_may_be_the_only_one_looked_for_there() {
    let net = FakeNet::default();
    let doors = [("door:9092", 4), ("door:9093", 2), ("outside:9095", 4)];
    let cluster = cluster(&net, &doors, false).await;
    let dialed = looked(&cluster).await;
    let found: Vec<&Elsewhere> = dialed.unreached.iter().map(|it| &it.elsewhere).collect();
    let perhaps = Elsewhere::Perhaps("door:9093".parse().unwrap());
    assert_eq!(found[1], &perhaps);
    for other in [found[0], found[2]] {
        assert!(matches!(other, Elsewhere::Nowhere(_)), "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_behind_the_port_of_another_one_is_not_taken_for_it() {
    let net = FakeNet::default();
    let doors = [("door:9092", 4), ("door:9093", 3), ("outside:9095", 4)];
    let cluster = cluster(&net, &doors, true).await;
    let dialed = looked(&cluster).await;
    for it in &dialed.unreached {
        assert!(matches!(it.elsewhere, Elsewhere::Nowhere(_)), "{it:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn all_brokers_are_dialed_at_once_and_each_failure_has_its_cause() {
    let net = FakeNet::default();
    let mut advertised: Vec<String> = (1..=200).map(|id| format!("hole-{id}:9092")).collect();
    for hole in &advertised {
        net.swallow(hole);
    }
    for other in ["silent:1", "http:1", "shut:1", "fine:1"] {
        advertised.push(other.to_owned());
    }
    net.script("silent:1", |stream| async {
        std::future::pending::<()>().await;
        drop(stream);
    });
    net.script("http:1", |_| async {});
    net.broker("fine:1", |_| Reply::Nothing);
    let all: Vec<&str> = advertised.iter().map(String::as_str).collect();
    let told = advertising("A", &all);
    net.broker("door:9092", door(told, Manner::Silent));
    let cluster = net.cluster(&["door:9092"]);
    cluster.refresh(0).await.unwrap();
    let began = Instant::now();
    let dialed = dial(&cluster, soon()).await;
    assert!(began.elapsed() <= cluster.settings().connect_timeout);
    assert_eq!(dialed.reached.keys().collect::<Vec<_>>(), [&BrokerId(204)]);
    let causes: Vec<Cause> = dialed.unreached.iter().map(|it| it.cause).collect();
    assert_eq!(causes.len(), 203);
    assert!(causes[..201].iter().all(|it| *it == Cause::Timeout));
    assert_eq!(causes[201..], [Cause::Disconnected, Cause::Refused]);
    let why = &dialed.unreached[200].why;
    assert!(why.contains("answer"), "{why}");

    passes(Duration::from_secs(1)).await;
    let began = Instant::now();
    let dialed = dial(&cluster, began + Duration::from_secs(1)).await;
    assert!(began.elapsed() <= Duration::from_secs(1));
    let untried = dialed
        .unreached
        .iter()
        .filter(|it| it.cause == Cause::Untried);
    assert!(untried.count() > 0);
}
