use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::Kind;
use crate::kafka::client::testing::{self, FakeNet, Reply, cluster_settings};
use crate::kafka::client::write_queue::WriteQueue;
use crate::kafka::client::{AddressMap, ApiKey, Cluster, Slot};

use super::testing::{Authority, Files, Server, VALID, day, for_authorities, for_clients};
use super::*;

fn secured(net: &FakeNet, settings: TlsSettings) -> Arc<Tls> {
    Arc::new(Tls::new(Arc::new(net.clone()), "paris".into(), settings))
}

/// A cluster with one bootstrap address, reached with these settings.
fn cluster(net: &FakeNet, bootstrap: &str, settings: TlsSettings) -> Cluster {
    Cluster::new(cluster_settings(&[bootstrap]), secured(net, settings))
}

async fn failure(cluster: &Cluster) -> String {
    let error = cluster.any_connection().await.expect_err("a failure");
    assert_eq!(error.kind(), Kind::Disconnected);
    let failure = TlsFailure::among(&error).expect("an explained failure");
    let text = error.chain();
    assert_eq!(text.matches(&failure.to_string()).count(), 1, "{text}");
    assert!(
        text.contains("a:1") && text.contains("(cluster paris)"),
        "{text}"
    );
    assert!(!text.contains('\n'), "{text}");
    text
}

fn silent() -> impl Fn(&testing::Call) -> Reply + Send + Sync + 'static {
    |_| Reply::Nothing
}

#[tokio::test]
async fn both_versions_serve() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let issued = authority.issue(&["a"], VALID);
    for server in [Server::new(&issued), Server::new(&issued).before_1_3()] {
        let net = FakeNet::default();
        server.broker(&net, "a:1", silent());
        let connection = cluster(&net, "a:1", files.settings())
            .any_connection()
            .await
            .unwrap();
        assert_eq!(connection.version_of(ApiKey::Produce), Some(13));
    }
}

/// The certificate is checked against what the broker advertises, wherever that is dialed.
#[tokio::test]
async fn mapped_addresses_keep_their_names() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let net = FakeNet::default();
    let issued = authority.issue(&["kafka-0.svc"], VALID);
    Server::new(&issued).broker(&net, "127.0.0.1:31090", |call| match call.key {
        ApiKey::Metadata => {
            let brokers = testing::metadata("A", &["kafka-0.svc:9092"]);
            call.answer::<kafka_protocol::messages::MetadataRequest>(&brokers)
        }
        _ => Reply::Nothing,
    });
    let mut settings = cluster_settings(&["127.0.0.1:31090"]);
    let inside = "kafka-0.svc:9092".parse().unwrap();
    settings.address_map = [(inside, "127.0.0.1:31090".parse().unwrap())].into();
    let tls = secured(&net, files.settings());
    let cluster = Cluster::new(settings, Arc::clone(&tls) as Arc<dyn Transport>);
    cluster.controller(Slot::Control).await.unwrap();
    let (broker, ends_at) = tls.certificates().server.unwrap();
    assert_eq!(broker, "kafka-0.svc:9092");
    let left = ends_at.cast_unsigned()
        - day(0)
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs();
    assert!((364..366).contains(&(left / 86_400)), "{left}");
    tls.keep_only(&BTreeSet::new());
    assert_eq!(tls.certificates().server, None);
}

#[tokio::test]
async fn addresses_and_a_fixed_name_are_checked_too() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let issued = authority.issue(&["127.0.0.1", "::1", "kafka"], VALID);
    let net = FakeNet::default();
    for address in ["127.0.0.1:1", "[::1]:1", "b:1"] {
        Server::new(&issued).broker(&net, address, silent());
    }
    for address in ["127.0.0.1:1", "[::1]:1"] {
        cluster(&net, address, files.settings())
            .any_connection()
            .await
            .unwrap();
    }
    let fixed = TlsSettings {
        server_name: Some("kafka".to_owned()),
        ..files.settings()
    };
    cluster(&net, "b:1", fixed).any_connection().await.unwrap();
}

