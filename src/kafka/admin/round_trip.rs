//! Measuring the round-trip time to a cluster.

use std::time::Duration;

use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::protocol::StrBytes;
use tokio::time::Instant;

use crate::error::Result;
use crate::kafka::client::Cluster;

/// Enough for one that meets no other traffic.
const TRIES: usize = 5;

/// Returns the shortest time from a small request to its response over several attempts.
///
/// Errors: those of [`Cluster::any_connection`]; the connection breaks.
pub async fn round_trip(cluster: &Cluster) -> Result<Duration> {
    let connection = cluster.any_connection().await?;
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("farshore"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let asked_at = Instant::now();
        let timeout = cluster.settings().request_timeout;
        connection.call(request, timeout).await?;
        shortest = shortest.min(asked_at.elapsed());
    }
    Ok(shortest)
}
