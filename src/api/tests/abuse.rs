//! Requests that no well-behaved client sends: refused with the appropriate status, and never 500.

use proptest::prelude::*;

use super::client::{TOKEN, raw};
use super::*;

const TRANSLATE: &str = "/v1/translate";
const NO_ANSWER: u16 = 0;

/// Path, body, and a part of the refusal's detail.
const MALFORMED: &[(&str, &str, &str)] = &[
    (TRANSLATE, "", "EOF"),
    (TRANSLATE, "{", "EOF"),
    (TRANSLATE, "null", "invalid type"),
    (TRANSLATE, "[]", "invalid length"),
    (TRANSLATE, "{} {}", ""),
    (TRANSLATE, r#"{"link":7}"#, "link: invalid type: integer"),
    (
        TRANSLATE,
        r#"{"link":"l","link":"m"}"#,
        "duplicate field `link`",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","topic":"t","partition":0}"#,
        "missing field `offset`",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","ofset":2}"#,
        "unknown field `ofset`",
    ),
    (
        TRANSLATE,
        r#"{"offset":"7"}"#,
        "offset: invalid type: string",
    ),
    (
        TRANSLATE,
        r#"{"offset":7.5}"#,
        "offset: invalid type: floating",
    ),
    (
        TRANSLATE,
        r#"{"offset":1e99}"#,
        "offset: invalid type: floating",
    ),
    (
        TRANSLATE,
        r#"{"offset":9223372036854775808}"#,
        "offset: invalid value",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","topic":"t","partition":-1,"offset":0}"#,
        "0 or greater",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","topic":"t","partition":0,"offset":-1}"#,
        "0 or greater",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","items":[],"offset":7}"#,
        "belong to each",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","items":[{"topic":"t","partition":0}]}"#,
        "items[0]: missing field `offset`",
    ),
    (
        TRANSLATE,
        r#"{"link":"l","items":[{"link":"l"}]}"#,
        "items[0].link: unknown field `link`",
    ),
    (
        "/v1/plans",
        r#"{"kind":"holiday","link":"l"}"#,
        "unknown variant `holiday`",
    ),
    (
        "/v1/plans",
        r#"{"kind":"failover","force":true}"#,
        "unknown field `force`",
    ),
    (
        "/v1/plans",
        r#"{"groups":"billing"}"#,
        "groups: invalid type: string",
    ),
    (
        "/v1/operations",
        r#"{"plan_id":1,"plan_hash":""}"#,
        "plan_id: invalid type",
    ),
    (
        "/v1/links/paris-oslo/pause",
        r#"{"topic":["t"]}"#,
        "unknown field `topic`",
    ),
    ("/v1/links/paris-oslo/pause", "[", "EOF"),
];

#[tokio::test]
async fn malformed_bodies_are_refused_and_say_where() {
    let bench = Bench::start().await;
    let nested = format!(r#"{{"link":{}"#, "[".repeat(2000));
    for (path, body, says) in MALFORMED
        .iter()
        .chain([&(TRANSLATE, nested.as_str(), "link")])
    {
        let answer = bench.post(path, body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        let detail = answer.json["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{body}: {detail}");
    }
    let no_text = Ask::new("POST", TRANSLATE).header("Content-Type", "application/json");
    let no_text = no_text.body([0xff, 0xfe]).of(bench.address).await;
    assert_eq!(no_text.status, 400);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "\u{e9}"] {
        let form = Ask::new("POST", TRANSLATE).header("Content-Type", kind);
        assert_eq!(form.body("{}").of(bench.address).await.status, 415);
    }
}

#[tokio::test]
async fn wrong_methods_and_addresses_are_refused() {
    let bench = Bench::start().await;
    for (method, path, status) in [
        ("DELETE", "/v1/links/paris-oslo", 405),
        ("PUT", "/healthz", 405),
        ("GET", "/v1/links/paris-oslo/pause", 405),
        ("GET", TRANSLATE, 405),
        ("OPTIONS", "/v1/links", 405),
        ("TRACE", "/v1/links", 405),
        ("BREW", "/v1/links", 405),
        ("GET", "/v1/links/../../etc/passwd", 404),
        ("GET", "/v1/links/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/links/paris-oslo/topics/..", 404),
        ("GET", "/v1/links/%00", 404),
        ("GET", "/v1/links/%ff", 400),
        ("GET", "/v1/links/%", 404),
        ("GET", "//v1//links", 404),
        ("GET", "/v1/links/", 404),
        ("GET", "/v1/links?limit=1", 400),
        ("POST", "/v1/links/paris-oslo/pause?topics=t", 400),
        ("POST", "/v1/translate?link=l", 400),
        ("GET", "/healthz?x", 400),
        ("GET", "/metrics?name=a", 400),
        ("GET", "/readyz?scope=link&x=1", 400),
        ("GET", "/v1/links?", 200),
        ("GET", "/v1/audit?limit=-1", 400),
        ("GET", "/v1/audit?limit=x", 400),
        ("GET", "/v1/audit?limt=1", 400),
        ("GET", "/v1/audit?limit=18446744073709551615", 200),
    ] {
        let answer = Ask::new(method, path).of(bench.address).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        if status != 200 {
            assert_eq!(answer.json["status"], status, "{method} {path}");
        }
        assert_eq!(
            answer.head.contains("\r\nallow: "),
            status == 405,
            "{}",
            answer.head
        );
    }
    let encoded = bench.get("/v1/links/paris%2Doslo").await;
    assert_eq!(encoded.status, 200, "an encoded name is the name");
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let bench = Bench::start().await;
    let long_head = format!(
        "GET /healthz HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n",
        "x".repeat(64 << 10)
    );
    let many_headers = format!(
        "GET /healthz HTTP/1.1\r\nHost: h\r\n{}\r\n",
        "X: y\r\n".repeat(500)
    );
    for (bytes, status) in [
        ("\x16\x03\x01\x02\x00 hello\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("GET /healthz HTTP/9.9\r\n\r\n", 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO_ANSWER),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
            400,
        ),
        ("GET /healthz HTTP/1.1\r\nX\x01: y\r\n\r\n", 400),
        (&long_head, 431),
        (&many_headers, 431),
    ] {
        let found = raw(bench.address, bytes.as_bytes()).await.status;
        // The connection may close before the answer to a request that wasn't read in full arrives.
        let cut_off = status == 431 && found == NO_ANSWER;
        assert!(found == status || cut_off, "{bytes:.60}: {found}");
    }
    assert_eq!(bench.get("/healthz").await.status, 200, "it goes on");
}

#[tokio::test]
async fn large_bodies_are_refused_declared_or_not() {
    let bench = Bench::start().await;
    let declared = Ask::new("POST", TRANSLATE).header("Content-Type", "application/json");
    let declared = declared
        .header("Content-Length", "9999999999")
        .of(bench.address)
        .await;
    assert_eq!(declared.status, 413);
    assert!(declared.json["detail"].as_str().unwrap().contains("4096"));
    let chunk = format!("800\r\n{}\r\n", "x".repeat(0x800)).repeat(3);
    let chunked = format!(
        "POST {TRANSLATE} HTTP/1.1\r\nHost: farshore\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"
    );
    assert_eq!(raw(bench.address, chunked.as_bytes()).await.status, 413);
    let broken_off = format!(
        "POST {TRANSLATE} HTTP/1.1\r\nHost: farshore\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n"
    );
    assert_eq!(raw(bench.address, broken_off.as_bytes()).await.status, 400);
    let fits = format!("{{\"link\":\"{}\"}}", "l".repeat(4000));
    assert_eq!(
        bench.post(TRANSLATE, &fits).await.status,
        400,
        "read, and not understood"
    );
}

/// Fragments of requests, combined at random.
fn requests() -> impl Strategy<Value = (String, String, String)> {
    let methods = prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]);
    let segment = prop_oneof![
        prop::sample::select(vec![
            "v1",
            "links",
            "paris-oslo",
            "topics",
            "t",
            "groups",
            "billing",
            "plans",
            "operations",
            "translate",
            "audit",
            "pause",
            "resume",
            "readiness",
            "metrics",
            "%2e%2e",
            "..",
            "%ff",
            "%",
        ])
        .prop_map(str::to_owned),
        "[!-\"$->@-~]{0,8}",
    ];
    let path =
        prop::collection::vec(segment, 0..6).prop_map(|parts| format!("/{}", parts.join("/")));
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("\"paris-oslo\"".to_owned()),
        Just("\"failover\"".to_owned()),
        Just("\"t\"".to_owned()),
        Just("[\"(\"]".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
    ];
    let names = vec![
        "link",
        "topic",
        "partition",
        "offset",
        "reverse",
        "kind",
        "groups",
        "plan_id",
        "plan_hash",
    ];
    let field = (prop::sample::select(names), scalar)
        .prop_map(|(name, value)| format!("\"{name}\":{value}"));
    let object =
        prop::collection::vec(field, 0..6).prop_map(|fields| format!("{{{}}}", fields.join(",")));
    let body = prop_oneof![object, "\\PC{0,40}"];
    (methods.prop_map(str::to_owned), path, body)
}

#[test]
fn nothing_makes_it_fail() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bench = runtime.block_on(Bench::start());
    proptest!(ProptestConfig::with_cases(400), |((method, path, body) in requests())| {
        let ask = Ask::new(&method, &path).json(&body);
        let answer = runtime.block_on(ask.of(bench.address));
        let fine = [200, 201, 202, 400, 404, 405, 409, 412, 423, 503];
        prop_assert!(fine.contains(&answer.status), "{}: {}", answer.status, answer.text);
        prop_assert!(answer.status != 503 || path == "/readyz");
    });
}
