use std::time::Duration;

use super::*;

#[test]
fn an_ipv6_host_is_one_client_and_mapped_ipv4_addresses_are_themselves() {
    let of = |text: &str| client(text.parse().unwrap());
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
}

#[tokio::test]
async fn requests_beyond_the_rate_wait_in_turn_and_not_for_ever() {
    let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
    let rate = Rate::new(5);
    let turn = |patience| rate.turn(one, Duration::from_millis(patience));
    for _ in 0..20 {
        turn(0).await.unwrap();
    }
    assert!(turn(0).await.unwrap_err() <= Duration::from_millis(200));
    rate.turn(other, Duration::ZERO).await.unwrap();
    // The earlier one is answered first, although the later one is the first to look each time.
    let order = Mutex::new(Vec::new());
    let ask = async |name| {
        turn(2_000).await.unwrap();
        order.lock().push(name);
    };
    let later = async {
        tokio::task::yield_now().await;
        ask("later").await;
    };
    futures_util::future::join(later, ask("earlier")).await;
    assert_eq!(order.into_inner(), ["earlier", "later"]);
}