#[tokio::test]
async fn certificates_that_are_not_accepted() {
    let (authority, other) = (Authority::new("authority"), Authority::new("other"));
    let files = Files::trusting(&authority);
    let ca = files.path("ca.pem").display().to_string();
    let cases = [
        (
            other.issue(&["a"], VALID),
            format!("the certificate of a isn't signed by an authority in {ca}: put the certificate of the authority that signed it into that file (tls.ca_file)"),
        ),
        (
            authority.issue(&["b", "127.0.0.1"], VALID),
            "the certificate of a is for b, 127.0.0.1 only: give the broker one for the host in its advertised.listeners, or set tls.server_name".to_owned(),
        ),
        (
            authority.issue(&[], VALID),
            "the certificate of a has no subject alternative name; its common name doesn't count: give".to_owned(),
        ),
        (
            authority.issue(&["a"], -10..-1),
            "or of an authority that signed it, ended at 2".to_owned(),
        ),
        (
            authority.issue(&["a"], 1..10),
            "or of an authority that signed it, isn't valid before 2".to_owned(),
        ),
        (
            authority.sign(&["a"], VALID, for_clients),
            "the certificate of a isn't one for servers: give".to_owned(),
        ),
        (
            authority.sign(&["a"], VALID, for_authorities),
            "the certificate of a is that of an authority: give the broker one of its own".to_owned(),
        ),
    ];
    for (issued, expected) in cases {
        let net = FakeNet::default();
        Server::new(&issued).broker(&net, "a:1", silent());
        let text = failure(&cluster(&net, "a:1", files.settings())).await;
        assert!(text.contains(&expected), "{text}");
    }
}

/// In TLS 1.3 the broker refuses a client only after the client has finished.
#[tokio::test]
async fn clients_that_are_not_accepted() {
    let (authority, other) = (Authority::new("authority"), Authority::new("other"));
    let issued = authority.issue(&["a"], VALID);
    for server in [Server::new(&issued), Server::new(&issued).before_1_3()] {
        let server = server.demanding(&authority);
        let net = FakeNet::default();
        server.broker(&net, "a:1", silent());
        let files = Files::trusting(&authority);
        let text = failure(&cluster(&net, "a:1", files.settings())).await;
        let expected = "the broker refuses a client without a certificate (CertificateRequired): set tls.cert_file and tls.key_file";
        let before_1_3 = "the broker refuses a client without a certificate, or has no version and cipher suite in common with farshore (HandshakeFailure): set tls.cert_file and tls.key_file";
        assert!(
            text.contains(expected) || text.contains(before_1_3),
            "{text}"
        );

        files.identify(&other.issue(&["farshore"], VALID));
        let text = failure(&cluster(&net, "a:1", files.with_identity())).await;
        let expected = format!(
            "the broker refuses the certificate in {}",
            files.path("cert.pem").display()
        );
        assert!(text.contains(&expected), "{text}");
        assert!(text.contains("into the broker's ssl.truststore"), "{text}");

        files.identify(&authority.issue(&["farshore"], -10..-1));
        let text = failure(&cluster(&net, "a:1", files.with_identity())).await;
        assert!(
            text.contains("(CertificateExpired): renew it if it has ended"),
            "{text}"
        );

        files.identify(&authority.issue(&["farshore"], VALID));
        let cluster = cluster(&net, "a:1", files.with_identity());
        cluster.any_connection().await.unwrap();
    }
}

/// The alert of a TLS listener that knows TLS 1.1 at most.
const PROTOCOL_VERSION: &[u8] = &[0x15, 3, 3, 0, 2, 2, 70];

