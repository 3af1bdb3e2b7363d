use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, split};

use crate::kafka::client::AddressMap;
use crate::kafka::client::ApiKey;
use crate::kafka::client::frame::Frames;
use crate::kafka::client::testing::{FakeNet, Reply, framed, next_call, versions};
use crate::model::ClusterName;

use super::*;

async fn meet(net: &FakeNet) -> Result<Connection> {
    let peer = Peer {
        cluster: ClusterName::new("paris"),
        endpoint: Endpoint::bootstrap(&"a:1".parse().unwrap(), &AddressMap::default()),
    };
    let client = StrBytes::from_static_str("farshore");
    connect(net, peer, client, (None, None), Duration::from_secs(10)).await
}

#[tokio::test]
async fn a_broker_says_what_it_speaks() {
    let net = FakeNet::default();
    net.broker("a:1", |_| Reply::Nothing);
    let connection = meet(&net).await.unwrap();
    assert_eq!(connection.version_of(ApiKey::Produce), Some(13));
    assert_eq!(connection.broker(), None);
}

/// A broker that supports `ApiVersions` only in version 0, and says so as brokers do.
async fn old_broker(stream: DuplexStream) {
    let (mut read, mut write) = split(stream);
    let mut frames = Frames::default();
    while let Some(call) = next_call(&mut frames, &mut read).await {
        let answer = if call.version == 0 {
            versions()
        } else {
            ApiVersionsResponse::default().with_error_code(UNSUPPORTED_VERSION.0)
        };
        let Reply::Frame(frame) = call.answer_as::<ApiVersionsRequest>(0, &answer) else {
            unreachable!("an answer is a frame")
        };
        write.write_all(&framed(&frame)).await.unwrap();
    }
}

#[tokio::test]
async fn a_broker_that_knows_only_the_oldest_question_is_asked_that() {
    let net = FakeNet::default();
    net.script("a:1", old_broker);
    let connection = meet(&net).await.unwrap();
    assert_eq!(connection.version_of(ApiKey::Fetch), Some(17));
}

#[tokio::test]
async fn peers_that_are_no_brokers_are_told_apart() {
    async fn after_a_request(mut stream: DuplexStream, answer: &[u8]) {
        let mut some = [0; 8];
        stream.read_exact(&mut some).await.unwrap();
        stream.write_all(answer).await.unwrap();
    }
    let net = FakeNet::default();
    for (answer, kind, end) in [
        (
            &b"HTTP/1.1 400 Bad\r\n"[..],
            Kind::Protocol,
            "not a Kafka broker",
        ),
        (
            &[21, 3, 3, 0, 2, 2, 10],
            Kind::Protocol,
            "expects TLS (see security_protocol)",
        ),
        (&[], Kind::Disconnected, "the broker closed the connection"),
    ] {
        net.script("a:1", move |stream| after_a_request(stream, answer));
        let error = meet(&net).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(
            error
                .chain()
                .starts_with("ApiVersions v3 to a:1 got no answer (cluster paris)")
        );
        assert!(error.chain().ends_with(end), "{}", error.chain());
    }
    let silent = meet(&net).await.unwrap_err().chain();
    assert!(
        silent.contains("the listener may expect TLS or SASL"),
        "{silent}"
    );
}

#[tokio::test(start_paused = true)]
async fn connecting_has_one_time_limit() {
    let net = FakeNet::default();
    net.script("a:1", |stream| async {
        std::future::pending::<()>().await;
        drop(stream);
    });
    let error = meet(&net).await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert_eq!(
        error.to_string(),
        "a:1 accepted the connection, but didn't answer as a Kafka broker within 10s"
    );
}
