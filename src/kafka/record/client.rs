//! What both kinds of librdkafka clients have in common.

use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::error::{Error, Kind, Result};
use crate::kafka::client::ClusterSettings;

use super::security::Security;
use super::token_supply::TokenSupply;

/// In bytes; larger than any message that brokers are configured to accept.
pub(super) const MESSAGE_BYTES: usize = 256 << 20;

/// The settings for reaching a cluster, with the files and credentials as they are now, and the supply of tokens that the
/// client's context needs. May block.
pub(super) fn config(cluster: &ClusterSettings) -> Result<(ClientConfig, TokenSupply)> {
    let security = Security::read(cluster)?;
    let servers: Vec<String> = cluster.bootstrap.iter().map(ToString::to_string).collect();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", servers.join(","))
        .set("client.id", &cluster.client_id)
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000");
    for (name, value) in security.properties() {
        config.set(name, value);
    }
    let login = cluster.login.as_ref().filter(|_| security.takes_tokens());
    Ok((config, TokenSupply::new(login.cloned())))
}

/// Writes librdkafka's messages to the log, and supplies tokens.
#[derive(Debug)]
pub(super) struct ReadContext(pub(super) TokenSupply);

impl ClientContext for ReadContext {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _configured: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.0.token()
    }

    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        note(facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        note_error(&error, reason);
        self.0.heard(&error);
    }
}

impl ConsumerContext for ReadContext {}

pub(super) fn note(facility: &str, message: &str) {
    tracing::debug!(facility, message, "librdkafka");
}

/// Connection errors are transient; errors that prevent something are returned by the call they affect.
pub(super) fn note_error(error: &KafkaError, reason: &str) {
    tracing::debug!(%error, reason, "librdkafka");
}

/// An error that says what failed, with librdkafka's error as its cause.
pub(super) fn failed(kind: Kind, what: &str, cause: KafkaError) -> Error {
    Error::new(kind, what).caused_by(cause)
}

/// Runs blocking work on a thread where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    crate::task::blocking("the record path", work).await?
}

/// Drops a client where blocking is allowed: the drop waits for the client's threads.
pub(super) fn drop_aside<T: Send + 'static>(client: T) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn_blocking(move || drop(client));
    }
}
