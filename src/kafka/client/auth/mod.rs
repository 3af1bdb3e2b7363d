//! Authentication in Kafka's own protocol (KIP-43, KIP-152).
//!
//! Promises: only the version negotiation is sent before the broker has accepted the login; a refusal lists the
//! mechanisms the broker would accept.
//! Doesn't: encrypt what follows, or reauthenticate: a connection is retired shortly before its session ends (KIP-368),
//! and the next one logs in again.

mod exchange;
mod kerberos;
mod password;
#[cfg(feature = "gssapi")]
mod tickets;

use std::fmt;
use std::sync::Arc;

pub(crate) use exchange::authenticate;
pub use kerberos::Kerberos;
pub use password::Password;

/// The reason why a login cannot continue.
pub type LoginError = Box<dyn std::error::Error + Send + Sync>;

/// A SASL mechanism with its credentials.
pub trait Mechanism: Send + Sync + fmt::Debug {
    /// The name registered with IANA for the SASL mechanism.
    fn name(&self) -> &'static str;

    /// The principal under which brokers with Kafka's default name rules know this client; `None` if only the broker
    /// knows it.
    fn principal(&self) -> Option<&str>;

    /// The same login as librdkafka settings, without the name of the mechanism.
    fn librdkafka(&self) -> Vec<(&'static str, String)>;

    /// Begins a login to the broker that the cluster knows by the name `host`. May block.
    fn begin(&self, host: &str) -> Result<Box<dyn Exchange>, LoginError>;
}

/// A login in progress.
pub trait Exchange: Send {
    /// Returns the reply to the broker's `challenge`, which is empty at first. May block.
    fn answer(&mut self, challenge: &[u8]) -> Result<SaslMessage, LoginError>;
}

/// The client's message in a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaslMessage {
    /// A message to which the broker replies with another challenge.
    Goes(Vec<u8>),
    /// The last message: the broker accepts or refuses.
    Ends(Vec<u8>),
}

/// How to log in to the brokers of a cluster.
#[derive(Debug, Clone)]
pub struct Login {
    mechanism: Arc<dyn Mechanism>,
}

impl Login {
    /// Creates a login with `mechanism`.
    pub fn new(mechanism: Arc<dyn Mechanism>) -> Self {
        Self { mechanism }
    }

    /// The principal under which brokers know this client, if that can be determined here.
    pub fn principal(&self) -> Option<&str> {
        self.mechanism.principal()
    }

    /// The same login as librdkafka settings.
    pub fn librdkafka(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("security.protocol", "SASL_PLAINTEXT".to_owned()),
            ("sasl.mechanism", self.mechanism.name().to_owned()),
        ];
        settings.extend(self.mechanism.librdkafka());
        settings
    }
}

#[cfg(test)]
mod tests;
