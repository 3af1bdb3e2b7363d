//! A target that accepts nothing while the source is written at full rate (F10): memory stays within its limits.

use std::time::{Duration, Instant};

use super::{Distant, silence::THERE};
use crate::hazards::{numbered, spec};
use crate::support::line::Weather;
use crate::support::topics;
use crate::support::write::Writer;

/// The maximum resident memory of farshore, in MiB.
const MOST: usize = 150;
/// The number of records in a round, of 1 KiB each.
const ROUND: usize = 8 * 1024;

/// How long the target is stalled; `FARSHORE_STALL_SECONDS` makes it longer.
fn stall() -> Duration {
    let given = std::env::var("FARSHORE_STALL_SECONDS").ok();
    let given = given.map(|text| text.parse().expect("a number of seconds"));
    Duration::from_secs(given.unwrap_or(5))
}

/// The retention of a source partition: more than any limit of farshore's, but less than ten minutes' worth.
const KEPT: [(&str, &str); 4] = [
    ("retention.bytes", "134217728"),
    ("segment.bytes", "16777216"),
    ("retention.ms", "-1"),
    ("file.delete.delay.ms", "1000"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_stands_still_holds_no_more_than_the_limits_of_three_links() {
    const TOPICS: [&str; 3] = ["one", "two", "three"];
    let further = |name| {
        let ends = "source = \"paris\"\ntarget = \"oslo\"\non_gap = \"follow\"";
        format!("[links.{name}]\n{ends}\ntopics = [{name:?}]\n")
    };
    let link = format!(
        "topics = [\"one\"]\non_gap = \"follow\"\n{}{}",
        further("two"),
        further("three")
    );
    // Ten minutes' worth doesn't fit on a disk.
    let forgetful = spec().property("log.retention.check.interval.ms", "5000");
    let mut distant = Distant::from(forgetful, 1, &link).await;
    for topic in TOPICS {
        topics::create(&distant.setting.paris.bootstrap(), topic, 4, 1, &KEPT).await;
    }
    distant.setting.farshore.start().await;
    distant.setting.write("one", 0, 0..1_000).await;
    distant.setting.mirrored("one", 4).await;
    distant.to_oslo[0].set(THERE);
    let writers = TOPICS.map(|topic| Writer::new(&distant.setting.paris.bootstrap(), topic, &[]));
    let (begun, mut written) = (Instant::now(), 0);
    while begun.elapsed() < stall() {
        for (round, writer) in writers.iter().enumerate() {
            let partition = i32::try_from((written / ROUND + round) % 4).expect("a partition");
            writer
                .write(numbered(partition, written..written + ROUND, 1024))
                .await;
        }
        written += ROUND;
    }
    let held = distant.setting.farshore.most_memory();
    println!(
        "{} MiB written in {:?}, {held} MiB held at most",
        written * 3 / 1024,
        begun.elapsed()
    );
    assert!(held < MOST, "{held} MiB");
    distant.to_oslo[0].set(Weather::default());
    distant.setting.mirrored("one", 4).await;
}
