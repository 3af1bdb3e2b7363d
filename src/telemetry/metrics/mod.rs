//! Prometheus metrics, sampled at each scrape.
//!
//! Every name begins with `farshore_`. Labels: `link`, `topic` (its source name), `partition`, `state`, `cluster`, `side`.

mod partitions;
mod process;
#[cfg(test)]
mod tests;
mod verified;

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use partitions::{GroupSample, LinkSample, PartitionSample, Samples, VerifiedSample};

use super::logging::LostLines;

/// The content type of [`Exposition::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The collectors of all metrics. Cheap to clone.
#[derive(Clone)]
pub struct Exposition(Arc<Registry>);

impl Exposition {
    /// Returns the exposition of `samples` and of the process's own metrics, its log's among them.
    pub fn new(samples: Arc<dyn Samples>, lost_lines: LostLines) -> Self {
        let mut registry = Registry::with_prefix("farshore");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What is running", version);
        registry.register_collector(Box::new(partitions::Collected(Arc::clone(&samples))));
        registry.register_collector(Box::new(verified::Collected(Arc::clone(&samples))));
        registry.register_collector(Box::new(Followers(Arc::clone(&samples))));
        registry.register_collector(Box::new(Certificates(samples)));
        registry.register_collector(Box::new(process::Process { lost_lines }));
        Self(Arc::new(registry))
    }

    /// Encodes the page for Prometheus, in the format [`CONTENT_TYPE`].
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        encode(&mut page, &self.0)?;
        Ok(page)
    }
}

/// Encodes how many partitions are fetched from followers.
#[derive(Debug)]
struct Followers(Arc<dyn Samples>);

impl Collector for Followers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "partitions_from_followers",
            "Mirror partitions whose records are fetched from a follower in farshore's rack",
            None,
            MetricType::Gauge,
        )?;
        for (link, count) in self.0.followed() {
            let labels = [("link", link.as_str())];
            metric.encode_family(&labels)?.encode_gauge(&count)?;
        }
        Ok(())
    }
}

/// Encodes when the certificates on connections to clusters end.
#[derive(Debug)]
struct Certificates(Arc<dyn Samples>);

impl Collector for Certificates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate of farshore, or the first one of a broker, ends",
            None,
            MetricType::Gauge,
        )?;
        for (cluster, side, ends_at) in self.0.certificates() {
            let labels = [("cluster", cluster.as_str()), ("side", side)];
            metric.encode_family(&labels)?.encode_gauge(&ends_at)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}
