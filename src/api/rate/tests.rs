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
    // A wild client asks again as soon as it has an answer; another one of the same address is next but a few.
    let answered = AtomicU32::new(0);
    let wild = async {
        loop {
            turn(2_000).await.unwrap();
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    let calm = async {
        turn(2_000).await.unwrap();
        turn(2_000).await.unwrap();
    };
    tokio::select! {
        () = wild => {}
        () = calm => {}
    }
    assert!(answered.into_inner() <= 3);
}
