use std::time::Duration;

use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::StrBytes;
use parking_lot::Mutex;

use crate::files::SecretSource;
use crate::kafka::client::testing::{Call, FakeNet, Reply};
use crate::kafka::client::{ApiKey, Cluster};
use crate::model::Secret;

use super::*;

const SESSION: Duration = Duration::from_mins(10);

/// A broker that takes messages from the client until it has received `messages` of them; its last answer grants a
/// session.
fn doorman(net: &FakeNet, messages: usize) -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listening = Arc::clone(&heard);
    net.broker("a:1", move |call| match call.key {
        ApiKey::SaslHandshake => agree(call),
        ApiKey::SaslAuthenticate => {
            let request: SaslAuthenticateRequest = call.request();
            let mut heard = listening.lock();
            heard.push(String::from_utf8(request.auth_bytes.to_vec()).unwrap());
            let mut answer = SaslAuthenticateResponse::default()
                .with_auth_bytes(format!("question {}", heard.len()).into());
            if heard.len() == messages {
                answer.session_lifetime_ms = i64::try_from(SESSION.as_millis()).unwrap();
            }
            call.answer::<SaslAuthenticateRequest>(&answer)
        }
        _ => Reply::HangUp,
    });
    heard
}

fn agree(call: &Call) -> Reply {
    let asked: SaslHandshakeRequest = call.request();
    let known = &*asked.mechanism == "PLAIN";
    let mechanisms = vec![StrBytes::from_static_str("PLAIN")];
    let answer = SaslHandshakeResponse::default()
        .with_error_code(if known { 0 } else { 33 })
        .with_mechanisms(mechanisms);
    call.answer::<SaslHandshakeRequest>(&answer)
}

fn cluster(net: &FakeNet, mechanism: impl Mechanism + 'static) -> Cluster {
    net.cluster_with(&["a:1"], |settings| {
        settings.login = Some(Login::new(Arc::new(mechanism)));
    })
}

fn password() -> Password {
    Password::new("farshore", SecretSource::Value(Secret::new("s3cret")))
}

/// A mechanism with a configurable number of messages.
#[derive(Debug)]
struct Talker(&'static str, usize);

struct Talk(Vec<String>, usize);

impl Mechanism for Talker {
    fn name(&self) -> &'static str {
        self.0
    }

    fn principal(&self) -> Option<&str> {
        None
    }

    fn credentials(&self) -> Result<Credentials, LoginError> {
        Ok(Credentials::Tokens)
    }

    fn begin<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        let talk = Talk(vec![host.to_owned()], self.1);
        Box::pin(async { Ok(Box::new(talk) as Box<dyn Exchange>) })
    }
}

impl Exchange for Talk {
    fn step(&mut self, message: &[u8]) -> Result<SaslStep, LoginError> {
        let message = String::from_utf8(message.to_vec()).map_err(LoginError::broker)?;
        if message == "unproved" {
            return Err(LoginError::broker("no proof"));
        }
        if message == "refused" {
            return Ok(SaslStep::Refused(
                b"so be it".to_vec(),
                "for a reason".into(),
            ));
        }
        self.0.push(message);
        Ok(if self.0.len() > self.1 + 1 {
            SaslStep::Done
        } else {
            SaslStep::Say(self.0.join("/").into_bytes())
        })
    }
}

#[tokio::test]
async fn name_and_password_are_one_message() {
    let net = FakeNet::default();
    let heard = doorman(&net, 1);
    cluster(&net, password()).any_connection().await.unwrap();
    assert_eq!(*heard.lock(), ["\0farshore\0s3cret"]);
    assert!(!format!("{:?}", password()).contains("s3cret"));
}

#[tokio::test]
async fn each_message_answers_the_one_before() {
    let net = FakeNet::default();
    let heard = doorman(&net, 3);
    let talker = cluster(&net, Talker("PLAIN", 3));
    talker.any_connection().await.unwrap();
    let last = heard.lock().last().cloned();
    assert_eq!(last.as_deref(), Some("a//question 1/question 2"));
}

/// A broker that answers each message with this one.
fn parrot(net: &FakeNet, says: &'static str, code: i16) -> Arc<Mutex<Vec<String>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listening = Arc::clone(&heard);
    net.broker("a:1", move |call| match call.key {
        ApiKey::SaslHandshake => agree(call),
        ApiKey::SaslAuthenticate => {
            let request: SaslAuthenticateRequest = call.request();
            let message = String::from_utf8(request.auth_bytes.to_vec()).unwrap();
            let last = message == "so be it";
            listening.lock().push(message);
            let answer = SaslAuthenticateResponse::default()
                .with_auth_bytes(says.as_bytes().into())
                .with_error_code(if last { code } else { 0 });
            call.answer::<SaslAuthenticateRequest>(&answer)
        }
        _ => Reply::HangUp,
    });
    heard
}

/// What a broker says last is judged, too: nothing else is sent to one that proves nothing.
#[tokio::test]
async fn a_broker_without_a_proof_gets_no_requests() {
    let net = FakeNet::default();
    let heard = parrot(&net, "unproved", 0);
    let error = cluster(&net, Talker("PLAIN", 1)).any_connection().await;
    let text = error.unwrap_err().chain();
    assert!(
        text.contains("a:1: a PLAIN login failed: no proof"),
        "{text}"
    );
    assert_eq!(heard.lock().len(), 1);
}

