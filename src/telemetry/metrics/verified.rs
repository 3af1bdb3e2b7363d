//! Metrics of verifications, sampled at each scrape.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::partitions::seconds;
use super::{Samples, VerifiedSample};

/// Encodes the samples.
#[derive(Debug)]
pub(super) struct Collected(pub(super) Arc<dyn Samples>);

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let samples = self.0.verified();
        let page = &mut encoder;
        gauges(
            page,
            (
                "partition_verified_offset",
                "Source offset up to which both sides were compared",
            ),
            &samples,
            |sample| sample.offset,
        )?;
        gauges(
            page,
            (
                "partition_verified_age_seconds",
                "Time since both sides were last compared",
            ),
            &samples,
            |sample| seconds(sample.age_ms),
        )?;
        gauges(
            page,
            (
                "partition_differences",
                "Places where the mirror differs from its source",
            ),
            &samples,
            |sample| i64::try_from(sample.differences).unwrap_or(i64::MAX),
        )?;
        let help = "Bytes this process read to verify, on both sides";
        let mut metric =
            encoder.encode_descriptor("verify_bytes", help, None, MetricType::Counter)?;
        for (link, bytes) in self.0.bytes_verified() {
            metric
                .encode_family(&[("link", link.as_str())])?
                .encode_counter::<NoLabelSet, u64, f64>(&bytes, None)?;
        }
        Ok(())
    }
}

fn gauges<V: EncodeGaugeValue>(
    page: &mut DescriptorEncoder<'_>,
    (name, help): (&str, &str),
    samples: &[VerifiedSample],
    value: impl Fn(&VerifiedSample) -> V,
) -> fmt::Result {
    let mut metric = page.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for sample in samples {
        let number = sample.partition.partition.to_string();
        let labels = [
            ("link", sample.link.as_str()),
            ("topic", sample.partition.topic.as_str()),
            ("partition", &number),
        ];
        metric
            .encode_family(&labels)?
            .encode_gauge(&value(sample))?;
    }
    Ok(())
}
