use std::io::Write;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::kafka::client::tls::testing::{self, Authority, VALID};

use super::*;

/// A token server that gives each request this answer, and what it was asked.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    _serving: Owned,
}

impl Server {
    async fn start(answer: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (listening, answer) = (Arc::clone(&heard), answer.to_owned());
        let serving = Owned::spawn("token server", async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match &tls {
                    None => serve(stream, &answer, &listening).await,
                    // A client that doesn't trust it hangs up.
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &answer, &listening).await;
                        }
                    }
                }
            }
        });
        Self {
            port,
            heard,
            _serving: serving,
        }
    }

    fn credentials(&self, scheme: &str) -> ClientCredentials {
        let url = format!("{scheme}://localhost:{}/hidden/path?key=hidden", self.port);
        ClientCredentials {
            url: TokenUrl::read(&url).unwrap(),
            client_id: "far:shore".to_owned(),
            client_secret: SecretSource::Value(Secret::new("hunter 2%")),
            header_urlencode: true,
            scope: Some("kafka read".to_owned()),
            audience: Some("https://kafka".to_owned()),
            ca_file: None,
        }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &str,
    heard: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"kafka") {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    heard
        .lock()
        .unwrap()
        .push(String::from_utf8(request).unwrap());
    // The client may have had enough before the end.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[tokio::test]
async fn a_token_is_given_for_the_client_credentials() {
    let body = r#"{"access_token":"abc.def","token_type":"Bearer","expires_in":300}"#;
    let server = Server::start(&answer("200 OK", body), None).await;
    let token = fetch(server.credentials("http")).await.unwrap();
    assert_eq!(token.text().reveal(), "abc.def");
    assert_eq!(token.lifetime(), Some(Duration::from_mins(5)));
    let heard = server.heard.lock().unwrap().concat();
    let basic = BASE64.encode("far%3Ashore:hunter%202%25");
    for part in [
        "POST /hidden/path?key=hidden HTTP/1.1\r\n".to_owned(),
        format!("host: localhost:{}\r\n", server.port),
        format!("authorization: Basic {basic}\r\n"),
        "content-type: application/x-www-form-urlencoded\r\n".to_owned(),
        "\r\n\r\ngrant_type=client_credentials&scope=kafka%20read&audience=https%3A%2F%2Fkafka"
            .to_owned(),
    ] {
        assert!(heard.contains(&part), "{heard:?}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_decode_is_told_name_and_secret_as_they_are() {
    let refused = answer(
        "401 Unauthorized",
        r#"{"error":"hunter 2% ZmFyc2hvcmU6aHVudGVyIDIl"}"#,
    );
    let server = Server::start(&refused, None).await;
    let credentials = ClientCredentials {
        client_id: "farshore".to_owned(),
        header_urlencode: false,
        ..server.credentials("http")
    };
    let error = fetch(credentials.clone()).await.unwrap_err();
    let expected = "it answers 401 Unauthorized; \u{2022}\u{2022}\u{2022} \u{2022}\u{2022}\u{2022}";
    assert!(error.ends_with(expected), "{error}");
    let heard = server.heard.lock().unwrap().concat();
    let basic = BASE64.encode("farshore:hunter 2%");
    let header = format!("authorization: Basic {basic}\r\n");
    assert!(heard.contains(&header), "{heard:?}");
    // The form is encoded in any case.
    assert!(heard.contains("&scope=kafka%20read&"), "{heard:?}");

    // Without such characters there is nothing to advise.
    let plain = ClientCredentials {
        client_secret: SecretSource::Value(Secret::new("hunter-2")),
        header_urlencode: true,
        ..credentials
    };
    let error = fetch(plain).await.unwrap_err();
    assert!(!error.contains("header_urlencode"), "{error}");
}

#[tokio::test]
async fn answers_without_a_token_are_told_without_secrets() {
    let huge = format!("{{\"access_token\":\"{}\"}}", "x".repeat(ANSWER_MAX));
    for (answer, why) in [
        (
            answer(
                "401 Unauthorized",
                r#"{"error":"invalid_client","error_description":"hunter 2% is\nwrong"}"#,
            ),
            "it answers 401 Unauthorized; invalid_client; \u{2022}\u{2022}\u{2022} is\\nwrong; if name and secret are right, the server may not decode them in the header: set header_urlencode = false",
        ),
        (
            answer(
                "400 Bad Request",
                r#"{"error":"Basic ZmFyJTNBc2hvcmU6aHVudGVyJTIwMiUyNQ== hunter%202%25 /hidden/path key=hidden"}"#,
            ),
            "it answers 400 Bad Request; Basic \u{2022}\u{2022}\u{2022} \u{2022}\u{2022}\u{2022} \u{2022}\u{2022}\u{2022} \u{2022}\u{2022}\u{2022}",
        ),
        (
            answer("503 Service Unavailable", "<html>"),
            "it answers 503 Service Unavailable",
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
            "it answers 302 Found",
        ),
        (answer("200 OK", "{}"), "its answer has no access_token"),
        (answer("200 OK", "[1"), "its answer has no access_token"),
        (answer("200 OK", r#"{"access_token":"a b"}"#), "is no token"),
        (
            answer("200 OK", r#"{"access_token":"a","expires_in":0}"#),
            "has ended",
        ),
        (
            answer("200 OK", &huge),
            "its answer can't be read: length limit exceeded",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(),
            "its answer can't be read",
        ),
        (
            "no HTTP\r\n\r\n".to_owned(),
            "the request failed: invalid HTTP",
        ),
        (String::new(), "the request failed"),
    ] {
        let server = Server::start(&answer, None).await;
        let error = fetch(server.credentials("http")).await.unwrap_err();
        let about = format!("the token server at localhost:{}: ", server.port);
        assert!(error.starts_with(&about) && error.contains(why), "{error}");
        assert!(
            !error.contains("hunter") && !error.contains("hidden") && !error.contains("Zm"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn lifetimes_are_numbers_or_texts_or_unknown() {
    for (written, lifetime) in [
        ("60", Some(60)),
        ("\"60\"", Some(60)),
        ("-1", None),
        ("null", None),
        ("\"soon\"", None),
    ] {
        let body = format!("{{\"access_token\":\"a\",\"expires_in\":{written}}}");
        let token = read_answer(StatusCode::OK, body.as_bytes(), &[]).unwrap();
        assert_eq!(
            token.lifetime(),
            lifetime.map(Duration::from_secs),
            "{written}"
        );
    }
}

/// A certificate authority, and a server's certificate for this name from it.
fn certified(name: &str) -> (String, TlsAcceptor) {
    let authority = Authority::new("authority");
    let issued = authority.issue(&[name], VALID);
    (authority.pem, testing::Server::new(&issued).acceptor())
}

#[tokio::test]
async fn an_encrypted_server_has_to_prove_its_name() {
    let given = answer("200 OK", r#"{"access_token":"abc"}"#);
    let mut ca_file = tempfile::NamedTempFile::new().unwrap();
    let (authority, tls) = certified("localhost");
    ca_file.write_all(authority.as_bytes()).unwrap();
    let server = Server::start(&given, Some(tls)).await;
    let mut credentials = server.credentials("https");
    let untrusted = fetch(credentials.clone()).await.unwrap_err();
    assert!(
        untrusted.contains("UnknownIssuer")
            || untrusted.contains("no store of trusted authorities"),
        "{untrusted}"
    );
    credentials.ca_file = Some(ca_file.path().to_owned());
    assert_eq!(
        fetch(credentials.clone()).await.unwrap().text().reveal(),
        "abc"
    );

    let (authority, tls) = certified("elsewhere.example");
    std::fs::write(ca_file.path(), authority).unwrap();
    let server = Server::start(&given, Some(tls)).await;
    credentials.url = server.credentials("https").url;
    let wrong = fetch(credentials.clone()).await.unwrap_err();
    assert!(
        wrong.contains("not valid for name \"localhost\""),
        "{wrong}"
    );
    assert!(server.heard.lock().unwrap().is_empty());

    for (text, why) in [
        ("", "has no certificate in PEM"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "can't be used: ",
        ),
    ] {
        std::fs::write(ca_file.path(), text).unwrap();
        let error = fetch(credentials.clone()).await.unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_named() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = Server::start("", None).await;
    let mut credentials = server.credentials("http");
    credentials.url = TokenUrl::read(&format!("http://127.0.0.1:{port}")).unwrap();
    let error = fetch(credentials).await.unwrap_err();
    let expected = format!("the token server at 127.0.0.1:{port}: connecting failed: ");
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn addresses_of_token_servers() {
    let url = |text: &str| TokenUrl::read(text).map(|url| url.to_string());
    assert_eq!(
        url("https://login.example/a?b=c").as_deref(),
        Some("login.example:443")
    );
    assert_eq!(url("http://[::1]:81/").as_deref(), Some("[::1]:81"));
    for wrong in [
        "login.example/a",
        "ftp://login.example/",
        "https://user:password@login.example/",
        "https://login.example/#part",
        "https:///a",
        "/a",
        "",
    ] {
        assert_eq!(url(wrong), None, "{wrong}");
    }
    let local = |text: &str| TokenUrl::read(text).unwrap().is_local();
    assert!(local("http://127.0.0.1/") && local("http://[::1]/") && local("http://localhost/"));
    assert!(!local("http://10.0.0.1/") && !local("http://login.example/"));
    let shown = format!(
        "{:?}",
        TokenUrl::read("https://a/hidden?key=hidden").unwrap()
    );
    assert_eq!(shown, "TokenUrl(a:443)");
}