/// Whatever the broker says to the last message: it has refused.
#[tokio::test]
async fn a_reason_before_the_refusal_is_told() {
    for (code, name) in [
        (58, "SASL_AUTHENTICATION_FAILED (58)"),
        (0, "SASL_AUTHENTICATION_FAILED (58)"),
        (34, "ILLEGAL_SASL_STATE (34)"),
    ] {
        let net = FakeNet::default();
        let heard = parrot(&net, "refused", code);
        let error = cluster(&net, Talker("PLAIN", 1)).any_connection().await;
        let text = error.unwrap_err().chain();
        let expected = format!("cannot log in with PLAIN: {name}; for a reason");
        assert!(text.contains(&expected), "{text}");
        assert_eq!(heard.lock().last().map(String::as_str), Some("so be it"));
    }
}

#[tokio::test]
async fn a_talk_without_end_is_ended() {
    let net = FakeNet::default();
    let heard = doorman(&net, 0);
    let talker = cluster(&net, Talker("PLAIN", 1_000));
    let error = talker.any_connection().await.unwrap_err();
    assert!(error.chain().contains("didn't end after 10 messages"));
    assert_eq!(heard.lock().len(), 10);
}

#[tokio::test]
async fn a_refused_mechanism_says_which_ones_are_taken() {
    let net = FakeNet::default();
    doorman(&net, 1);
    let error = cluster(&net, Talker("GSSAPI", 1)).any_connection().await;
    let text = error.unwrap_err().chain();
    assert!(
        text.contains("log in with GSSAPI") && text.contains("enabled there: PLAIN"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_login_says_why() {
    let net = FakeNet::default();
    net.broker("a:1", |call| match call.key {
        ApiKey::SaslHandshake => agree(call),
        _ => call.answer::<SaslAuthenticateRequest>(
            &SaslAuthenticateResponse::default()
                .with_error_code(58)
                .with_error_message(Some(StrBytes::from_static_str("who are you? s3cret?"))),
        ),
    });
    let error = cluster(&net, password())
        .any_connection()
        .await
        .unwrap_err();
    assert!(matches!(error.kind(), Kind::Broker(code) if code.0 == 58));
    let text = error.chain();
    assert!(
        text.contains("who are you? \u{2022}\u{2022}\u{2022}?"),
        "{text}"
    );
    assert!(error.is_of_whole_cluster());
}

/// Connections that exist may go on for long after credentials were revoked.
#[tokio::test(start_paused = true)]
async fn how_the_last_login_ended_is_remembered_for_a_while() {
    let net = FakeNet::default();
    doorman(&net, 1);
    let good = cluster(&net, password());
    good.any_connection().await.unwrap();
    let failure = |cluster: &Cluster| {
        let login = cluster.settings().login.as_ref().unwrap();
        login.failure().map(|error| error.chain())
    };
    assert_eq!(failure(&good), None);
    let bad = cluster(&net, Talker("GSSAPI", 1));
    bad.any_connection().await.unwrap_err();
    let text = failure(&bad).unwrap();
    assert!(text.contains("cannot log in with GSSAPI"), "{text}");
    tokio::time::advance(FAILURE_COUNTS).await;
    assert_eq!(failure(&bad), None);
}

/// A mechanism whose credentials never come.
#[derive(Debug)]
struct Waiter;

impl Mechanism for Waiter {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn principal(&self) -> Option<&str> {
        None
    }

    fn credentials(&self) -> Result<Credentials, LoginError> {
        Ok(Credentials::Tokens)
    }

    fn begin<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_never_come_are_no_silence_of_the_broker() {
    let net = FakeNet::default();
    doorman(&net, 1);
    let error = cluster(&net, Waiter).any_connection().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    let text = error.chain();
    assert!(
        text.contains("can't be obtained within connect_timeout"),
        "{text}"
    );
}

/// KIP-368: a broker closes a connection that is still used after its session has ended.
#[tokio::test(start_paused = true)]
async fn another_connection_follows_before_the_session_ends() {
    let net = FakeNet::default();
    let heard = doorman(&net, 1);
    let cluster = cluster(&net, password());
    let first = cluster.any_connection().await.unwrap();
    tokio::time::advance(SESSION.mul_f32(0.7)).await;
    assert!(first.is_alive());
    tokio::time::advance(SESSION.mul_f32(0.15)).await;
    assert!(!first.is_alive());
    let second = cluster.any_connection().await.unwrap();
    assert_ne!(first.id(), second.id());
    assert_eq!(heard.lock().len(), 2);
}

#[test]
fn brokers_leave_out_host_and_realm() {
    let principal = |name: &str| Kerberos::new("kafka", Some(name.to_owned()));
    assert_eq!(
        principal("farshore/a.example@TEST").principal(),
        Some("farshore")
    );
    assert_eq!(principal("farshore@TEST").principal(), Some("farshore"));
    assert_eq!(Kerberos::new("kafka", None).principal(), None);
}

/// Tickets are issued for that name, not for the address dialed.
#[tokio::test]
async fn a_login_is_for_the_name_a_broker_gives_itself() {
    let net = FakeNet::default();
    let heard = doorman(&net, 1);
    let mapped = net.cluster_with(&["a:1"], |settings| {
        settings.login = Some(Login::new(Arc::new(Talker("PLAIN", 1))));
        let inside = "kafka-0.kafka.svc:9092".parse().unwrap();
        settings.address_map = [(inside, "a:1".parse().unwrap())].into();
    });
    mapped.any_connection().await.unwrap();
    let unmapped = cluster(&net, Talker("PLAIN", 1));
    unmapped.any_connection().await.unwrap();
    assert_eq!(*heard.lock(), ["kafka-0.kafka.svc/", "a/"]);
}
