use bytes::Bytes;
use futures_util::future::join_all;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf as Half, duplex, split};

use crate::kafka::batch::Stamped;
use crate::kafka::client::frame::Frames;
use crate::kafka::client::produce::{ProduceBatches, ProduceTopic};
use crate::kafka::client::response::PendingResponse;
use crate::kafka::client::testing::{self, Call, Reply, framed, next_call};
use crate::kafka::client::{AddressMap, HostPort};
use crate::model::{Partition, TopicId, TopicName};
use crate::task::Ownership;

use super::*;

mod limits;

const LIMIT: Duration = Duration::from_secs(30);

/// The broker's end of a connection.
struct Far {
    frames: Frames,
    read: Half<DuplexStream>,
    write: tokio::io::WriteHalf<DuplexStream>,
}

impl Far {
    async fn next(&mut self) -> Call {
        let call = next_call(&mut self.frames, &mut self.read).await;
        call.expect("the client is still there")
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.write.write_all(bytes).await.unwrap();
    }
}

fn connected() -> (Connection, Far) {
    let (near, far) = duplex(1 << 20);
    let (read, write) = split(near);
    let peer = Peer {
        cluster: ClusterName::new("paris"),
        endpoint: Endpoint::of_broker(
            BrokerId(1),
            HostPort::new("a", 9092),
            &AddressMap::default(),
        ),
    };
    let client = StrBytes::from_static_str("farshore");
    let connection = Connection::open(peer, client, ByteStream::plain(read, write));
    connection.set_versions(Versions::new(&testing::versions()));
    let (read, write) = split(far);
    let frames = Frames::default();
    let far = Far {
        frames,
        read,
        write,
    };
    (connection, far)
}

/// Sends a request with a number, which the response returns as a broker id.
fn ask(connection: &Connection, number: i32) -> PendingResponse<FindCoordinatorResponse> {
    ask_within(connection, number, LIMIT)
}

fn ask_within(
    connection: &Connection,
    number: i32,
    limit: Duration,
) -> PendingResponse<FindCoordinatorResponse> {
    let key = StrBytes::from_string(number.to_string());
    let request = FindCoordinatorRequest::default().with_key(key);
    connection.start(request, limit).unwrap()
}

fn number_in(call: &Call) -> i32 {
    let request: FindCoordinatorRequest = call.request();
    request.key.parse().unwrap()
}

fn answer(call: &Call, throttle_ms: i32) -> Bytes {
    let response = FindCoordinatorResponse::default()
        .with_node_id(number_in(call).into())
        .with_throttle_time_ms(throttle_ms);
    match call.answer::<FindCoordinatorRequest>(&response) {
        Reply::Frame(frame) => framed(&frame),
        Reply::Nothing | Reply::HangUp => unreachable!("an answer is a frame"),
    }
}

#[tokio::test]
async fn requests_arrive_in_order_and_answers_find_their_way_in_any_pieces() {
    let (connection, mut far) = connected();
    let pending: Vec<_> = (0..20).map(|number| ask(&connection, number)).collect();
    let mut answers = Vec::new();
    for number in 0..20 {
        let call = far.next().await;
        assert_eq!(number_in(&call), number);
        assert_eq!(call.client_id.as_deref(), Some("farshore"));
        answers.extend_from_slice(&answer(&call, 0));
    }
    let speaking = async {
        for piece in answers.chunks(7) {
            far.say(piece).await;
            tokio::task::yield_now().await;
        }
    };
    let listening = async {
        for (number, pending) in (0..).zip(pending) {
            assert_eq!(pending.await.unwrap().node_id.0, number);
        }
    };
    tokio::join!(speaking, listening);
}

#[tokio::test]
async fn a_forgotten_answer_disturbs_nobody() {
    let (connection, mut far) = connected();
    drop(ask(&connection, 1));
    let kept = ask(&connection, 2);
    for _ in 0..2 {
        let call = far.next().await;
        far.say(&answer(&call, 0)).await;
    }
    assert_eq!(kept.await.unwrap().node_id.0, 2);
}

#[tokio::test]
async fn an_end_in_the_middle_of_an_answer_fails_everything_in_flight() {
    let (connection, mut far) = connected();
    let pending = [
        ask(&connection, 1),
        ask(&connection, 2),
        ask(&connection, 3),
    ];
    let call = far.next().await;
    far.say(&answer(&call, 0)).await;
    let call = far.next().await;
    far.say(&answer(&call, 0)[..9]).await;
    drop(far);
    let [first, second, third] = pending;
    assert_eq!(first.await.unwrap().node_id.0, 1);
    for error in [second.await.unwrap_err(), third.await.unwrap_err()] {
        assert_eq!(error.kind(), Kind::Disconnected);
        assert_eq!(
            error.chain(),
            "FindCoordinator v3 to broker 1 at a:9092 got no answer (cluster paris): \
             the broker closed the connection in the middle of an answer"
        );
    }
    assert!(!connection.is_alive());
    let refused = connection.start(FindCoordinatorRequest::default(), LIMIT);
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), Kind::Disconnected);
    assert!(
        error
            .chain()
            .starts_with("broker 1 at a:9092: FindCoordinator was not sent")
    );
}

