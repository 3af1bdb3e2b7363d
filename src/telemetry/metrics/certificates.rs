//! Metrics of certificates, sampled at each scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

use crate::model::ClusterName;

use super::Samples;

/// When a certificate ends that protects connections to a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateSample {
    pub cluster: ClusterName,
    /// `client`: farshore's own; `server`: that of the broker whose certificate ends first.
    pub side: &'static str,
    /// In seconds since 1970.
    pub ends_at: i64,
}

/// Encodes the samples.
#[derive(Debug)]
pub(super) struct Collected(pub(super) Arc<dyn Samples>);

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut metric = encoder.encode_descriptor(
            "tls_certificate_expiry_timestamp_seconds",
            "When the certificate of farshore, or the first one of a broker, ends",
            None,
            MetricType::Gauge,
        )?;
        for sample in self.0.certificates() {
            let labels = [("cluster", sample.cluster.as_str()), ("side", sample.side)];
            metric
                .encode_family(&labels)?
                .encode_gauge(&sample.ends_at)?;
        }
        Ok(())
    }
}
