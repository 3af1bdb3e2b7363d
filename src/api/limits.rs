//! The limits of the API: sizes, times, rates and connections.

use std::time::Duration;

use super::slots::ConnectionLimits;
use crate::config::ApiConfig;

/// Enough for consoles, scrapers and scripts; each connection costs a few KiB. Four clients can use up their shares, and a
/// proxy in front of all clients gets by with one share.
const PLACES: ConnectionLimits = ConnectionLimits {
    total: 256,
    per_client: 64,
    health: 32,
    health_per_client: 4,
};
/// A client that uses all of its connections at the default rate gets each answered within this time.
const PATIENCE: Duration = Duration::from_secs(2);
/// A well-behaved client sends its headers at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections older than this are closed between two requests, so that no client keeps one forever.
const CONNECTION_AGE: Duration = Duration::from_secs(300);
/// How much longer a move may take to be planned or begun than anything else to be answered: it looks at every group of a
/// link on both clusters.
const PATIENCE_WITH_MOVES: u32 = 12;
/// The ratio of the read rate to the rate of changes.
const READS_PER_CHANGE: u32 = 10;

/// The limits of the API.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The size limit of a request body, in bytes; a larger one is answered with 413.
    pub max_body: usize,
    /// Reads per second and client. `/metrics` and `/readyz`, with a scope and without, are counted separately, `/healthz` isn't
    /// counted.
    pub reads_per_second: u32,
    /// Changing requests per second and client.
    pub changes_per_second: u32,
    /// The timeout for a body to arrive (408), and for a handler to answer (503), which moves may
    /// exceed.
    pub timeout: Duration,
    /// The longest time that a request beyond the rate waits for its turn; then it is answered with 429.
    pub patience: Duration,
    /// The limits of concurrent connections.
    pub places: ConnectionLimits,
    /// The timeout for a request's headers, and for an idle connection.
    pub header_timeout: Duration,
    /// The age at which a connection takes no further request.
    pub connection_age: Duration,
}

impl Limits {
    /// The time within which a request to `path` has to be answered.
    pub(super) fn answer_within(&self, path: &str) -> Duration {
        match path {
            "/v1/plans" | "/v1/operations" => self.timeout.saturating_mul(PATIENCE_WITH_MOVES),
            _ => self.timeout,
        }
    }
}

impl From<&ApiConfig> for Limits {
    fn from(config: &ApiConfig) -> Self {
        Self {
            max_body: config.max_body,
            reads_per_second: config.requests_per_second,
            changes_per_second: config.requests_per_second.div_ceil(READS_PER_CHANGE),
            timeout: config.timeout,
            patience: PATIENCE,
            places: PLACES,
            header_timeout: HEADER_TIMEOUT,
            connection_age: CONNECTION_AGE,
        }
    }
}
