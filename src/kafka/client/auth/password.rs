//! PLAIN (RFC 4616): user name and password in clear text.

use futures_util::future::BoxFuture;

use crate::files::SecretSource;
use crate::model::Secret;

use super::{Credentials, Exchange, LoginError, Mechanism, SaslStep, in_thread};

/// Login with a user name and a password; anybody who can read the connection can read both.
#[derive(Debug, Clone)]
pub struct Password {
    username: String,
    password: SecretSource,
}

impl Password {
    /// Creates a login with this user name and password.
    pub fn new(username: impl Into<String>, password: SecretSource) -> Self {
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

    fn credentials(&self) -> Result<Credentials, LoginError> {
        Ok(Credentials::NamePassword {
            username: self.username.clone(),
            password: self.password.read().map_err(LoginError::credentials)?,
        })
    }

    fn begin<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        let Self { username, password } = self.clone();
        Box::pin(in_thread("a password", move || {
            let password = password.read().map_err(LoginError::credentials)?;
            let message = format!("\0{username}\0{}", password.reveal());
            Ok(Message {
                text: Some(message.into_bytes()),
                password,
            })
        }))
    }
}

/// The only message.
struct Message {
    /// The message, until it is sent.
    text: Option<Vec<u8>>,
    password: Secret,
}

impl Exchange for Message {
    fn step(&mut self, _message: &[u8]) -> Result<SaslStep, LoginError> {
        Ok(self.text.take().map_or(SaslStep::Done, SaslStep::Say))
    }

    fn secret(&self) -> Option<&Secret> {
        Some(&self.password)
    }
}
