//! A token as it came from its source.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;

use crate::model::Secret;

/// The length limit of a token, in bytes; brokers accept messages of at most 512 KiB by default.
pub(super) const TOKEN_MAX: usize = 64 << 10;

/// A token with what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    text: Secret,
    extensions: BTreeMap<String, String>,
    lifetime: Option<Duration>,
}

impl Token {
    /// Returns a token; without a `lifetime`, it is read from the token if that is a JWT.
    ///
    /// Errors: it has characters that no token has, or it has ended.
    pub(super) fn new(
        text: &str,
        lifetime: Option<Duration>,
        extensions: BTreeMap<String, String>,
    ) -> Result<Self, String> {
        // RFC 6750, section 2.1.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if text.is_empty() || text.len() > TOKEN_MAX || !text.bytes().all(allowed) {
            return Err(format!(
                "what it gives is no token: that has 1 to {TOKEN_MAX} letters, digits or characters of \"-._~+/=\""
            ));
        }
        let lifetime = lifetime.or_else(|| until(seconds_of_jwt(text)? * 1_000.0));
        if lifetime.is_some_and(|lifetime| lifetime.is_zero()) {
            let why = "the token that it gives has ended by the clock of this machine";
            return Err(why.to_owned());
        }
        check_extensions(&extensions)?;
        Ok(Self {
            text: Secret::new(text),
            extensions,
            lifetime,
        })
    }

    /// The token itself.
    pub(super) fn text(&self) -> &Secret {
        &self.text
    }

    pub(super) fn extensions(&self) -> &BTreeMap<String, String> {
        &self.extensions
    }

    /// The time for which it could be used when it came; `None` if that is unknown.
    pub(super) fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

/// The time from now until a time in milliseconds since 1970; zero if that has passed, `None` if it is no time.
pub(super) fn until(time_ms: f64) -> Option<Duration> {
    let end = Duration::try_from_secs_f64(time_ms / 1_000.0).ok()?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(end.saturating_sub(now))
}

/// The end of a JWT in seconds since 1970. Whether it is genuine is for the broker to judge.
fn seconds_of_jwt(text: &str) -> Option<f64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let claims = text.split('.').nth(1)?;
    let claims = BASE64.decode(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Some(claims.exp)
}

/// Checks extensions by the rules of RFC 7628, section 3.1: they are sent between the token and the end of the message.
pub(crate) fn check_extensions(extensions: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in extensions {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_name || name == "auth" {
            return Err(format!(
                "an extension has a name of letters that isn't \"auth\", found {name:?}"
            ));
        }
        let is_value = value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        if !is_value {
            return Err(format!(
                "the value of the extension {name} has to be printable ASCII"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
