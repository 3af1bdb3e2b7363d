//! Prometheus metrics, sampled at each scrape.
//!
//! Every name begins with `farshore_`. Labels: `link`, `topic` (its source name), `partition`, `state`, `cluster`, `side`.

mod partitions;
mod process;
mod samples;
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

pub use samples::{
    ClusterSample, GroupSample, LinkSample, PartitionSample, Samples, VerifiedSample,
};

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
        registry.register_collector(Box::new(Clusters(samples)));
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

/// Encodes which brokers of clusters can't be reached, and when the certificates on connections to them end.
#[derive(Debug)]
struct Clusters(Arc<dyn Samples>);

impl Collector for Clusters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate of farshore, or the first one of a broker, ends",
            None,
            MetricType::Gauge,
        )?;
        let samples = self.0.clusters();
        for sample in &samples {
            for (side, ends_at) in &sample.certificates {
                let labels = [("cluster", sample.cluster.as_str()), ("side", side)];
                metric.encode_family(&labels)?.encode_gauge(ends_at)?;
            }
        }
        let mut metric = encoder.encode_descriptor(
            "cluster_unreachable_brokers",
            "Brokers that can't be reached although their cluster answers",
            None,
            MetricType::Gauge,
        )?;
        for sample in &samples {
            let labels = [("cluster", sample.cluster.as_str())];
            let brokers = sample.unreachable_brokers;
            metric.encode_family(&labels)?.encode_gauge(&brokers)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}
