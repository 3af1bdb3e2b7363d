//! Metrics of links, partitions and groups, sampled at each scrape: nothing is registered per partition.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use crate::model::{LinkName, PartitionState};

use super::samples::{GroupSample, LinkSample, PartitionSample, Samples};

#[derive(Debug)]
pub(super) struct Collected(pub(super) Arc<dyn Samples>);

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (links, partitions) = self.0.links();
        Page(&mut encoder).links(&links)?;
        let samples: Vec<Labelled> = partitions.into_iter().map(Labelled::new).collect();
        Page(&mut encoder).partitions(&samples)?;
        Page(&mut encoder).states(&samples)?;
        Page(&mut encoder).followers(&links, &samples)?;
        Page(&mut encoder).groups(&self.0.groups())?;
        Page(&mut encoder).rates(self.0.rate_limited())?;
        Page(&mut encoder).checkpoint(self.0.checkpoint_failed())
    }
}

/// A sample with its partition number as text, for labels.
struct Labelled {
    sample: PartitionSample,
    partition: String,
}

impl Labelled {
    fn new(sample: PartitionSample) -> Self {
        Self {
            partition: sample.partition.partition.to_string(),
            sample,
        }
    }

    fn labels(&self) -> [(&str, &str); 3] {
        [
            ("link", self.sample.link.as_str()),
            ("topic", self.sample.partition.topic.as_str()),
            ("partition", &self.partition),
        ]
    }
}

struct Page<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl Page<'_, '_> {
    fn links(&mut self, samples: &[LinkSample]) -> fmt::Result {
        let help = "1 for the state the link is in";
        let mut metric = self.family("link_state", help, MetricType::Gauge)?;
        for sample in samples {
            let labels = [("link", sample.link.as_str()), ("state", sample.state)];
            metric.encode_family(&labels)?.encode_gauge(&1_i64)?;
        }
        let help = "Failures of the link, each followed by a restart";
        let mut metric = self.family("link_failures", help, MetricType::Counter)?;
        for sample in samples {
            metric
                .encode_family(&[("link", sample.link.as_str())])?
                .encode_counter::<NoLabelSet, u64, f64>(&sample.failures, None)?;
        }
        Ok(())
    }

    fn lags(&mut self, samples: &[Labelled]) -> fmt::Result {
        self.gauges(
            "partition_lag_records",
            "Acknowledged source records missing on the target",
            samples,
            |sample| sample.lag_records,
        )?;
        self.gauges(
            "partition_held_records",
            "Acknowledged source records missing on the target that are behind an open transaction",
            samples,
            |sample| sample.held_records,
        )?;
        self.gauges(
            "partition_lag_seconds",
            "For how long something has been missing on the target; -1 if that isn't known",
            samples,
            |sample| {
                let is_known = sample.lag_ms >= 0;
                seconds(if is_known { sample.lag_ms } else { -1_000 })
            },
        )?;
        self.times(
            "partition_last_heard_timestamp_seconds",
            "When the source's ends, and so the lag, were last heard",
            samples,
            |sample| sample.heard_ms,
        )?;
        self.times(
            "partition_held_since_timestamp_seconds",
            "When the open transaction was begun that holds records back",
            samples,
            |sample| sample.held_since_ms,
        )
    }

    fn partitions(&mut self, samples: &[Labelled]) -> fmt::Result {
        self.lags(samples)?;
        self.gauges(
            "partition_position",
            "Next source offset to mirror",
            samples,
            |sample| sample.position,
        )?;
        self.gauges(
            "partition_target_end",
            "End of the mirror partition",
            samples,
            |sample| sample.target_end,
        )?;
        self.gauges(
            "partition_expired_records",
            "Records the target removed while the source still has them",
            samples,
            |sample| sample.expired,
        )?;
        self.gauges(
            "partition_missed_deletions",
            "Whether deletions of keys may be missing on the target",
            samples,
            |sample| i64::from(sample.missed_deletions),
        )?;
        self.counters(
            "partition_records",
            "Records mirrored by this process",
            samples,
            |sample| sample.records,
        )?;
        self.counters(
            "partition_bytes",
            "Bytes mirrored by this process, as written",
            samples,
            |sample| sample.bytes,
        )?;
        self.counters(
            "partition_batches",
            "Batches written by this process",
            samples,
            |sample| sample.batches,
        )?;
        self.counters(
            "partition_resyncs",
            "How often this process determined the position again from the target's log",
            samples,
            |sample| sample.resyncs,
        )?;
        self.without_image(samples)
    }

    /// Encodes a time; partitions without one have no sample.
    fn times(
        &mut self,
        name: &str,
        help: &str,
        samples: &[Labelled],
        time: impl Fn(&PartitionSample) -> Option<i64>,
    ) -> fmt::Result {
        let mut metric = self.family(name, help, MetricType::Gauge)?;
        for labelled in samples {
            if let Some(millis) = time(&labelled.sample) {
                metric
                    .encode_family(&labelled.labels())?
                    .encode_gauge(&seconds(millis))?;
            }
        }
        Ok(())
    }

