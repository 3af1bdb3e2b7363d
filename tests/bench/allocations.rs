//! The load of mirroring on the allocator, by batch and by record: records must cost nothing.
//!
//! Counted by a farshore built with `count-allocations`, between two readings of its metrics while one case's records are
//! mirrored.

use std::fmt::Write;
use std::time::Duration;

use crate::case::{Case, Field, PARTITIONS};
use crate::ends::{Ends, LIMIT};
use crate::machine;
use crate::program;
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;

const MIRRORED: Duration = Duration::from_secs(600);

/// Sums of a process's metrics.
#[derive(Debug, Clone, Copy)]
struct Count {
    requests: f64,
    bytes_asked: f64,
    batches: f64,
    records: f64,
    bytes: f64,
}

/// Mirrors each case once and returns the table.
pub(crate) async fn measure(cases: impl Iterator<Item = Case>, tls: bool) -> String {
    let mut text = "| data | records per batch | requests per batch | requests per record | bytes asked for per byte mirrored |\n|---|--:|--:|--:|--:|\n".to_owned();
    let field = Field::start(tls).await;
    for case in cases {
        field.load(&case).await;
        let Count {
            requests,
            bytes_asked,
            batches,
            records,
            bytes,
        } = mirror(&field, &case).await;
        let _ = writeln!(
            text,
            "| {case} | {:.1} | {:.1} | {:.2} | {:.2} |",
            records / batches,
            requests / batches,
            requests / records,
            bytes_asked / bytes
        );
        field.clear().await;
    }
    let _ = writeln!(
        text,
        "\n{PARTITIONS} partitions, everything from the first mirrored batch to the last.\n{}",
        machine::conditions()
    );
    text
}

async fn mirror(field: &Field, case: &Case) -> Count {
    let config = field.farshore(&format!("topics = [\"{}\"]\ngroups = []", case.name));
    let ends = Ends::new(&field.target.bootstrap(), case.name, PARTITIONS);
    let mut farshore = Farshore::new(program::farshore(), &config);
    farshore.start().await;
    let first = eventually(LIMIT, "the first batch", async || {
        let count = look(&farshore).await?;
        let begun = count.batches > 0.0;
        begun.then_some(count).ok_or_else(|| "none yet".to_owned())
    })
    .await;
    eventually(MIRRORED, "the last record", async || {
        let there: i64 = ends.read().await?.iter().sum();
        let all = there == case.records;
        all.then_some(()).ok_or_else(|| format!("{there} records"))
    })
    .await;
    let last = look(&farshore).await.expect("the metrics");
    farshore.sigterm().await;
    Count {
        requests: last.requests - first.requests,
        bytes_asked: last.bytes_asked - first.bytes_asked,
        batches: last.batches - first.batches,
        records: last.records - first.records,
        bytes: last.bytes - first.bytes,
    }
}

async fn look(farshore: &Farshore) -> Result<Count, String> {
    let page = farshore.metrics().await?;
    let sum = |name: &str| -> f64 {
        let lines = page.lines().filter_map(|line| line.strip_prefix(name));
        let values = lines.filter(|rest| rest.starts_with([' ', '{']));
        values
            .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let requests = sum("farshore_process_allocations_total");
    assert!(
        requests > 0.0,
        "this farshore doesn't count: build it with --features count-allocations"
    );
    Ok(Count {
        requests,
        bytes_asked: sum("farshore_process_allocated_bytes_total"),
        batches: sum("farshore_partition_batches_total"),
        records: sum("farshore_partition_records_total"),
        bytes: sum("farshore_partition_bytes_total"),
    })
}