#[tokio::test]
async fn an_answer_out_of_order_or_unasked_ends_the_connection() {
    let (connection, mut far) = connected();
    let pending = [ask(&connection, 1), ask(&connection, 2)];
    far.next().await;
    let second = far.next().await;
    far.say(&answer(&second, 0)).await;
    for pending in pending {
        let error = pending.await.unwrap_err();
        assert_eq!(error.kind(), Kind::Protocol);
        assert!(
            error
                .chain()
                .ends_with("carries correlation id 1 instead of Some(0)")
        );
    }
    assert!(!connection.is_alive());

    let (connection, mut far) = connected();
    far.say(&framed(&[0; 10])).await;
    let mut rest = Vec::new();
    far.read.read_to_end(&mut rest).await.unwrap();
    assert!(!connection.is_alive(), "closed by the client");
}

#[tokio::test(start_paused = true)]
async fn an_overdue_answer_ends_the_connection_and_only_that_request_timed_out() {
    let (connection, far) = connected();
    let began = Instant::now();
    let patient = ask_within(&connection, 1, LIMIT * 2);
    let overdue = ask(&connection, 2);
    let error = overdue.await.unwrap_err();
    assert_eq!(error.kind(), Kind::TimedOut);
    assert!(error.message().ends_with("got no answer within 30s"));
    let waited = began.elapsed();
    assert!(waited >= LIMIT && waited <= LIMIT + Duration::from_millis(501));
    let error = patient.await.unwrap_err();
    assert_eq!(error.kind(), Kind::Disconnected);
    assert!(error.chain().ends_with("an answer was overdue"));
    drop(far);
}

#[tokio::test]
async fn the_number_of_requests_in_flight_is_limited() {
    let (connection, mut far) = connected();
    let first = ask(&connection, 0);
    let others: Vec<_> = (1..64).map(|number| ask(&connection, number)).collect();
    let refused = connection.start(FindCoordinatorRequest::default(), LIMIT);
    assert_eq!(refused.unwrap_err().kind(), Kind::Refused);
    let call = far.next().await;
    far.say(&answer(&call, 0)).await;
    first.await.unwrap();
    let _taken = ask(&connection, 64);
    assert_eq!(others.len(), 63);
}

#[tokio::test]
async fn calls_wait_for_their_turn_however_many_there_are() {
    let (connection, mut far) = connected();
    let calls = join_all((0..500).map(|number| {
        let key = StrBytes::from_string(number.to_string());
        connection.call(FindCoordinatorRequest::default().with_key(key), LIMIT)
    }));
    let answering = async {
        for _ in 0..500 {
            let call = far.next().await;
            far.say(&answer(&call, 0)).await;
        }
    };
    let (answers, ()) = tokio::join!(calls, answering);
    for (number, answer) in (0..).zip(answers) {
        assert_eq!(answer.unwrap().node_id.0, number);
    }
}

#[tokio::test]
async fn the_last_holder_takes_the_connection_along() {
    let (connection, mut far) = connected();
    let pending = ask(&connection, 1);
    drop(connection);
    let call = far.next().await;
    far.say(&answer(&call, 0)).await;
    assert_eq!(pending.await.unwrap().node_id.0, 1);
    assert!(next_call(&mut far.frames, &mut far.read).await.is_none());
}

#[tokio::test]
async fn requests_take_the_highest_version_both_speak() {
    let (connection, mut far) = connected();
    let produce = |id, acks| ProduceBatches {
        acks,
        timeout: LIMIT,
        topics: vec![ProduceTopic {
            name: TopicName::new("orders"),
            id,
            partitions: vec![(Partition(0), batch())],
        }],
    };
    let known = TopicId(uuid::Uuid::from_u128(7));
    let _by_id = connection
        .start_produce(produce(known, -1), LIMIT, None)
        .unwrap();
    let by_name = connection.start_produce(produce(TopicId::NONE, -1), LIMIT, None);
    assert_eq!(
        (far.next().await.version, far.next().await.version),
        (13, 12)
    );
    drop(by_name);
    let unanswered = connection.start_produce(produce(known, 0), LIMIT, None);
    assert_eq!(unanswered.unwrap_err().kind(), Kind::Refused);
    assert_eq!(connection.version_of(ApiKey::Fetch), Some(17));
    assert_eq!(connection.version_of(ApiKey::Vote), None);
}

fn batch() -> Stamped {
    Stamped {
        header: [0; 61],
        body: Bytes::from_static(b"body"),
        crc: 0,
        record_count: 1,
        max_timestamp: 0,
    }
}

#[tokio::test]
async fn what_is_left_to_write_when_the_right_ends_is_never_written() {
    const BODY: usize = 4 << 20;
    let (connection, mut far) = connected();
    let produce = || ProduceBatches {
        acks: -1,
        timeout: LIMIT,
        topics: vec![ProduceTopic {
            name: TopicName::new("orders"),
            id: TopicId::NONE,
            partitions: vec![(
                Partition(0),
                Stamped {
                    body: Bytes::from(vec![7; BODY]),
                    ..batch()
                },
            )],
        }],
    };
    let right = Ownership::none();
    let refused = connection.start_produce(produce(), LIMIT, Some(&right));
    assert_eq!(refused.unwrap_err().kind(), Kind::Refused);
    right.begin(1);
    right.extend(Instant::now() + LIMIT);
    let pending = connection.start_produce(produce(), LIMIT, Some(&right));
    // The stream accepts part of it; then the process is stopped for longer than its lease.
    let mut taken = vec![0; 1000];
    far.read.read_exact(&mut taken).await.unwrap();
    right.end();
    let mut rest = Vec::new();
    far.read.read_to_end(&mut rest).await.unwrap();
    assert!(taken.len() + rest.len() < BODY, "{} bytes", rest.len());
    let error = pending.unwrap().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Disconnected);
    assert!(
        error.chain().contains("the right to write ended"),
        "{}",
        error.chain()
    );
}
