//! Authentication in Kafka's own protocol (KIP-43, KIP-152).
//!
//! Promises: only the version negotiation is sent before the broker has accepted the login; a refusal lists the
//! mechanisms the broker would accept.
//! Doesn't: encrypt what follows, or reauthenticate: a connection is retired shortly before its session ends (KIP-368),
//! and the next one logs in again.

mod bearer;
mod exchange;
mod kerberos;
mod password;
mod scram;
#[cfg(feature = "gssapi")]
mod tickets;
mod token;
mod token_source;
mod token_url;
mod tokens;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use tokio::time::Instant;

pub use bearer::Bearer;
pub(crate) use exchange::authenticate;
pub use kerberos::Kerberos;
pub use password::Password;
pub use scram::{Scram, ScramHash};
pub(crate) use token::check_extensions;
pub use token_source::{CommandLine, TokenSource};
pub use token_url::{ClientCredentials, TokenUrl};

use crate::error::{Error, Kind, Result};
use crate::model::Secret;
use crate::task::blocking;

/// The reason why a login cannot continue.
#[derive(Debug)]
pub enum LoginError {
    /// This side has no usable credentials.
    Credentials(Cause),
    /// The broker's messages don't prove who it is, or make no sense.
    Broker(Cause),
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl LoginError {
    /// The credentials can't be obtained or used, because of `cause`.
    pub fn credentials(cause: impl Into<Cause>) -> Self {
        Self::Credentials(cause.into())
    }

    /// What the broker said can't be accepted, because of `cause`.
    pub fn broker(cause: impl Into<Cause>) -> Self {
        Self::Broker(cause.into())
    }

    /// What failed in a login with `mechanism`, and the cause.
    fn told(self, mechanism: &str) -> (String, Cause) {
        let article = if mechanism.starts_with('O') {
            "an"
        } else {
            "a"
        };
        match self {
            Self::Credentials(cause) => {
                let what = "login isn't possible from here: check the credentials";
                (format!("{article} {mechanism} {what}"), cause)
            }
            Self::Broker(cause) => (format!("{article} {mechanism} login failed"), cause),
        }
    }
}

/// A SASL mechanism with its credentials.
pub trait Mechanism: Send + Sync + fmt::Debug {
    /// The name registered with IANA for the SASL mechanism.
    fn name(&self) -> &'static str;

    /// The principal under which brokers with Kafka's default name rules know this client; `None` if only the broker
    /// knows it.
    fn principal(&self) -> Option<&str>;

    /// The credentials as they are now, for a client that carries out the login itself. May block.
    fn credentials(&self) -> Result<Credentials, LoginError>;

    /// A token for a client that presents it itself, if the credentials are [`Credentials::Tokens`].
    fn token(&self) -> BoxFuture<'_, Result<LoginToken, LoginError>> {
        let why = format!("{} has no tokens", self.name());
        Box::pin(ready(Err(LoginError::credentials(why))))
    }

    /// Notes that a broker has refused a token that another client presented.
    fn token_refused(&self, _token: &Secret) {}

    /// Begins a login, with the credentials as they are now, to the broker that the cluster knows by the name `host`.
    fn begin<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>>;
}

/// Credentials for a client that carries out the login itself, as librdkafka does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    NamePassword { username: String, password: Secret },
    /// A Kerberos ticket for brokers whose principals begin with `service`, which the system's library obtains.
    Ticket { service: String },
    /// Tokens, one after the other from [`Login::token`].
    Tokens,
}

/// A token for a client that presents it itself.
#[derive(Debug, Clone)]
pub struct LoginToken {
    pub text: Secret,
    /// For how long it can be used from now on.
    pub lifetime: Duration,
}

/// A login in progress.
pub trait Exchange: Send {
    /// Returns what follows the broker's `message`, which is empty at first and else the answer to the one before: it
    /// may have to prove who the broker is. Nothing else is sent until the exchange is [`SaslStep::Done`]. May block.
    fn step(&mut self, message: &[u8]) -> Result<SaslStep, LoginError>;

    /// Notes that the broker has refused the login.
    fn refused(&mut self) {}

    /// What the broker is told and nobody else may learn from its words.
    fn secret(&self) -> Option<&Secret> {
        None
    }
}

/// A step of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaslStep {
    /// The client's next message, which the broker answers.
    Say(Vec<u8>),
    /// The broker has accepted the login.
    Done,
    /// The broker has refused the login for the reason, which this last message acknowledges.
    Refused(Vec<u8>, String),
}

/// How to log in to the brokers of a cluster.
#[derive(Debug, Clone)]
pub struct Login {
    mechanism: Arc<dyn Mechanism>,
    /// When the last login failed, and why; shared by all connections of the cluster.
    failure: Arc<Mutex<Option<(Instant, Error)>>>,
}

/// How long a failure counts that no other login follows.
const FAILURE_COUNTS: Duration = Duration::from_secs(60);

impl Login {
    /// Creates a login with `mechanism`.
    pub fn new(mechanism: Arc<dyn Mechanism>) -> Self {
        Self {
            mechanism,
            failure: Arc::default(),
        }
    }

    /// Why the last login failed, if it did so recently: connections that exist may go on for long after credentials
    /// were revoked.
    pub fn failure(&self) -> Option<Error> {
        let failure = self.failure.lock();
        let (at, error) = failure.as_ref()?;
        (at.elapsed() < FAILURE_COUNTS).then(|| error.clone())
    }

    /// Records how a login ended, and returns its error as one of the whole cluster: no other broker would accept it.
    fn ended(&self, result: Result<()>) -> Result<()> {
        let mut failure = self.failure.lock();
        match result {
            Ok(()) => {
                *failure = None;
                Ok(())
            }
            Err(error) if matches!(error.kind(), Kind::Broker(_) | Kind::Invalid) => {
                let error = error.of_whole_cluster();
                *failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The principal under which brokers know this client, if that can be determined here.
    pub fn principal(&self) -> Option<&str> {
        self.mechanism.principal()
    }

    /// The name of the mechanism, and the credentials as they are now, for a client that carries out the login itself.
    /// May block.
    pub fn credentials(&self) -> Result<(&'static str, Credentials)> {
        let name = self.mechanism.name();
        let credentials = self.mechanism.credentials();
        Ok((name, credentials.map_err(|error| unusable(name, error))?))
    }

    /// A token for a client that presents it itself, if the credentials are [`Credentials::Tokens`].
    ///
    /// Errors: there is none. Cancellation: a request for it continues, for the login that asks next.
    pub async fn token(&self) -> Result<LoginToken> {
        let token = self.mechanism.token().await;
        token.map_err(|error| unusable(self.mechanism.name(), error))
    }

    /// Has a token replaced that a broker has refused: the next one comes from its source, at the earliest a few seconds
    /// after this one.
    pub fn token_refused(&self, token: &Secret) {
        self.mechanism.token_refused(token);
    }
}

fn unusable(mechanism: &str, error: LoginError) -> Error {
    let (what, cause) = error.told(mechanism);
    Error::new(Kind::Invalid, what).caused_by(cause)
}

/// Begins a login in a thread where it may block, and panic.
async fn in_thread<E: Exchange + 'static>(
    what: &'static str,
    begin: impl FnOnce() -> Result<E, LoginError> + Send + 'static,
) -> Result<Box<dyn Exchange>, LoginError> {
    let ended = blocking(what, begin).await;
    let exchange = ended.map_err(LoginError::credentials)??;
    Ok(Box::new(exchange))
}

#[cfg(test)]
mod tests;
