use bytes::Bytes;
use futures_util::future::join_all;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ProduceRequest, ProduceResponse};
use tokio::io::{AsyncWriteExt, DuplexStream, split};
use tokio::sync::Semaphore;

use crate::error::Kind;
use crate::kafka::batch::{HEADER_LEN, Stamped};
use crate::kafka::client::AddressMap;
use crate::kafka::client::frame::Frames;
use crate::kafka::client::produce::{ProduceBatches, ProduceTopic};
use crate::kafka::client::testing::{FakeNet, Reply, framed, next_call, versions};
use crate::model::{Partition, TopicId};
use crate::task::Ownership;
use crate::task::testing::passes;

use super::*;

fn pool(net: &FakeNet) -> Arc<Pool> {
    Pool::new(Dialer {
        transport: Arc::new(net.clone()),
        cluster: ClusterName::new("paris"),
        login: None,
        client_id: StrBytes::from_static_str("farshore"),
        timeout: Duration::from_secs(10),
    })
}

fn fetch(number: u16) -> Slot {
    Slot::Fetch { reader: 1, number }
}

fn endpoint() -> Endpoint {
    Endpoint::of_broker(BrokerId(1), "a:1".parse().unwrap(), &AddressMap::default())
}

#[tokio::test]
async fn callers_share_a_connection_and_slots_do_not() {
    let net = FakeNet::default();
    net.broker("a:1", |_| Reply::Nothing);
    let (pool, to) = (pool(&net), endpoint());
    let other = Slot::Fetch {
        reader: 2,
        number: 0,
    };
    let produce = |writer| Slot::Produce { writer, number: 0 };
    let of_one = [Slot::Control, fetch(0), fetch(1), other];
    let slots = [of_one.as_slice(), &[produce(1), produce(2)]].concat();
    let all = slots.iter().flat_map(|slot| [slot; 10]);
    let ids = join_all(all.map(|slot| pool.get(&to, *slot))).await;
    let ids: BTreeSet<u64> = ids.into_iter().map(|one| one.unwrap().id()).collect();
    assert_eq!((ids.len(), net.dialed().len()), (6, 6));
    assert!(ids.contains(&pool.get(&to, fetch(1)).await.unwrap().id()));
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_is_left_alone_for_growing_times() {
    let net = FakeNet::default();
    let (pool, to) = (pool(&net), endpoint());
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(1) {
        let error = pool.get(&to, Slot::Control).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Disconnected);
        let text = error.chain();
        assert!(
            text.starts_with("no connection to broker 1 at a:1"),
            "{text}"
        );
        assert!(text.contains("(cluster paris)") && text.ends_with("connection refused"));
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let dials = net.dialed().len();
    assert!((10..100).contains(&dials), "{dials} in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_came_back_is_connected_to_again() {
    let net = FakeNet::default();
    net.broker("a:1", |_| Reply::Nothing);
    let (pool, to) = (pool(&net), endpoint());
    let first = pool.get(&to, Slot::Control).await.unwrap();
    assert!(pool.is_connected(&to));
    net.stop("a:1");
    while first.is_alive() {
        tokio::task::yield_now().await;
    }
    assert!(!pool.is_connected(&to));
    assert!(pool.get(&to, Slot::Control).await.is_err());
    net.broker("a:1", |_| Reply::Nothing);
    tokio::time::advance(REDIAL_CAP).await;
    let second = pool.get(&to, Slot::Control).await.unwrap();
    assert!(second.is_alive() && second.id() != first.id());
    assert!(
        pool.failures.lock().is_empty(),
        "the next delay begins small"
    );
}

#[tokio::test]
async fn only_who_holds_a_connection_keeps_it_once_it_is_let_go() {
    let net = FakeNet::default();
    net.broker("a:1", |_| Reply::Nothing);
    let (pool, to) = (pool(&net), endpoint());
    let held = pool.get(&to, Slot::Control).await.unwrap();
    pool.keep_only(&BTreeSet::from([endpoint()]));
    assert!(pool.is_connected(&to));
    pool.keep_only(&BTreeSet::new());
    assert!(!pool.is_connected(&to) && held.is_alive());
}

/// A broker that reads nothing after the handshake until it is thawed, and then answers every produce request.
async fn frozen(stream: DuplexStream, thaw: Arc<Semaphore>) {
    let (mut read, mut write) = split(stream);
    let mut frames = Frames::default();
    while let Some(call) = next_call(&mut frames, &mut read).await {
        let is_handshake = call.key == ApiKey::ApiVersions;
        let reply = if is_handshake {
            call.answer::<ApiVersionsRequest>(&versions())
        } else {
            call.answer::<ProduceRequest>(&ProduceResponse::default())
        };
        let Reply::Frame(frame) = reply else {
            unreachable!("an answer is a frame");
        };
        if write.write_all(&framed(&frame)).await.is_err() {
            return;
        }
        if is_handshake {
            thaw.acquire().await.unwrap().forget();
        }
    }
}

/// More bytes than a stream buffers while nothing reads from it.
fn produce() -> ProduceBatches {
    let batch = Stamped {
        header: [0; HEADER_LEN],
        body: Bytes::from(vec![7; 1 << 20]),
        crc: 0,
        record_count: 1,
        max_timestamp: 0,
    };
    let topic = ProduceTopic {
        name: "orders".into(),
        id: TopicId::NONE,
        partitions: vec![(Partition(0), batch)],
    };
    ProduceBatches {
        acks: -1,
        timeout: Duration::from_secs(30),
        topics: vec![topic],
    }
}

/// Hazard H20: bytes that a link had not yet written when its lease ended are never written; those of another link are.
#[tokio::test]
async fn the_end_of_one_lease_disturbs_no_request_under_another() {
    let (net, thaw) = (FakeNet::default(), Arc::new(Semaphore::new(0)));
    let told = Arc::clone(&thaw);
    net.script("a:1", move |stream| frozen(stream, Arc::clone(&told)));
    let (pool, limit) = (pool(&net), Duration::from_secs(30));
    let rights = [Ownership::none(), Ownership::none()];
    let mut pending = Vec::new();
    for right in &rights {
        right.begin(1);
        right.extend(Instant::now() + limit);
        let writer = right.number();
        let slot = Slot::Produce { writer, number: 0 };
        let connection = pool.get(&endpoint(), slot).await.unwrap();
        for _ in 0..3 {
            pending.push(connection.start_produce(produce(), limit, Some(right)));
        }
    }
    rights[0].end();
    thaw.add_permits(2);
    for (number, pending) in pending.into_iter().enumerate() {
        let answer = pending.unwrap().await;
        match number {
            0..3 => assert_eq!(answer.unwrap_err().kind(), Kind::Disconnected),
            _ => assert!(answer.is_ok(), "{answer:?}"),
        }
    }
}

/// Such as a pod that is started anew elsewhere, whose former address drops everything.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_broker_at_an_address_that_it_no_longer_has() {
    let net = FakeNet::default();
    net.script("a:1", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let (pool, to) = (pool(&net), endpoint());
    let bootstrap = Endpoint::bootstrap(&"a:1".parse().unwrap(), &AddressMap::default());
    let began = Instant::now();
    let waiting = [to.clone(), bootstrap].map(|to| {
        let pool = Arc::clone(&pool);
        async move { (pool.get(&to, Slot::Control).await, began.elapsed()) }
    });
    let moves = async {
        passes(Duration::from_secs(2)).await;
        pool.keep_only(&BTreeSet::from([to.clone()]));
        passes(Duration::from_secs(1)).await;
        let elsewhere =
            Endpoint::of_broker(BrokerId(1), "b:2".parse().unwrap(), &AddressMap::default());
        pool.keep_only(&BTreeSet::from([elsewhere]));
    };
    let (outcomes, ()) = tokio::join!(join_all(waiting), moves);
    let [(of_broker, after), (of_bootstrap, at_the_end)] = outcomes.try_into().unwrap();
    let told = of_broker.unwrap_err().chain();
    assert!(
        told.ends_with("the broker no longer advertises a:1"),
        "{told}"
    );
    assert_eq!(after, Duration::from_secs(3));
    // Nobody knows whether something else answers there later.
    assert_eq!(of_bootstrap.unwrap_err().kind(), Kind::TimedOut);
    assert_eq!(at_the_end, Duration::from_secs(10));
}

#[tokio::test]
async fn an_address_that_leads_nowhere_is_not_dialed() {
    let net = FakeNet::default();
    let mut map = AddressMap::default();
    map.add("/a.*:1/", "b:1").unwrap();
    map.add("/.*a:1/", "c:1").unwrap();
    let to = Endpoint::of_broker(BrokerId(1), "a:1".parse().unwrap(), &map);
    let error = pool(&net).get(&to, Slot::Control).await.unwrap_err();
    let told = error.chain();
    let expected = "no connection to broker 1 at a:1 (cluster paris): both \"/a.*:1/\" and \"/.*a:1/\" in address_map match a:1: narrow one of them";
    assert!(told.starts_with(expected), "{told}");
    assert_eq!(net.dialed(), [""; 0]);
}
