//! OAUTHBEARER (RFC 7628, KIP-255): a token instead of a password.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Deserialize;

use crate::model::Secret;

use super::token::Token;
use super::token_source::TokenSource;
use super::tokens::Tokens;
use super::{Credentials, Exchange, LoginError, LoginToken, Mechanism, SaslStep};

/// Separates the parts of a message; alone, it acknowledges a failure.
const SEPARATOR: u8 = 1;
/// The length limit of a broker's words in an error, in characters.
const WORDS: usize = 200;

/// Login with a token; anybody who can read the connection can use it until it ends.
#[derive(Debug)]
pub struct Bearer {
    tokens: Arc<Tokens>,
    extensions: BTreeMap<String, String>,
}

impl Bearer {
    /// Creates a login with tokens from a source; `extensions` are sent with each, and `owner` is whose they are, as in
    /// "the token of ...".
    pub fn new(owner: &str, source: TokenSource, extensions: BTreeMap<String, String>) -> Self {
        let rereads = source.is_file();
        let tokens = Tokens::new(owner, rereads, move || Box::pin(source.clone().fetch()));
        Self {
            tokens: Arc::new(tokens),
            extensions,
        }
    }
}

impl Mechanism for Bearer {
    fn name(&self) -> &'static str {
        "OAUTHBEARER"
    }

    fn principal(&self) -> Option<&str> {
        None
    }

    fn credentials(&self) -> Result<Credentials, LoginError> {
        Ok(Credentials::Tokens)
    }

    fn token(&self) -> BoxFuture<'_, Result<LoginToken, LoginError>> {
        Box::pin(async move {
            let token = self.tokens.token().await;
            let token = token.map_err(LoginError::credentials)?;
            // Those of the configuration are refused there; a command may print others.
            if !self.extensions.is_empty() || !token.extensions().is_empty() {
                let why = "the record path can't send the token's extensions: use path = \"raw\"";
                return Err(LoginError::credentials(why));
            }
            Ok(LoginToken {
                text: token.text().clone(),
                lifetime: self.tokens.lifetime(&token),
            })
        })
    }

    fn token_refused(&self, token: &Secret) {
        self.tokens.refused(token);
    }

    fn begin<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        Box::pin(async move {
            let token = self.tokens.token().await;
            let token = token.map_err(LoginError::credentials)?;
            let mut extensions = self.extensions.clone();
            extensions.extend(token.extensions().clone());
            Ok(Box::new(Presented {
                message: Some(first(&token, &extensions)),
                token,
                tokens: Arc::clone(&self.tokens),
            }) as Box<dyn Exchange>)
        })
    }
}

/// The client's message with the token: no channel binding, no other identity to act for.
fn first(token: &Token, extensions: &BTreeMap<String, String>) -> Vec<u8> {
    let mut message = format!("n,,\u{1}auth=Bearer {}\u{1}", token.text().reveal());
    for (name, value) in extensions {
        message.extend([name, "=", value, "\u{1}"]);
    }
    message.push(SEPARATOR.into());
    message.into_bytes()
}

/// A token that is presented.
struct Presented {
    /// The message, until it is sent.
    message: Option<Vec<u8>>,
    token: Token,
    tokens: Arc<Tokens>,
}

impl Exchange for Presented {
    fn step(&mut self, message: &[u8]) -> Result<SaslStep, LoginError> {
        Ok(match self.message.take() {
            Some(first) => SaslStep::Say(first),
            None if message.is_empty() => SaslStep::Done,
            None => SaslStep::Refused(vec![SEPARATOR], reason(message)),
        })
    }

    fn refused(&mut self) {
        self.tokens.refused(self.token.text());
    }

    fn secret(&self) -> Option<&Secret> {
        Some(self.token.text())
    }
}

/// The failure that a broker reports.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    status: Option<String>,
    scope: Option<String>,
}

fn reason(message: &[u8]) -> String {
    let failure: Failure = serde_json::from_slice(message).unwrap_or_default();
    let short = |text: String| text.chars().take(WORDS).collect::<String>();
    let mut text = "the broker refuses the token".to_owned();
    let mut add = |before: &str, words: Option<String>| {
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            let _cannot_fail = write!(text, "{before}{}", short(words));
        }
    };
    add(": ", failure.status);
    add("; it requires the scope ", failure.scope);
    text.push_str(
        "; its signature, issuer, audience and times have to be those that the broker expects",
    );
    text
}

#[cfg(test)]
mod tests;
