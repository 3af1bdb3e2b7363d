//! Resource usage of the process, read from the kernel at each scrape. Without a readable `/proc` these metrics are absent.

use std::fmt;
use std::fs::read_to_string;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::telemetry::logging::LostLines;

/// The unit of times in `/proc/self/stat`: Linux reports 100 ticks per second to programs on every machine.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process {
    pub(super) lost_lines: LostLines,
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(seconds) = read_to_string("/proc/self/stat")
            .ok()
            .as_deref()
            .and_then(cpu_seconds)
        {
            let help = "Processor time used by the process";
            let metric = ConstCounter::new(seconds);
            metric.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?)?;
        }
        if let Some(bytes) = read_to_string("/proc/self/status")
            .ok()
            .as_deref()
            .and_then(resident_bytes)
        {
            let help = "Memory of the process that is in RAM";
            let metric = ConstGauge::new(bytes);
            metric.encode(encoder.encode_descriptor(
                "process_resident_memory_bytes",
                help,
                None,
                MetricType::Gauge,
            )?)?;
        }
        let lost = ConstCounter::new(self.lost_lines.count());
        let help = "Log lines that standard error didn't take";
        lost.encode(encoder.encode_descriptor(
            "log_lines_lost",
            help,
            None,
            MetricType::Counter,
        )?)?;
        #[cfg(feature = "count-allocations")]
        allocations(&mut encoder)?;
        Ok(())
    }
}

/// Encodes the allocator's statistics since the start; a reallocation counts as one more request.
#[cfg(feature = "count-allocations")]
fn allocations(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let counted = stats_alloc::INSTRUMENTED_SYSTEM.stats();
    let requests = counted.allocations + counted.reallocations;
    for (name, help, count) in [
        ("process_allocations", "Requests to the allocator", requests),
        (
            "process_allocated_bytes",
            "Bytes requested from the allocator",
            counted.bytes_allocated,
        ),
    ] {
        let metric = ConstCounter::new(count as u64);
        metric.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
}

/// User plus system time: fields 14 and 15, counted after the name in parentheses, which may contain any character.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests;
