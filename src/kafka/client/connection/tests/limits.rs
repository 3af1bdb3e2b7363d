//! What a broker may send, and for how long it may ask for silence.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_throttling_broker_is_left_alone_and_deadlines_wait_with_it() {
    let (connection, mut far) = connected();
    let first = ask(&connection, 1);
    let call = far.next().await;
    let second = ask(&connection, 2);
    far.next().await;
    far.say(&answer(&call, 60_000)).await;
    first.await.unwrap();
    let throttled = Instant::now();
    assert_eq!(connection.throttled_for(), Duration::from_secs(60));
    let third = ask(&connection, 3);
    assert_eq!(number_in(&far.next().await), 3);
    assert_eq!(throttled.elapsed().as_secs(), 60);
    assert_eq!(third.await.unwrap_err().kind(), Kind::TimedOut);
    assert_eq!(throttled.elapsed().as_secs(), 90);
    assert_eq!(second.await.unwrap_err().kind(), Kind::TimedOut);
}

#[tokio::test]
async fn a_malformed_answer_ends_the_connection_with_an_error_that_names_everything() {
    let (connection, mut far) = connected();
    let (malformed, other) = (ask(&connection, 1), ask(&connection, 2));
    let call = far.next().await;
    let mut bytes = answer(&call, 0).to_vec();
    // The length of the host, behind correlation id, tags, throttle time, code, message and node id.
    let host = 4 + 4 + 1 + 4 + 2 + 1 + 4;
    bytes[host] = 0x7f;
    far.say(&bytes).await;
    let error = malformed.await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert_eq!(
        error.chain(),
        "FindCoordinator v3 to broker 1 at a:9092 got an answer that cannot be read; \
         is it an Apache Kafka broker? (cluster paris): \
         the count of Host is 126, but 5 bytes are left"
    );
    let error = other.await.unwrap_err();
    assert_eq!(error.kind(), Kind::Disconnected);
    assert!(error.chain().ends_with("an answer before cannot be read"));
    assert!(!connection.is_alive());
    let mut rest = Vec::new();
    far.read.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn an_answer_is_as_large_as_one_to_its_request_may_be() {
    let (connection, mut far) = connected();
    let pending = ask(&connection, 1);
    far.next().await;
    far.say(&[0, 1, 0, 1]).await;
    let error = pending.await.unwrap_err();
    assert_eq!(error.kind(), Kind::Protocol);
    assert!(
        error
            .chain()
            .ends_with("the answer has 65537 bytes, but one to this request has at most 65536"),
        "{}",
        error.chain()
    );
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_asks_for_weeks_of_silence_is_left_alone_for_a_minute() {
    let (connection, mut far) = connected();
    let (first, second) = (ask(&connection, 1), ask(&connection, 2));
    let call = far.next().await;
    far.next().await;
    far.say(&answer(&call, i32::MAX)).await;
    first.await.unwrap();
    let began = Instant::now();
    let third = ask(&connection, 3);
    for pending in [second, third] {
        let error = pending.await.unwrap_err();
        assert_eq!(error.kind(), Kind::Disconnected);
        assert!(
            error.chain().ends_with(
                "the broker asked for silence for 2147483.647s; \
                 after 60s a new connection is opened"
            ),
            "{}",
            error.chain()
        );
    }
    assert_eq!(began.elapsed().as_secs(), 60);
    assert!(!connection.is_alive());
}

#[tokio::test(start_paused = true)]
async fn answers_that_ask_for_the_same_silence_move_deadlines_once() {
    let (connection, mut far) = connected();
    let pending = [1, 2, 3].map(|number| ask(&connection, number));
    for _ in 0..2 {
        let call = far.next().await;
        far.say(&answer(&call, 10_000)).await;
    }
    let began = Instant::now();
    let [first, second, third] = pending;
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(third.await.unwrap_err().kind(), Kind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 40);
}