#[tokio::test]
async fn peers_that_speak_otherwise() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    for (answer, expected) in [
        (
            PROTOCOL_VERSION,
            "the broker takes neither TLS 1.3 nor TLS 1.2: enable one of them in ssl.enabled.protocols",
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "what answers there doesn't speak TLS: set security_protocol to PLAINTEXT or SASL_PLAINTEXT",
        ),
        (
            b"",
            "the connection was closed during the TLS handshake, as by a listener without TLS: set security_protocol",
        ),
    ] {
        let net = FakeNet::default();
        net.script("a:1", move |mut stream| async move {
            let _ = stream.read(&mut [0; 4_096]).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        });
        let text = failure(&cluster(&net, "a:1", files.settings())).await;
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn listeners_of_the_other_kind_are_recognized() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let net = FakeNet::default();
    net.broker("a:1", silent());
    let text = failure(&cluster(&net, "a:1", files.settings())).await;
    assert!(text.contains("as by a listener without TLS"), "{text}");
    Server::new(&authority.issue(&["b"], VALID)).broker(&net, "b:1", silent());
    let error = net.cluster(&["b:1"]).any_connection().await.unwrap_err();
    let text = error.chain();
    assert!(
        text.contains("the listener expects TLS (see security_protocol)"),
        "{text}"
    );
}

/// Such as a listener that expects a login, or a broker of another kind.
#[tokio::test]
async fn a_broker_that_hangs_up_without_an_answer_says_what_may_be_missing() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let net = FakeNet::default();
    let acceptor = Server::new(&authority.issue(&["a"], VALID)).acceptor();
    net.script("a:1", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            let _ = stream.shutdown().await;
        }
    });
    let error = cluster(&net, "a:1", files.settings())
        .any_connection()
        .await
        .unwrap_err();
    let text = error.chain();
    assert!(
        text.contains(
            "the listener may expect SASL (see security_protocol) or a client certificate"
        ),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_the_time_limit_of_the_connection() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let net = FakeNet::default();
    net.script("a:1", |stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let error = cluster(&net, "a:1", files.settings())
        .any_connection()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(
        error.chain().contains("a:1 didn't answer within 10s"),
        "{}",
        error.chain()
    );
}

/// More than fits into the buffers on the way, in segments as requests have them.
#[tokio::test]
async fn much_goes_through_in_both_directions() {
    const SEGMENT: usize = 100_000;
    const SEGMENTS: u8 = 40;
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let net = FakeNet::default();
    let acceptor = Server::new(&authority.issue(&["a"], VALID)).acceptor();
    net.script("a:1", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let stream = acceptor.accept(stream).await.unwrap();
            let (mut read, mut write) = split(stream);
            let _ = tokio::io::copy(&mut read, &mut write).await;
            let _ = write.shutdown().await;
        }
    });
    let to = Endpoint::bootstrap(&"a:1".parse().unwrap(), &AddressMap::default());
    let stream = secured(&net, files.settings()).connect(&to).await.unwrap();
    let (mut read, mut write) = (stream.read, stream.write);
    assert!(stream.is_encrypted && write.is_write_vectored());
    let mut queue = WriteQueue::default();
    let segments = (0..SEGMENTS).map(|number| Bytes::from(vec![number; SEGMENT]));
    queue.extend(segments.flat_map(|segment| [Bytes::from_static(b"head"), segment]));
    let sending = async {
        while bytes::Buf::has_remaining(&queue) {
            write.write_buf(&mut queue).await.unwrap();
        }
        write.flush().await.unwrap();
    };
    let mut received = vec![0; usize::from(SEGMENTS) * (SEGMENT + 4)];
    let ((), received) = tokio::join!(sending, async {
        read.read_exact(&mut received).await.unwrap();
        received
    });
    for (number, segment) in received.chunks(SEGMENT + 4).enumerate() {
        assert!(segment.starts_with(b"head"));
        assert!(segment[4..].iter().all(|byte| usize::from(*byte) == number));
    }
    drop(write);
}

/// A broker that is killed says no farewell; its connection ends like one without TLS.
#[tokio::test]
async fn a_line_that_is_cut_ends_the_stream() {
    let authority = Authority::new("authority");
    let files = Files::trusting(&authority);
    let net = FakeNet::default();
    let acceptor = Server::new(&authority.issue(&["a"], VALID)).acceptor();
    net.script("a:1", move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.write_all(b"answer").await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    let to = Endpoint::bootstrap(&"a:1".parse().unwrap(), &AddressMap::default());
    let mut stream = secured(&net, files.settings()).connect(&to).await.unwrap();
    let mut received = Vec::new();
    stream.read.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"answer");
}
