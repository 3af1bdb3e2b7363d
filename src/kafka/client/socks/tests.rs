use std::io::Write;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::kafka::client::AddressMap;
use crate::task::Owned;

/// The greetings of a client without and with a login.
const GREETING: &[u8] = &[5, 1, 0];
const GREETING_WITH_LOGIN: &[u8] = &[5, 2, 0, 2];
/// "No authentication" and "user name and password", chosen by the proxy.
const OPEN: &[u8] = &[5, 0];
const LOGIN: &[u8] = &[5, 2];
const ADMITTED: &[u8] = &[1, 0];
/// A connection was opened, or not, for this reason; the address in it means nothing.
const fn reply(code: u8) -> [u8; 10] {
    [5, code, 0, 1, 0, 0, 0, 0, 0, 0]
}

/// What the client has to send, and what the proxy answers.
type Exchange = (Vec<u8>, Vec<u8>);

/// A proxy that follows a script once, then sends "hello".
async fn proxy(script: Vec<Exchange>) -> (HostPort, Owned) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let task = Owned::spawn("proxy", async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for (expected, answer) in script {
            let mut received = vec![0; expected.len()];
            stream.read_exact(&mut received).await.unwrap();
            assert_eq!(received, expected);
            stream.write_all(&answer).await.unwrap();
        }
        let _ = stream.write_all(b"hello").await;
        Ok(())
    });
    (address.parse().unwrap(), task)
}

fn by_name() -> Vec<u8> {
    let name = b"kafka-0.svc";
    [&[5, 1, 0, 3, 11], name.as_slice(), &[0x23, 0x84]].concat()
}

async fn connect(proxy: &HostPort, login: Option<SocksLogin>, to: &str) -> Result<ByteStream> {
    let proxy = SocksProxy {
        address: proxy.clone(),
        login,
    };
    let socks = Socks::new(proxy, Duration::from_secs(20));
    let to = Endpoint::bootstrap(&to.parse().unwrap(), &AddressMap::default());
    socks.connect(&to).await
}

fn login() -> (SocksLogin, tempfile::NamedTempFile) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "s3cret").unwrap();
    let login = SocksLogin {
        username: "farshore".to_owned(),
        password: SecretSource::File(file.path().to_owned()),
    };
    (login, file)
}

async fn arrives(stream: Result<ByteStream>) {
    let mut received = [0; 5];
    let mut stream = stream.unwrap();
    stream.read.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
}

#[tokio::test]
async fn names_are_resolved_by_the_proxy_and_addresses_sent_as_such() {
    let ipv4 = vec![5, 1, 0, 1, 10, 0, 0, 1, 0x23, 0x84];
    let ipv6 = [
        &[5, 1, 0, 4],
        [0xfd; 1].as_slice(),
        &[0; 14],
        &[1],
        &[0x23, 0x84],
    ]
    .concat();
    for (to, request) in [
        ("kafka-0.svc:9092", by_name()),
        ("10.0.0.1:9092", ipv4),
        ("[fd00::1]:9092", ipv6),
    ] {
        let script = vec![
            (GREETING.to_vec(), OPEN.to_vec()),
            (request, reply(0).to_vec()),
        ];
        let (proxy, _task) = proxy(script).await;
        arrives(connect(&proxy, None, to).await).await;
    }
}

#[tokio::test]
async fn a_login_is_sent_if_the_proxy_wants_one() {
    let (login, _file) = login();
    let message = [&[1, 8], b"farshore".as_slice(), &[6], b"s3cret"].concat();
    for script in [
        vec![
            (GREETING_WITH_LOGIN.to_vec(), LOGIN.to_vec()),
            (message, ADMITTED.to_vec()),
            (by_name(), reply(0).to_vec()),
        ],
        vec![
            (GREETING_WITH_LOGIN.to_vec(), OPEN.to_vec()),
            (by_name(), reply(0).to_vec()),
        ],
    ] {
        let (proxy, _task) = proxy(script).await;
        arrives(connect(&proxy, Some(login.clone()), "kafka-0.svc:9092").await).await;
    }
}

