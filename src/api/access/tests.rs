use axum::http::Request;

use super::*;
use crate::model::Secret;

const TOKEN: &str = "0123456789abcdef";

fn access(open: &[OpenPart]) -> Access {
    let config = ApiConfig {
        open: open.to_vec(),
        hosts: vec!["farshore-1.example".to_owned()],
        advertised_url: "https://Mirror.example:8443/farshore".to_owned(),
        ..ApiConfig::default()
    };
    Access::new(&config, ApiToken::new(Secret::new(TOKEN)).unwrap())
}

fn verdict(access: &Access, line: &str, headers: &[(&str, &str)]) -> Verdict {
    let (method, uri) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    access.judge(&parts.method, &parts.uri, &parts.headers)
}

const LOCAL: (&str, &str) = ("Host", "127.0.0.1:8640");

#[test]
fn without_the_token_only_health_is_answered() {
    let access = access(&[]);
    for line in ["GET /healthz", "GET /readyz", "HEAD /readyz"] {
        assert_eq!(verdict(&access, line, &[LOCAL]), Verdict::Allowed);
        assert_eq!(verdict(&access, line, &[]), Verdict::Allowed, "by any name");
    }
    for line in [
        "GET /",
        "GET /v1/links",
        "GET /readyz?scope=link",
        "GET /readyz?scope=process",
        "GET /metrics",
        "GET /openapi.json",
        "GET /nothing",
        "GET /healthz/",
        "GET //healthz",
        "POST /v1/translate",
        "POST /v1/links/l/pause",
        "PUT /v1/links/l/intent",
        "OPTIONS /v1/links",
    ] {
        assert_eq!(verdict(&access, line, &[LOCAL]), Verdict::Unauthorized);
        let with = [LOCAL, ("Authorization", "Bearer 0123456789abcdef")];
        assert_eq!(verdict(&access, line, &with), Verdict::Allowed, "{line}");
    }
}

#[test]
fn a_token_counts_only_as_a_whole_and_once() {
    let access = access(&[]);
    let with = |given: &[&str]| {
        let headers = given.iter().map(|it| ("Authorization", *it));
        let headers: Vec<_> = headers.chain([LOCAL]).collect();
        verdict(&access, "GET /v1/links", &headers)
    };
    assert_eq!(with(&["bearer 0123456789abcdef"]), Verdict::Allowed);
    for given in [
        "0123456789abcdef",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcdeg",
        "Bearer 0123456789abcde",
        "Bearer  0123456789abcdef",
        "Basic 0123456789abcdef",
        "Bearer \u{e9}",
    ] {
        assert_eq!(with(&[given]), Verdict::Unauthorized, "{given}");
    }
    let right = "Bearer 0123456789abcdef";
    assert_eq!(with(&[right, "Bearer no"]), Verdict::Unauthorized);
}

#[test]
fn parts_are_opened_one_by_one() {
    let metrics = access(&[OpenPart::Metrics]);
    let line = |access, line| verdict(access, line, &[LOCAL]);
    assert_eq!(line(&metrics, "GET /metrics"), Verdict::Allowed);
    assert_eq!(
        line(&metrics, "GET /readyz?scope=link"),
        Verdict::Unauthorized
    );
    let readiness = access(&[OpenPart::Readiness]);
    assert_eq!(line(&readiness, "GET /readyz?scope=link"), Verdict::Allowed);
    assert_eq!(line(&readiness, "GET /metrics"), Verdict::Unauthorized);
    assert_eq!(line(&readiness, "GET /v1/links"), Verdict::Unauthorized);
    let foreign = [("Host", "evil.example")];
    let rebound = verdict(&metrics, "GET /metrics", &foreign);
    assert_eq!(rebound, Verdict::ForeignHost, "pages can't read them");
}

#[test]
fn a_request_is_addressed_to_this_machine() {
    let access = access(&[]);
    let to = |hosts: &[&str]| {
        let headers = hosts.iter().map(|it| ("Host", *it));
        let token = ("Authorization", "Bearer 0123456789abcdef");
        let headers: Vec<_> = headers.chain([token]).collect();
        verdict(&access, "GET /v1/links", &headers)
    };
    for host in [
        "127.0.0.1",
        "127.0.0.1:8640",
        "203.0.113.7:80",
        "[::1]:8640",
        "[2001:db8::1]",
        "localhost",
        "LocalHost:1",
        "farshore-1.example:8640",
        "FARSHORE-1.example",
        "mirror.example",
    ] {
        assert_eq!(to(&[host]), Verdict::Allowed, "{host}");
    }
    for host in [
        "",
        "evil.example",
        "evil.example:8640",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "xfarshore-1.example",
        "[evil.example]",
        "farshore-1.example.",
        "user@localhost",
        "localhost:80:evil",
        "\u{e9}",
    ] {
        assert_eq!(to(&[host]), Verdict::ForeignHost, "{host}");
    }
    assert_eq!(to(&[]), Verdict::ForeignHost);
    assert_eq!(to(&["localhost", "evil.example"]), Verdict::ForeignHost);
    let absolute = verdict(&access, "GET http://evil.example/v1/links", &[LOCAL]);
    assert_eq!(absolute, Verdict::ForeignHost);
}

#[test]
fn pages_of_other_sites_change_nothing_whatever_they_know() {
    let access = access(&[]);
    let from = |origin: &str, line: &str| {
        let token = ("Authorization", "Bearer 0123456789abcdef");
        verdict(&access, line, &[LOCAL, token, ("Origin", origin)])
    };
    let pause = "POST /v1/links/l/pause";
    assert_eq!(from("http://127.0.0.1:8640", pause), Verdict::Allowed);
    assert_eq!(from("http://evil.example", pause), Verdict::ForeignOrigin);
    assert_eq!(from("null", pause), Verdict::ForeignOrigin);
    assert_eq!(
        from("http://evil.example", "GET /v1/links"),
        Verdict::Allowed,
        "no page is allowed to read the answer"
    );
}
