use crate::contract::UnreachableCause;
use crate::kafka::client::testing::{FakeNet, Manner, Reply, advertising, door};
use crate::task::Owned;
use crate::task::testing::passes;

use super::*;

const NONE: [i32; 0] = [];

/// Brokers that couldn't be reached, by their ids.
fn unreached(brokers: &[i32]) -> Vec<Unreached> {
    let error = Error::new(Kind::Disconnected, "no");
    let one = |id: &i32| {
        let endpoint = crate::kafka::client::Endpoint {
            broker: Some(BrokerId(*id)),
            advertised: "a:1".parse().unwrap(),
            dial: "a:1".parse().unwrap(),
            misled: None,
        };
        Unreached::new(BrokerId(*id), &endpoint, &error)
    };
    brokers.iter().map(one).collect()
}

#[test]
fn a_broker_that_restarts_is_not_shown_and_one_that_never_answered_is() {
    let mut looks = Looks::default();
    let mut shown = |reached: &[i32], missed: &[i32]| -> Vec<i32> {
        let reached = reached.iter().copied().map(BrokerId).collect();
        let lasting = looks.lasting(reached, unreached(missed));
        lasting.iter().map(|it| it.broker.0).collect()
    };
    assert_eq!(shown(&[1, 2], &[3]), [3]);
    assert_eq!(shown(&[1, 3], &[2]), NONE);
    assert_eq!(shown(&[1, 2, 3], &[]), NONE);
    assert_eq!(shown(&[3], &[1, 2]), NONE);
    assert_eq!(shown(&[1, 3], &[2]), [2]);
    assert_eq!(shown(&[1, 2, 3], &[]), NONE);
}

#[tokio::test(start_paused = true)]
async fn brokers_out_of_reach_are_shown_until_they_answer() {
    let net = FakeNet::default();
    let told = advertising("A", &["a:1", "inside:2"]);
    net.broker("a:1", door(told, Manner::HangsUp));
    net.forget_name("inside");
    let watched = Watched::new(net.cluster(&["a:1"]), None);
    let mut health = watched.health();
    let every = Duration::from_secs(1);
    let _watch = Owned::spawn("watch", watched.watch(every, CancellationToken::new()));
    let shown = health.wait_for(|it| !it.unreachable.brokers.is_empty());
    let shown = shown.await.unwrap().unreachable.clone();
    let [one] = &shown.brokers[..] else {
        panic!("{shown:?}");
    };
    let told = (one.broker, &*one.advertised, one.cause);
    assert_eq!(told, (2, "inside:2", UnreachableCause::Unresolved));
    let [(what, fix)] = &shown.advice[..] else {
        panic!("{shown:?}");
    };
    assert!(what.contains("doesn't resolve"), "{what}");
    assert!(fix.contains("[clusters.paris.address_map]"), "{fix}");
    // Further looks find the same and show nothing new.
    health.mark_unchanged();
    passes(BROKERS_EVERY * 3).await;
    let now = health.borrow().unreachable.clone();
    assert_eq!(now, shown);

    net.remember_name("inside");
    net.broker("inside:2", |_| Reply::Nothing);
    let gone = health.wait_for(|it| it.unreachable.brokers.is_empty());
    assert!(gone.await.unwrap().reach.is_reached());
}
