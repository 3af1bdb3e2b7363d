//! SASL login on a new connection, message by message.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
};
use kafka_protocol::protocol::StrBytes;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::Connection;
use crate::task::blocking;

use super::{Login, LoginError, SaslMessage};

/// The most messages in one login; no mechanism needs more.
const MESSAGES_MAX: usize = 10;
const UNSUPPORTED_SASL_MECHANISM: BrokerCode = BrokerCode(33);

/// Logs in. If the broker limits the session's lifetime, the connection is retired after 80 % of it.
///
/// Errors: `Broker` with the broker's reason if it refuses the login, `Invalid` if this side has no usable credentials.
/// Cancellation: the connection can't be used any more.
pub(crate) async fn authenticate(
    connection: &Connection,
    login: &Login,
    limit: Duration,
) -> Result<()> {
    agree(connection, login, limit).await?;
    let host = connection.peer().endpoint.advertised.host.clone();
    let mechanism = Arc::clone(&login.mechanism);
    let name = mechanism.name();
    let impossible = |cause| cannot_begin(connection, name, cause);
    let begun = blocking("login", move || mechanism.begin(&host)).await?;
    let mut exchange = begun.map_err(impossible)?;
    let mut challenge = Bytes::new();
    for _ in 0..MESSAGES_MAX {
        let answered = blocking("login", move || {
            let answer = exchange.answer(&challenge);
            (exchange, answer)
        });
        let (going_on, answer) = answered.await?;
        exchange = going_on;
        let (message, ends) = match answer.map_err(impossible)? {
            SaslMessage::Goes(message) => (message, false),
            SaslMessage::Ends(message) => (message, true),
        };
        let said = say(connection, message, name, limit).await?;
        if ends {
            if let Ok(lifetime @ 1..) = u64::try_from(said.session_lifetime_ms) {
                connection.retire_after(Duration::from_millis(lifetime).mul_f32(0.8));
            }
            return Ok(());
        }
        challenge = said.auth_bytes;
    }
    let text = format!("a {name} login didn't end after {MESSAGES_MAX} messages");
    Err(connection.error(Kind::Protocol, &text))
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
            Err(connection.refusal(&format!("log in with {name}"), code, Some(&detail)))
        }
        code => Err(connection.refusal(&format!("log in with {name}"), code, None)),
    }
}

async fn say(
    connection: &Connection,
    message: Vec<u8>,
    mechanism: &str,
    limit: Duration,
) -> Result<SaslAuthenticateResponse> {
    let request = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
    let answer = connection.call(request, limit).await?;
    match BrokerCode(answer.error_code) {
        BrokerCode(0) => Ok(answer),
        code => {
            let detail = answer.error_message.as_deref();
            Err(connection.refusal(&format!("log in with {mechanism}"), code, detail))
        }
    }
}

fn cannot_begin(connection: &Connection, mechanism: &str, cause: LoginError) -> Error {
    let text = format!("a {mechanism} login isn't possible from here: check the credentials");
    connection.error(Kind::Invalid, &text).caused_by(cause)
}
