use futures_util::future::join_all;

use crate::error::Kind;
use crate::kafka::client::fake::{FakeNet, Reply};

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
    Endpoint {
        broker: Some(BrokerId(1)),
        address: "a:1".parse().unwrap(),
    }
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
    let slots = [Slot::Control, fetch(0), fetch(1), other, Slot::Produce(0)];
    let all = slots.iter().flat_map(|slot| [slot; 10]);
    let ids = join_all(all.map(|slot| pool.get(&to, *slot))).await;
    let ids: BTreeSet<u64> = ids.into_iter().map(|one| one.unwrap().id()).collect();
    assert_eq!((ids.len(), net.dialed().len()), (5, 5));
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