    /// Encodes one family, with a label for the kind.
    fn without_image(&mut self, samples: &[Labelled]) -> fmt::Result {
        let help = "Offsets without an image on the other side, by kind";
        let name = "partition_offsets_without_image";
        let mut metric = self.family(name, help, MetricType::Counter)?;
        for labelled in samples {
            let [link, topic, partition] = labelled.labels();
            let totals = labelled.sample.without_image;
            let kinds = [
                ("lost", totals.lost),
                ("skipped", totals.skipped),
                ("adopted", totals.adopted),
                ("target_only", totals.target_only),
            ];
            for (kind, total) in kinds {
                let labels = [link, topic, partition, ("kind", kind)];
                metric
                    .encode_family(&labels)?
                    .encode_counter::<NoLabelSet, u64, f64>(&total, None)?;
            }
        }
        Ok(())
    }

    /// Encodes the state of each partition, and the number of partitions per link and state.
    fn states(&mut self, samples: &[Labelled]) -> fmt::Result {
        let mut links: BTreeMap<&str, HashMap<PartitionState, i64>> = BTreeMap::new();
        let help = "1 for the state the partition is in";
        let mut metric = self.family("partition_state", help, MetricType::Gauge)?;
        for labelled in samples {
            let [link, topic, partition] = labelled.labels();
            let state = labelled.sample.state;
            let labels = [link, topic, partition, ("state", state.as_str())];
            metric.encode_family(&labels)?.encode_gauge(&1_i64)?;
            *links.entry(link.1).or_default().entry(state).or_default() += 1;
        }
        let help = "Mirror partitions by state";
        let mut metric = self.family("partitions", help, MetricType::Gauge)?;
        for (link, counts) in links {
            for state in PartitionState::ALL {
                let labels = [("link", link), ("state", state.as_str())];
                let count = counts.get(&state).copied().unwrap_or_default();
                metric.encode_family(&labels)?.encode_gauge(&count)?;
            }
        }
        Ok(())
    }

    /// Encodes how many partitions are fetched from followers.
    fn followers(&mut self, links: &[LinkSample], samples: &[Labelled]) -> fmt::Result {
        let mut counts: BTreeMap<&LinkName, i64> = links.iter().map(|it| (&it.link, 0)).collect();
        for Labelled { sample, .. } in samples {
            *counts.entry(&sample.link).or_default() += i64::from(sample.is_from_follower);
        }
        let help = "Mirror partitions whose records are fetched from a follower in farshore's rack";
        let mut metric = self.family("partitions_from_followers", help, MetricType::Gauge)?;
        for (link, count) in counts {
            let labels = [("link", link.as_str())];
            metric.encode_family(&labels)?.encode_gauge(&count)?;
        }
        Ok(())
    }

    fn groups(&mut self, samples: &[GroupSample]) -> fmt::Result {
        let help = "Pairs of consumer group and partition by state of group sync";
        let mut metric = self.family("group_partitions", help, MetricType::Gauge)?;
        for sample in samples {
            let labels = [("link", sample.link.as_str()), ("state", sample.state)];
            metric.encode_family(&labels)?.encode_gauge(&sample.count)?;
        }
        Ok(())
    }

    fn rates(&mut self, waited: Vec<(LinkName, u64)>) -> fmt::Result {
        let help = "How long max_bytes_per_second throttled partitions of the link";
        let name = "link_rate_limited_seconds";
        let mut metric = self.family(name, help, MetricType::Counter)?;
        for (link, millis) in waited {
            let waited = seconds(i64::try_from(millis).unwrap_or(i64::MAX));
            metric
                .encode_family(&[("link", link.as_str())])?
                .encode_counter::<NoLabelSet, f64, f64>(&waited, None)?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, has_failed: bool) -> fmt::Result {
        let help = "1 while the checkpoint DB can't be written, so that nothing is mirrored";
        let mut metric = self.family("checkpoint_failed", help, MetricType::Gauge)?;
        metric.encode_gauge(&i64::from(has_failed))
    }

    fn gauges<V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: &[Labelled],
        value: impl Fn(&PartitionSample) -> V,
    ) -> fmt::Result {
        let mut metric = self.family(name, help, MetricType::Gauge)?;
        for labelled in samples {
            let value = value(&labelled.sample);
            metric
                .encode_family(&labelled.labels())?
                .encode_gauge(&value)?;
        }
        Ok(())
    }

    fn counters<V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: &[Labelled],
        value: impl Fn(&PartitionSample) -> V,
    ) -> fmt::Result {
        let mut metric = self.family(name, help, MetricType::Counter)?;
        for labelled in samples {
            let value = value(&labelled.sample);
            metric
                .encode_family(&labelled.labels())?
                .encode_counter::<NoLabelSet, V, f64>(&value, None)?;
        }
        Ok(())
    }

    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a lag of 2^53 ms is no lag any more"
)]
pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
