//! Connections and rates: a runaway client is throttled, and all others are served.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::client::{TOKEN, answer};
use super::*;
use crate::api::Limits;
use crate::api::slots::ConnectionLimits;

const SHORT: Duration = Duration::from_millis(100);
/// Shorter than any limit that a test leaves at its default.
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let bench = Bench::with(Limits {
        header_timeout: SHORT,
        ..wide()
    })
    .await;
    let mut slow = TcpStream::connect(bench.address).await.unwrap();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost:")
        .await
        .unwrap();
    let cut_off = timeout(LONG, answer(&mut slow)).await.unwrap();
    assert_ne!(cut_off.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let bench = Bench::with(Limits {
        timeout: SHORT,
        ..wide()
    })
    .await;
    let slow = Ask::new("POST", "/v1/translate").header("Content-Length", "10");
    assert_eq!(slow.of(bench.address).await.status, 408);
}

/// A share of two connections for each client.
fn narrow() -> Limits {
    Limits {
        places: ConnectionLimits {
            total: 4,
            per_client: 2,
            health: 1,
            health_per_client: 1,
        },
        ..wide()
    }
}

#[tokio::test]
async fn silent_connections_give_way_to_those_that_ask() {
    let bench = Bench::with(narrow()).await;
    let mut silent = Vec::new();
    for _ in 0..260 {
        silent.push(TcpStream::connect(bench.address).await.unwrap());
    }
    for path in ["/healthz", "/v1/links"] {
        let asked = timeout(LONG, bench.get(path)).await;
        assert_eq!(asked.unwrap().status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_client_whose_connections_are_all_asking_can_still_ask_about_health() {
    let bench = Bench::with(narrow()).await;
    let mut asking = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        let head = format!(
            "POST /v1/translate HTTP/1.1\r\nHost: farshore\r\nAuthorization: Bearer {TOKEN}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'H', "it is being served");
        asking.push(stream);
    }
    let refused = bench.get("/v1/links").await;
    assert_eq!(refused.status, 429);
    let code = "urn:farshore:problem:too_many_connections";
    assert_eq!(refused.json["type"], code);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(bench.get(path).await.status, 200, "{path}");
    }
    let neighbour = TcpSocket::new_v4().unwrap();
    neighbour.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut neighbour = neighbour.connect(bench.address).await.unwrap();
    let request = format!(
        "GET /v1/links HTTP/1.1\r\nHost: farshore\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    neighbour.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut neighbour).await.status, 200);
    drop(asking);
}

#[tokio::test]
async fn an_old_connection_is_closed_between_requests() {
    let bench = Bench::with(Limits {
        connection_age: SHORT,
        ..wide()
    })
    .await;
    let mut kept = TcpStream::connect(bench.address).await.unwrap();
    kept.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(
        timeout(LONG, answer(&mut kept)).await.unwrap().status,
        200,
        "answered, then closed"
    );
}

#[tokio::test]
async fn a_flood_is_refused_and_the_service_still_looks_alive() {
    let limits = Limits {
        reads_per_second: 1,
        changes_per_second: 1,
        ..wide()
    };
    let bench = Bench::with(limits).await;
    let statuses = async |method, path| {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(Ask::new(method, path).of(bench.address).await);
        }
        statuses
    };
    for (method, path) in [
        ("GET", "/v1/links"),
        ("POST", "/v1/links/paris-oslo/resume"),
        ("GET", "/metrics"),
        ("GET", "/readyz"),
        ("GET", "/readyz?scope=link"),
    ] {
        let answers = statuses(method, path).await;
        assert_ne!(answers[0].status, 429, "{path} has a bucket of its own");
        let refused = &answers[7];
        assert_eq!(refused.status, 429, "{path}");
        assert!(
            refused.head.contains("\r\nretry-after: 1"),
            "{}",
            refused.head
        );
        assert_eq!(
            refused.json["type"],
            "urn:farshore:problem:too_many_requests"
        );
    }
    let alive = statuses("GET", "/healthz").await;
    assert!(alive.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn stopping_lets_answers_out_and_takes_nothing_new() {
    let bench = Bench::start().await;
    let mut asked = TcpStream::connect(bench.address).await.unwrap();
    let head = format!(
        "POST /v1/translate HTTP/1.1\r\nHost: farshore\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n"
    );
    asked.write_all(head.as_bytes()).await.unwrap();
    // The answer to another connection shows that the first one was accepted.
    assert_eq!(bench.get("/healthz").await.status, 200);
    bench.stop.cancel();
    asked.write_all(b"{}").await.unwrap();
    assert_eq!(answer(&mut asked).await.status, 400);
    bench.server.join().await.unwrap();
    assert!(TcpStream::connect(bench.address).await.is_err());
}
