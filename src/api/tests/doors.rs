//! Who is let in: the rules of `access`, as clients experience them.

use super::client::{TOKEN, raw};
use super::*;

#[tokio::test]
async fn without_the_token_only_health_is_answered() {
    let bench = Bench::start().await;
    for path in ["/healthz", "/readyz"] {
        let answer = Ask::new("GET", path).unknown().of(bench.address).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    for (method, path) in [
        ("GET", "/v1/links"),
        ("GET", "/readyz?scope=link"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/nowhere"),
        ("DELETE", "/v1/links"),
        ("POST", "/v1/links/paris-oslo/pause"),
    ] {
        let asked = Ask::new(method, path).unknown();
        let wrong = asked.clone().header("Authorization", "Bearer wrong");
        for ask in [asked, wrong] {
            let answer = ask.of(bench.address).await;
            assert_eq!(answer.status, 401, "{method} {path}");
            assert_eq!(answer.json["type"], "urn:farshore:problem:unauthorized");
            let head = answer.head;
            assert!(head.contains("\r\nwww-authenticate: bearer"), "{head}");
        }
    }
    assert!(bench.view.link_intent().writes(), "nothing was paused");
}

#[tokio::test]
async fn a_page_that_resolves_to_this_machine_learns_nothing() {
    let bench = Bench::start().await;
    let rebound = format!(
        "GET /v1/links HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    let answer = raw(bench.address, rebound.as_bytes()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.json["type"], "urn:farshore:problem:foreign_host");
}
