//! Prometheus metrics: counters that are counted, and figures that are taken at each scrape.
//!
//! Every name begins with `farshore_`. Labels: `link`, `topic` (its source name), `partition`, `state`, and what a
//! counter names besides.

mod labels;
mod partitions;
mod process;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use labels::{BatchLabels, LinkLabels, OperationLabels, RetryLabels};
pub use partitions::{GroupSample, PartitionSample, Samples};

/// The content type of [`Exposition::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The counters of the process. Cheap to clone; clones count together.
///
/// Counting is lock-free on the [`Counter`] that a family gives for its labels: keep that one where batches pass.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Batches written to the target, by the path they took and why.
    pub batches: Family<BatchLabels, Counter>,
    /// Requests tried again, by the cause.
    pub retries: Family<RetryLabels, Counter>,
    /// Positions worked out anew from what the target holds.
    pub resyncs: Family<LinkLabels, Counter>,
    /// Moves that have ended, by kind and outcome.
    pub operations: Family<OperationLabels, Counter>,
}

/// The metrics with everything that is asked at each scrape. Cheap to clone.
#[derive(Clone)]
pub struct Exposition(Arc<Registry>);

impl Metrics {
    /// Joins the counters with the figures that `samples` gives at each scrape.
    pub fn exposition(&self, samples: Arc<dyn Samples>) -> Exposition {
        let mut registry = Registry::with_prefix("farshore");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What is running", version);
        registry.register(
            "batches",
            "Batches written to the target, by the path they took and why",
            self.batches.clone(),
        );
        registry.register(
            "retries",
            "Requests tried again, by the cause",
            self.retries.clone(),
        );
        registry.register(
            "resyncs",
            "Positions worked out anew from what the target holds",
            self.resyncs.clone(),
        );
        registry.register(
            "operations",
            "Moves that have ended, by kind and outcome",
            self.operations.clone(),
        );
        registry.register_collector(Box::new(partitions::Collected(samples)));
        registry.register_collector(Box::new(process::Process));
        Exposition(Arc::new(registry))
    }
}

impl Exposition {
    /// The page that Prometheus reads, of the type [`CONTENT_TYPE`].
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        encode(&mut page, &self.0)?;
        Ok(page)
    }
}

impl fmt::Debug for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exposition").finish_non_exhaustive()
    }
}