#[tokio::test]
async fn each_refusal_names_proxy_and_target_and_what_it_means() {
    for (code, what, fix) in [
        (
            1,
            "it has failed, for a reason that it doesn't tell",
            "proxy's log",
        ),
        (
            2,
            "its rules don't allow it",
            "let the proxy's rules allow this host and port",
        ),
        (
            3,
            "the network is unreachable from there",
            "the proxy resolves names",
        ),
        (
            4,
            "the host is unreachable from there, or its name is unknown there",
            "the proxy resolves names",
        ),
        (5, "the connection was refused there", "start the broker"),
        (6, "it took too long there", "the proxy resolves names"),
        (
            7,
            "it doesn't open connections",
            "use a proxy that supports CONNECT",
        ),
        (
            8,
            "it takes no addresses of this kind",
            "let the broker advertise a name",
        ),
    ] {
        let script = vec![
            (GREETING.to_vec(), OPEN.to_vec()),
            (by_name(), reply(code).to_vec()),
        ];
        let (proxy, _task) = proxy(script).await;
        let error = connect(&proxy, None, "kafka-0.svc:9092").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Disconnected);
        let told = error.chain();
        let begin =
            format!("the SOCKS proxy {proxy} doesn't connect to kafka-0.svc:9092: {what}; ");
        assert!(told.starts_with(&begin) && told.contains(fix), "{told}");
    }
}

#[tokio::test]
async fn logins_that_fail_say_so_without_the_password() {
    let (login, file) = login();
    let message = [&[1, 8], b"farshore".as_slice(), &[6], b"s3cret"].concat();
    let refused = vec![
        (GREETING_WITH_LOGIN.to_vec(), LOGIN.to_vec()),
        (message, vec![1, 1]),
    ];
    let none_known = |greeting: &[u8]| vec![(greeting.to_vec(), vec![5, 0xff])];
    for (login, script, expected) in [
        (
            Some(&login),
            refused,
            "it refuses the user name or the password; correct proxy_username or proxy_password_file",
        ),
        (
            None,
            none_known(GREETING),
            "it demands a login; set proxy_username and proxy_password_file",
        ),
        (
            Some(&login),
            none_known(GREETING_WITH_LOGIN),
            "it takes no logins with a user name and a password",
        ),
    ] {
        let (proxy, _task) = proxy(script).await;
        let error = connect(&proxy, login.cloned(), "kafka-0.svc:9092")
            .await
            .unwrap_err();
        let told = error.chain();
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("s3cret"), "{told}");
    }
    // The file is read again for each connection.
    file.close().unwrap();
    let nobody = HostPort::new("127.0.0.1", 1);
    let error = connect(&nobody, Some(login), "kafka-0.svc:9092")
        .await
        .unwrap_err();
    let told = error.chain();
    assert!(
        told.contains("correct proxy_password_file") && told.contains("can't be read"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_no_proxy_is_recognized() {
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let (address, _task) = proxy(vec![(GREETING.to_vec(), http)]).await;
    let error = connect(&address, None, "kafka-0.svc:9092")
        .await
        .unwrap_err();
    assert!(
        error
            .chain()
            .contains("what listens there doesn't speak SOCKS5; correct proxy"),
        "{}",
        error.chain()
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed: HostPort = listener.local_addr().unwrap().to_string().parse().unwrap();
    drop(listener);
    let error = connect(&closed, None, "kafka-0.svc:9092")
        .await
        .unwrap_err();
    let told = error.chain();
    let expected = format!(
        "the SOCKS proxy {closed}, through which kafka-0.svc:9092 is reached, can't be reached itself; start it, or correct proxy: "
    );
    assert!(told.starts_with(&expected), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_hangs_is_named_before_the_connection_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: HostPort = listener.local_addr().unwrap().to_string().parse().unwrap();
    let error = connect(&address, None, "kafka-0.svc:9092")
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    let told = error.chain();
    let expected =
        format!("the SOCKS proxy {address}, through which kafka-0.svc:9092 is reached, ");
    assert!(
        told.starts_with(&expected) && told.contains("within 15s"),
        "{told}"
    );
}
