use std::net::TcpListener;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::*;
use crate::task::testing::passes;

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn both_kinds_are_tried_in_turn_beginning_with_the_first() {
    let found = addresses(&[
        "[::1]:1",
        "[::2]:1",
        "[::1]:1",
        "10.0.0.1:1",
        "[::3]:1",
        "10.0.0.2:1",
    ]);
    let expected = addresses(&["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]);
    assert_eq!(in_turn(found), expected);
    let many = (0..=255).map(|last| SocketAddr::from(([10, 0, 0, last], 1)));
    assert_eq!(
        in_turn(many.clone()),
        many.take(ADDRESSES_MAX).collect::<Vec<_>>()
    );
}

/// What an address does with connections.
#[derive(Clone, Copy)]
enum Does {
    Accept(u64),
    Refuse(u64),
    Nothing,
}

/// Connects to addresses that do this, each after some milliseconds. Returns the outcome, and when each was tried.
async fn race(does: &[Does]) -> (io::Result<SocketAddr>, Vec<u128>) {
    let all: Vec<SocketAddr> = (1..)
        .take(does.len())
        .map(|last| SocketAddr::from(([10, 0, 0, last], 1)))
        .collect();
    let began = Instant::now();
    let tried = Arc::new(Mutex::new(Vec::new()));
    let outcome = first(&all, |address| {
        tried.lock().push(began.elapsed().as_millis());
        let at = all.iter().position(|it| *it == address).unwrap();
        let does = does[at];
        async move {
            match does {
                Does::Accept(millis) => {
                    passes(Duration::from_millis(millis)).await;
                    Ok(address)
                }
                Does::Refuse(millis) => {
                    passes(Duration::from_millis(millis)).await;
                    Err(io::ErrorKind::ConnectionRefused.into())
                }
                Does::Nothing => std::future::pending().await,
            }
        }
    });
    let outcome = outcome.await;
    let tried = tried.lock().clone();
    (outcome, tried)
}

#[tokio::test(start_paused = true)]
async fn an_address_that_drops_everything_costs_a_moment() {
    let began = Instant::now();
    let (outcome, tried) = race(&[Does::Nothing, Does::Nothing, Does::Accept(10)]).await;
    assert_eq!(outcome.unwrap(), "10.0.0.3:1".parse().unwrap());
    assert_eq!(tried, [0, 250, 500]);
    assert!(began.elapsed() < Duration::from_millis(520));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_has_the_next_one_tried_at_once() {
    let (outcome, tried) = race(&[Does::Refuse(1), Does::Refuse(1), Does::Accept(1)]).await;
    assert!(outcome.is_ok());
    assert_eq!(tried.len(), 3);
    assert!(tried[2] < 50, "{tried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_is_waited_for_while_others_are_tried() {
    let (outcome, tried) = race(&[Does::Accept(3_000), Does::Refuse(1)]).await;
    assert_eq!(outcome.unwrap(), "10.0.0.1:1".parse().unwrap());
    assert_eq!(tried, [0, 250]);
    let (outcome, tried) = race(&[Does::Accept(100), Does::Accept(1)]).await;
    assert_eq!(outcome.unwrap(), "10.0.0.1:1".parse().unwrap());
    assert_eq!(tried, [0], "it is within its head start");
}

#[tokio::test(start_paused = true)]
async fn the_error_has_the_reason_of_each_address() {
    let (outcome, _) = race(&[Does::Refuse(1), Does::Refuse(1)]).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(
        error.to_string(),
        "none of its 2 addresses accepts: 10.0.0.1: connection refused; 10.0.0.2: connection refused"
    );
    let (outcome, _) = race(&[Does::Refuse(1)]).await;
    assert_eq!(outcome.unwrap_err().to_string(), "connection refused");
    let (outcome, _) = race(&[]).await;
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "the name has no addresses"
    );
}

#[tokio::test]
async fn addresses_of_both_kinds_are_reached() {
    for at in ["127.0.0.2:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(at) else {
            // A machine without IPv6.
            continue;
        };
        let port = listener.local_addr().unwrap().port();
        let mut to: HostPort = at.replace(":0", ":1").parse().unwrap();
        to.port = port;
        connect_tcp(&to).await.unwrap();
        // The same address behind one at which nothing listens.
        let dead = SocketAddr::from(([127, 0, 0, 77], port));
        let live = listener.local_addr().unwrap();
        let stream = first(&[dead, live], TcpStream::connect).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live);
    }
}

#[tokio::test]
async fn a_name_that_is_unknown_is_named() {
    let error = connect_tcp(&HostPort::new("kafka-0.invalid", 1)).await;
    let told = error.unwrap_err().to_string();
    assert!(
        told.starts_with("the name kafka-0.invalid can't be looked up: "),
        "{told}"
    );
}
