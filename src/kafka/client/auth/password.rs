//! PLAIN (RFC 4616): user name and password in clear text.

use crate::model::Secret;

use super::{Exchange, LoginError, Mechanism, SaslMessage};

/// Login with a user name and a password; anybody who can read the connection can read both.
#[derive(Debug, Clone)]
pub struct Password {
    username: String,
    password: Secret,
}

impl Password {
    /// Creates a login with this user name and password.
    pub fn new(username: impl Into<String>, password: Secret) -> Self {
        Self {
            username: username.into(),
            password,
        }
    }
}

impl Mechanism for Password {
    fn name(&self) -> &'static str {
        "PLAIN"
    }

    fn principal(&self) -> Option<&str> {
        Some(&self.username)
    }

    fn librdkafka(&self) -> Vec<(&'static str, String)> {
        vec![
            ("sasl.username", self.username.clone()),
            ("sasl.password", self.password.reveal().to_owned()),
        ]
    }

    fn begin(&self, _host: &str) -> Result<Box<dyn Exchange>, LoginError> {
        let message = format!("\0{}\0{}", self.username, self.password.reveal());
        Ok(Box::new(Message(message.into_bytes())))
    }
}

struct Message(Vec<u8>);

impl Exchange for Message {
    fn answer(&mut self, _challenge: &[u8]) -> Result<SaslMessage, LoginError> {
        Ok(SaslMessage::Ends(std::mem::take(&mut self.0)))
    }
}
