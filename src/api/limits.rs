//! What the API allows: sizes, times, numbers.

use std::time::Duration;

use crate::config::ApiConfig;

/// Enough for consoles, scrapers and scripts; each costs a few KiB.
const CONNECTIONS: usize = 256;
/// Any client that means well sends its headers at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// After this a connection is closed between two requests, so that nobody keeps one for ever.
const CONNECTION_AGE: Duration = Duration::from_secs(300);
/// One request in so many may change something.
const READS_PER_CHANGE: u32 = 10;

/// The limits of the API.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest body that is read, in bytes; larger ones get 413.
    pub max_body: usize,
    /// Questions a client may ask per second; more get 429. `/readyz` and `/metrics` are counted apart, `/healthz` not at all.
    pub reads_per_second: u32,
    /// Requests that may change something a client may send per second; more get 429.
    pub changes_per_second: u32,
    /// How long a body may take to arrive (408), and how long an answer (503).
    pub timeout: Duration,
    /// Connections at a time; further ones wait until one of these ends.
    pub connections: usize,
    /// How long the head of a request may take, and how long a connection may be silent.
    pub header_timeout: Duration,
    /// How long a connection may be used for new requests.
    pub connection_age: Duration,
}

impl From<&ApiConfig> for Limits {
    fn from(config: &ApiConfig) -> Self {
        Self {
            max_body: config.max_body,
            reads_per_second: config.requests_per_second,
            changes_per_second: config.requests_per_second.div_ceil(READS_PER_CHANGE),
            timeout: config.timeout,
            connections: CONNECTIONS,
            header_timeout: HEADER_TIMEOUT,
            connection_age: CONNECTION_AGE,
        }
    }
}
