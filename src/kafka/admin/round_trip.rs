//! Measuring the round-trip time to a cluster.

use std::time::Duration;

use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;

use crate::error::Result;
use crate::kafka::client::{Cluster, Connection};

/// Enough for one that meets no other traffic.
const TRIES: usize = 5;

/// Returns the shortest time from a small request to its response over several attempts.
///
/// Errors: those of [`Cluster::any_connection`]; the connection breaks.
pub async fn round_trip(cluster: &Cluster) -> Result<Duration> {
    let connection = cluster.any_connection().await?;
    let timeout = cluster.settings().request_timeout;
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        shortest = shortest.min(ping(&connection, timeout).await?);
    }
    Ok(shortest)
}

/// Returns the time from a small request to its response.
///
/// Errors: the connection breaks, or there is no response within `limit`.
pub async fn ping(connection: &Connection, limit: Duration) -> Result<Duration> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("farshore"))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    let asked_at = Instant::now();
    connection.call(request, limit).await?;
    Ok(asked_at.elapsed())
}
