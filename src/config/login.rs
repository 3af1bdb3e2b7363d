//! How farshore logs in at the brokers of a cluster.

use std::collections::BTreeMap;

use crate::files::SecretSource;
use crate::kafka::client::{ScramHash, TokenSource};

/// The login at a cluster's brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginConfig {
    /// With name and password: PLAIN, or SCRAM with a hash.
    Password {
        scram: Option<ScramHash>,
        username: String,
        password: SecretSource,
    },
    /// With a token (OAUTHBEARER).
    Token {
        source: TokenSource,
        /// What is sent with each token.
        extensions: BTreeMap<String, String>,
    },
    /// With a Kerberos ticket (GSSAPI).
    Kerberos {
        /// The first component of the brokers' principals.
        service: String,
        /// The client's principal; `None`: that of the default credentials.
        principal: Option<String>,
    },
}

impl LoginConfig {
    /// The name of the SASL mechanism.
    pub fn mechanism(&self) -> &'static str {
        match self {
            Self::Password { scram: None, .. } => "PLAIN",
            Self::Password {
                scram: Some(hash), ..
            } => hash.mechanism(),
            Self::Token { .. } => "OAUTHBEARER",
            Self::Kerberos { .. } => "GSSAPI",
        }
    }

    /// Whether librdkafka needs OpenSSL to log in like this, for the record path.
    pub fn needs_openssl(&self) -> bool {
        matches!(
            self,
            Self::Password { scram: Some(_), .. } | Self::Token { .. }
        )
    }

    /// Whether something is sent with each token.
    pub fn has_extensions(&self) -> bool {
        matches!(self, Self::Token { extensions, .. } if !extensions.is_empty())
    }
}
