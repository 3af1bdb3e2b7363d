//! SASL login on a new connection, message by message.

use std::time::Duration;

use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use kafka_protocol::protocol::StrBytes;
use tokio::time::timeout;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::Connection;
use crate::task::blocking;

use super::{Exchange, Login, LoginError, SaslStep};

/// The most messages in one login; no mechanism needs more.
const MESSAGES_MAX: usize = 10;
/// The least time for which a connection is used.
const SESSION_MIN: Duration = Duration::from_secs(1);
const LATE: &str = "they can't be obtained within connect_timeout";
const UNSUPPORTED_SASL_MECHANISM: BrokerCode = BrokerCode(33);
const SASL_AUTHENTICATION_FAILED: BrokerCode = BrokerCode(58);

/// Logs in. If the broker limits the session's lifetime, the connection is retired after 80 % of it.
///
/// Errors: `Broker` with the broker's reason if it refuses the login, `Invalid` if this side has no usable credentials.
/// Cancellation: the connection can't be used any more.
pub(crate) async fn authenticate(
    connection: &Connection,
    login: &Login,
    limit: Duration,
) -> Result<()> {
    let result = converse(connection, login, limit).await;
    login.ended(result)
}

async fn converse(connection: &Connection, login: &Login, limit: Duration) -> Result<()> {
    agree(connection, login, limit).await?;
    let host = connection.peer().endpoint.advertised.host.clone();
    let name = login.mechanism.name();
    // A source of tokens that hangs is told apart from a broker that does.
    let begun = timeout(limit.mul_f32(0.8), login.mechanism.begin(&host)).await;
    let begun = begun.unwrap_or_else(|_| Err(LoginError::credentials(LATE)));
    let mut exchange = begun.map_err(|error| failed(connection, name, error))?;
    let mut answer = SaslAuthenticateResponse::default();
    for sent in 0..=MESSAGES_MAX {
        let message = std::mem::take(&mut answer.auth_bytes);
        let stepped = blocking("login", move || {
            let step = exchange.step(&message);
            (exchange, step)
        });
        let (going_on, step) = stepped.await?;
        exchange = going_on;
        let said = match step.map_err(|error| failed(connection, name, error))? {
            SaslStep::Done => {
                retire_in_time(connection, answer.session_lifetime_ms);
                return Ok(());
            }
            SaslStep::Say(_) if sent == MESSAGES_MAX => break,
            SaslStep::Say(message) => say(connection, message, limit).await?,
            SaslStep::Refused(last, reason) => {
                let said = say(connection, last, limit).await?;
                let code = match BrokerCode(said.error_code) {
                    BrokerCode(0) => SASL_AUTHENTICATION_FAILED,
                    code => code,
                };
                exchange.refused();
                let reason = concealed(&*exchange, &reason);
                return Err(refusal(connection, name, code, Some(&reason)));
            }
        };
        if said.error_code != 0 {
            exchange.refused();
            let detail = said.error_message.as_deref();
            let detail = detail.map(|detail| concealed(&*exchange, detail));
            let code = BrokerCode(said.error_code);
            return Err(refusal(connection, name, code, detail.as_deref()));
        }
        answer = said;
    }
    let text = format!("a {name} login didn't end after {MESSAGES_MAX} messages");
    Err(connection.error(Kind::Protocol, &text))
}

/// Has the next connection log in before the broker ends this session (KIP-368). A shorter session than a second isn't
/// left early: connections would be opened for nothing else.
fn retire_in_time(connection: &Connection, lifetime_ms: i64) {
    if let Ok(lifetime @ 1..) = u64::try_from(lifetime_ms) {
        let lifetime = Duration::from_millis(lifetime);
        connection.retire_after(lifetime.mul_f32(0.8).max(SESSION_MIN));
    }
}

/// Agrees on the mechanism with the broker.
async fn agree(connection: &Connection, login: &Login, limit: Duration) -> Result<()> {
    let name = login.mechanism.name();
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(name));
    let answer = connection.call(request, limit).await?;
    match BrokerCode(answer.error_code) {
        BrokerCode(0) => Ok(()),
        code @ UNSUPPORTED_SASL_MECHANISM => {
            let enabled: Vec<&str> = answer.mechanisms.iter().map(|it| &**it).collect();
            let detail = format!("enabled there: {}", enabled.join(", "));
            Err(refusal(connection, name, code, Some(&detail)))
        }
        code => Err(refusal(connection, name, code, None)),
    }
}

/// A broker's words without what it was told in confidence.
fn concealed(exchange: &dyn Exchange, words: &str) -> String {
    let secret = exchange.secret();
    secret.map_or_else(|| words.to_owned(), |secret| secret.conceal_in(words))
}

async fn say(
    connection: &Connection,
    message: Vec<u8>,
    limit: Duration,
) -> Result<SaslAuthenticateResponse> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
    connection.call(request, limit).await
}

fn refusal(connection: &Connection, name: &str, code: BrokerCode, detail: Option<&str>) -> Error {
    connection.refusal(&format!("log in with {name}"), code, detail)
}

fn failed(connection: &Connection, name: &str, error: LoginError) -> Error {
    let (what, cause) = error.told(name);
    connection.error(Kind::Invalid, &what).caused_by(cause)
}
