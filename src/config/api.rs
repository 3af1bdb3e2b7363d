//! The section of the HTTP interface.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::defaults;
use super::problem::Problems;
use super::values::{Bytes, Filled, HostName, HttpUrl, KIB, MIB, Number, Word, read, read_each};

/// The service's HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    #[serde(deserialize_with = "read::<SocketAddr, _>")]
    pub listen: SocketAddr,
    /// The file with the token that requests have to carry; created at the first start.
    #[serde(deserialize_with = "read::<Filled<PathBuf>, _>")]
    pub token_file: PathBuf,
    /// What is answered without the token, in addition to health.
    #[serde(deserialize_with = "read_each::<Word<OpenPart>, _>")]
    pub open: Vec<OpenPart>,
    /// The names of this machine under which requests may address it, besides `localhost` and every IP address.
    #[serde(deserialize_with = "read_each::<HostName, _>")]
    pub hosts: Vec<String>,
    /// Whether it may listen beyond this machine although nothing in front of it encrypts.
    pub insecure: bool,
    /// The URL of this process that is advertised to others.
    #[serde(deserialize_with = "read::<HttpUrl, _>")]
    pub advertised_url: String,
    /// The size limit of a request body, in bytes.
    #[serde(deserialize_with = "read::<Bytes<usize, KIB, { 16 * MIB }>, _>")]
    pub max_body: usize,
    /// The limit of requests per second and client; excess requests wait, but not for long.
    #[serde(deserialize_with = "read::<Number<u32, 1, 100_000>, _>")]
    pub requests_per_second: u32,
    /// The timeout for answering a request.
    #[serde(deserialize_with = "read::<Duration, _>")]
    pub timeout: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: defaults::API_LISTEN,
            // Derived from the checkpoint DB's path in `resolve`.
            token_file: PathBuf::new(),
            open: Vec::new(),
            hosts: Vec::new(),
            insecure: false,
            // Derived from `listen` in `resolve`.
            advertised_url: String::new(),
            max_body: defaults::API_MAX_BODY,
            requests_per_second: defaults::API_REQUESTS_PER_SECOND,
            timeout: defaults::API_TIMEOUT,
        }
    }
}

/// A part of the HTTP interface that can be opened to requests without the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenPart {
    /// `/metrics`: names of clusters, links, topics and groups, and how much they hold.
    Metrics,
    /// `/readyz?scope=link`: names of links and clusters, and what keeps them from working.
    Readiness,
}

/// Derives what isn't given from other keys, and refuses to listen beyond this machine without encryption.
pub(super) fn resolve(mut api: ApiConfig, checkpoint: &Path, problems: &Problems<'_>) -> ApiConfig {
    if api.token_file.as_os_str().is_empty() {
        api.token_file = checkpoint.join(defaults::API_TOKEN_FILE);
    }
    // Given with https, it says that something in front of the interface encrypts.
    let is_encrypted = api.advertised_url.starts_with("https://");
    if !api.listen.ip().is_loopback()
        && !is_encrypted
        && !api.insecure
        && let Some(listen) = problems.place(&["api", "listen"])
    {
        problems.add(
            &listen,
            "beyond this machine, tokens could be read on the way: listen on 127.0.0.1 behind a proxy with TLS, give the proxy's URL as advertised_url = \"https://...\", or set insecure = true",
        );
    }
    if api.advertised_url.is_empty() {
        api.advertised_url = format!("http://{}", api.listen);
    }
    api
}
