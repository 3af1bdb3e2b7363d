//! SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): client and broker prove to each other that they know the
//! password, or what is derived from it.
//!
//! Promises: a broker that doesn't prove it is refused; a proof is never computed with fewer iterations than Kafka
//! permits, from which the password could be guessed, and never with a number that would make it an attack.
//! Doesn't: prepare names and passwords by `SASLprep`, because brokers don't: both are used as UTF-8.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use ring::{digest, hmac, pbkdf2};

use crate::files::SecretSource;
use crate::model::Secret;

use super::{Credentials, Exchange, LoginError, Mechanism, SaslStep, in_thread};

/// The iterations that a broker may ask for: at least Kafka's least number, at most 16 times its greatest, which take
/// about a fifth of a second.
const ITERATIONS: RangeInclusive<u32> = 4_096..=262_144;
/// The random bytes of the client's nonce.
const NONCE: usize = 32;
/// The client's capabilities: no channel binding, no other identity to act for.
const GS2_HEADER: &str = "n,,";

/// The hash function of the mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScramHash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl ScramHash {
    /// The name of the mechanism with this hash.
    pub fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }

    fn derivation(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
            Self::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
        }
    }

    fn mac(self, key: &[u8], message: &[u8]) -> hmac::Tag {
        hmac::sign(&hmac::Key::new(self.hmac(), key), message)
    }
}

/// Login with a user name and a password that is not sent.
#[derive(Debug, Clone)]
pub struct Scram {
    hash: ScramHash,
    username: String,
    password: SecretSource,
    keys: Arc<KeyCache>,
}

impl Scram {
    /// Creates a login with this user name and password.
    pub fn new(hash: ScramHash, username: impl Into<String>, password: SecretSource) -> Self {
        Self {
            hash,
            username: username.into(),
            password,
            keys: Arc::default(),
        }
    }
}

impl Mechanism for Scram {
    fn name(&self) -> &'static str {
        self.hash.mechanism()
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
        let this = self.clone();
        Box::pin(in_thread("a password", move || {
            let password = this.password.read().map_err(LoginError::credentials)?;
            let mut random = [0; NONCE];
            getrandom::fill(&mut random).map_err(LoginError::credentials)?;
            Ok(Talk {
                hash: this.hash,
                password,
                keys: this.keys,
                bare: format!("n={},r={}", escaped(&this.username), BASE64.encode(random)),
                stage: Stage::First,
            })
        }))
    }
}

/// A name as a value of an attribute.
fn escaped(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The keys that were derived last: each login of a cluster needs the same.
#[derive(Default)]
struct KeyCache(Mutex<Option<(Origin, Keys)>>);

impl fmt::Debug for KeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCache")
    }
}

