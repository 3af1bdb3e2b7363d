//! The options of the benchmark.

use clap::{Parser, ValueEnum};

use crate::Contestant;
use crate::case::{CASES, Case};

/// Measures farshore and `MirrorMaker 2` on the same brokers and data.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// How often both mirror the same data, one after the other
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) pairs: u32,
    /// Only this case; may be repeated
    #[arg(long, value_name = "NAME", value_parser = CASES.map(|case| case.name))]
    case: Vec<String>,
    /// Only one of the two
    #[arg(long, value_enum)]
    only: Option<Contestant>,
    /// The mirrors connect to both clusters with TLS
    #[arg(long, conflicts_with_all = ["topics", "growth"])]
    pub(crate) tls: bool,
    /// Measure instead how long a record takes, at this many records per second
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) latency: Option<u32>,
    /// Measure instead the load of mirroring on the allocator, with a farshore that counts it
    #[arg(long)]
    pub(crate) allocations: bool,
    /// Measure instead how soon a link of this many topics mirrors, beside a bare loop that creates as many
    #[arg(long, value_name = "NUMBER")]
    pub(crate) topics: Option<usize>,
    /// Measure instead the cost of idling, by the number of partitions and links
    #[arg(long)]
    pub(crate) growth: bool,
    /// With --growth: up to this many partitions
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    pub(crate) most: i32,
    /// With --growth: how many seconds it idles
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) idle: u64,
    /// With --growth: the total size of all partitions; 0: one record each
    #[arg(long, value_name = "MIB", default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..=2000))]
    pub(crate) history: i32,
    /// With --growth: from this many partitions on
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) least: i32,
}

impl Arguments {
    /// The cases to measure.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Case> {
        let wanted =
            |case: &Case| self.case.is_empty() || self.case.iter().any(|name| name == case.name);
        CASES.into_iter().filter(wanted)
    }

    /// The contestants of a pair in running order; they take turns in running first.
    pub(crate) fn contestants(&self, pair: u32) -> Vec<Contestant> {
        let mut contestants = Contestant::value_variants().to_vec();
        contestants.retain(|one| self.only.is_none_or(|only| only == *one));
        if pair % 2 == 1 {
            contestants.reverse();
        }
        contestants
    }
}