/// What keys are derived from.
#[derive(Clone, PartialEq, Eq)]
struct Origin {
    password: Secret,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

/// What is derived from a password.
#[derive(Clone)]
struct Keys {
    client: hmac::Tag,
    server: hmac::Tag,
}

impl KeyCache {
    fn keys(&self, hash: ScramHash, origin: Origin) -> Keys {
        if let Some((known, keys)) = &*self.0.lock()
            && *known == origin
        {
            return keys.clone();
        }
        let keys = derive(hash, &origin);
        *self.0.lock() = Some((origin, keys.clone()));
        keys
    }
}

fn derive(hash: ScramHash, origin: &Origin) -> Keys {
    let mut salted = vec![0; hash.digest().output_len()];
    let password = origin.password.reveal().as_bytes();
    let (algorithm, iterations) = (hash.derivation(), origin.iterations);
    pbkdf2::derive(algorithm, iterations, &origin.salt, password, &mut salted);
    Keys {
        client: hash.mac(&salted, b"Client Key"),
        server: hash.mac(&salted, b"Server Key"),
    }
}

/// A login in progress.
struct Talk {
    hash: ScramHash,
    password: Secret,
    keys: Arc<KeyCache>,
    /// The client's first message, without the header.
    bare: String,
    stage: Stage,
}

enum Stage {
    First,
    /// The broker has to send its nonce, the salt and the number of iterations.
    Challenge,
    /// The broker has to prove that it knows the password, with this signature.
    Proof(Vec<u8>),
    Proved,
}

impl Exchange for Talk {
    fn step(&mut self, message: &[u8]) -> Result<SaslStep, LoginError> {
        match &self.stage {
            Stage::First => {
                self.stage = Stage::Challenge;
                let first = format!("{GS2_HEADER}{}", self.bare);
                Ok(SaslStep::Say(first.into_bytes()))
            }
            Stage::Challenge => {
                let (last, signature) = self.prove(message).map_err(LoginError::broker)?;
                self.stage = Stage::Proof(signature);
                Ok(SaslStep::Say(last.into_bytes()))
            }
            Stage::Proof(signature) => {
                check(message, signature).map_err(LoginError::broker)?;
                self.stage = Stage::Proved;
                Ok(SaslStep::Done)
            }
            Stage::Proved => Ok(SaslStep::Done),
        }
    }
}

impl Talk {
    /// Answers the broker's challenge; returns the client's last message and the signature that has to follow.
    fn prove(&self, challenge: &[u8]) -> Result<(String, Vec<u8>), String> {
        let challenge = std::str::from_utf8(challenge).map_err(|_| not_a("challenge"))?;
        let asked = Challenge::read(challenge)?;
        let ours = self.bare.rsplit_once(",r=").map_or("", |(_, nonce)| nonce);
        if asked.nonce.len() <= ours.len() || !asked.nonce.starts_with(ours) {
            return Err("the broker's challenge is for another login".to_owned());
        }
        let header = BASE64.encode(GS2_HEADER);
        let last = format!("c={header},r={}", asked.nonce);
        let keys = self.keys.keys(
            self.hash,
            Origin {
                password: self.password.clone(),
                salt: asked.salt,
                iterations: asked.iterations,
            },
        );
        let signed = format!("{},{challenge},{last}", self.bare);
        let stored = digest::digest(self.hash.digest(), keys.client.as_ref());
        let ours = self.hash.mac(stored.as_ref(), signed.as_bytes());
        let theirs = self.hash.mac(keys.server.as_ref(), signed.as_bytes());
        let both = keys.client.as_ref().iter().zip(ours.as_ref());
        let proof: Vec<u8> = both.map(|(key, signature)| key ^ signature).collect();
        let last = format!("{last},p={}", BASE64.encode(proof));
        Ok((last, theirs.as_ref().to_vec()))
    }
}

/// The broker's challenge.
struct Challenge<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'a> Challenge<'a> {
    /// Extensions may follow; one that has to be understood would come first.
    fn read(text: &'a str) -> Result<Self, String> {
        let mut attributes = text.split(',');
        let mut next = |name: &str| {
            let value = attributes.next()?.strip_prefix(name)?.strip_prefix('=')?;
            Some(value)
        };
        let (nonce, salt, iterations) =
            (|| Some((next("r")?, next("s")?, next("i")?)))().ok_or_else(|| not_a("challenge"))?;
        let salt = BASE64.decode(salt).map_err(|_| not_a("challenge"))?;
        if salt.is_empty() {
            return Err("the broker sent no salt".to_owned());
        }
        let number: Option<u32> = iterations.parse().ok();
        let allowed = number.filter(|number| ITERATIONS.contains(number));
        let iterations = allowed.and_then(NonZeroU32::new).ok_or_else(|| {
            let (least, most) = ITERATIONS.into_inner();
            let found: String = iterations.chars().take(20).collect();
            format!(
                "the broker asks for {found:?} iterations; {least} to {most} are accepted: \
                 set the credentials again with a number in between"
            )
        })?;
        Ok(Self {
            nonce,
            salt,
            iterations,
        })
    }
}

/// Whether the broker's last message proves that it knows the password.
fn check(message: &[u8], expected: &[u8]) -> Result<(), String> {
    let unproved = || {
        "the broker could not prove that it knows the password: something else may be listening there \
         (check bootstrap_servers and address_map)"
            .to_owned()
    };
    let text = std::str::from_utf8(message).map_err(|_| unproved())?;
    let first = text.split(',').next().unwrap_or_default();
    let sent = first.strip_prefix("v=").ok_or_else(unproved)?;
    let sent = BASE64.decode(sent).map_err(|_| unproved())?;
    let equal: bool = subtle::ConstantTimeEq::ct_eq(&*sent, expected).into();
    equal.then_some(()).ok_or_else(unproved)
}

fn not_a(what: &str) -> String {
    format!("the broker's message is not a {what} of this mechanism")
}

#[cfg(test)]
mod tests;
