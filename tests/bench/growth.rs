//! The cost of farshore by the number of partitions and links while nothing is written: CPU, memory, and start-up time.
//!
//! Every partition holds one record, or its share of a history, and counts from the moment it is live. Every point starts
//! with an empty target.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::case::{BROKER_JVM, VERSION};
use crate::machine;
use crate::measure::cpu;
use crate::program;
use crate::support::brokers::{Cluster, Spec};
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::wait::{eventually, pass};
use crate::support::write::{Record, Writer};

/// Partitions of one link, then of each of several links.
const POINTS: [Point; 7] = [
    Point::new(1, 10),
    Point::new(1, 100),
    Point::new(1, 1_000),
    Point::new(1, 10_000),
    Point::new(1, 100),
    Point::new(4, 100),
    Point::new(16, 100),
];
/// The maximum number of partitions of a topic.
const TOPIC_PARTITIONS: i32 = 100;
const LIMIT: Duration = Duration::from_secs(600);
/// Work right after the start isn't idling.
const SETTLING: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
struct Point {
    links: i32,
    partitions: i32,
}

impl Point {
    const fn new(links: i32, partitions: i32) -> Self {
        Self { links, partitions }
    }

    fn all_partitions(self) -> i32 {
        self.links * self.partitions
    }

    /// The topics of one link, with their partition counts.
    fn topics(self, link: i32) -> impl Iterator<Item = (String, i32)> {
        let each = self.partitions.min(TOPIC_PARTITIONS);
        (0..self.partitions / each).map(move |number| (format!("{}{number}", prefix(link)), each))
    }
}

fn prefix(link: i32) -> String {
    format!("growth{link}-")
}

#[derive(Debug, Clone, Copy)]
struct Found {
    point: Point,
    /// Seconds from the start of the process until every partition is live.
    start: f64,
    start_cpu: f64,
    peak_mib: f64,
    /// CPU seconds per second.
    idle: f64,
}

/// Measures every point within the limits and returns the table.
pub(crate) async fn measure(arguments: &Arguments) -> String {
    let idle = Duration::from_secs(arguments.idle);
    let history_mib = arguments.history;
    let within = arguments.least..=arguments.most;
    let start = || Box::pin(Cluster::start(spec()));
    let (source, target) = tokio::join!(start(), start());
    let mut found = Vec::new();
    let points = POINTS.into_iter();
    for point in points.filter(|it| within.contains(&it.all_partitions())) {
        let one = run(&source, &target, point, idle, history_mib).await;
        println!(
            "{} links, {} partitions: live after {:.1} s and {:.1} CPU-s, {:.0} MiB, {:.2} % of a core",
            point.links,
            point.all_partitions(),
            one.start,
            one.start_cpu,
            one.peak_mib,
            one.idle * 100.0
        );
        found.push(one);
    }
    table(&found, idle, history_mib)
}

/// Small files, because one broker holds many partitions.
pub(crate) fn spec() -> Spec {
    let mut spec = Spec::new(VERSION)
        .property("log.index.size.max.bytes", "1024")
        .property("log.segment.bytes", "16777216")
        .property("log.segment.delete.delay.ms", "1000");
    spec.jvm_options = BROKER_JVM.iter().map(ToString::to_string).collect();
    spec
}

async fn run(
    source: &Cluster,
    target: &Cluster,
    point: Point,
    idle: Duration,
    history_mib: i32,
) -> Found {
    write(source, point, history_mib).await;
    let mut farshore = Farshore::new(program::farshore(), &config(source, target, point));
    let started = Instant::now();
    farshore.launch();
    farshore.wait_api_ready().await;
    eventually(LIMIT, "all partitions are live", async || {
        let links = farshore.get_json("/v1/links").await?;
        let live: i64 = links
            .as_array()
            .or_else(|| links["links"].as_array())
            .into_iter()
            .flatten()
            .filter_map(|link| link["partitions_by_state"]["live"].as_i64())
            .sum();
        if live == i64::from(point.all_partitions()) {
            Ok(())
        } else {
            Err(format!("{live} are live"))
        }
    })
    .await;
    let (start, pid) = (started.elapsed(), farshore.process().pid());
    let start_cpu = cpu(pid);
    pass(SETTLING).await;
    let (since, before) = (Instant::now(), cpu(pid));
    pass(idle).await;
    let spent = cpu(pid).saturating_sub(before);
    let found = Found {
        point,
        start: start.as_secs_f64(),
        start_cpu: start_cpu.as_secs_f64(),
        peak_mib: program::peak_memory_mib(pid),
        idle: spent.as_secs_f64() / since.elapsed().as_secs_f64(),
    };
    let ended = farshore.sigterm().await;
    assert!(ended.success(), "farshore didn't end as it should: {ended}");
    crate::case::clear(&source.bootstrap(), None).await;
    crate::case::clear(&target.bootstrap(), None).await;
    found
}

/// Writes one record to each partition, or as many of one kibibyte as make up the history.
async fn write(source: &Cluster, point: Point, history_mib: i32) {
    let each = (history_mib * 1024 / point.all_partitions()).max(1);
    let size = if history_mib > 0 { 1024 } else { 5 };
    for link in 0..point.links {
        for (topic, partitions) in point.topics(link) {
            topics::create(&source.bootstrap(), &topic, partitions, 1, &[]).await;
            let writer = Writer::new(&source.bootstrap(), &topic, &[]);
            let numbers = (0..partitions).flat_map(move |number| (0..each).map(move |_| number));
            let records = numbers.map(move |number| Record::new(number, "key", vec![b'x'; size]));
            writer.write(records).await;
        }
    }
}

/// Defaults, except for what is mirrored.
fn config(source: &Cluster, target: &Cluster, point: Point) -> String {
    let mut text = format!(
        "[clusters.paris]\nbootstrap_servers = [{:?}]\n[clusters.oslo]\nbootstrap_servers = [{:?}]\n",
        source.bootstrap(),
        target.bootstrap()
    );
    for link in 0..point.links {
        let topics = format!("{}.*", prefix(link));
        let _ = writeln!(
            text,
            "[links.link{link}]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [{topics:?}]\ngroups = [\".*\"]"
        );
    }
    text
}

/// The cost of one more partition or link, where two points differ in that.
fn slopes(text: &mut String, few: &Found, many: &Found) {
    let (from, to) = (few.point, many.point);
    let more = f64::from(to.all_partitions() - from.all_partitions());
    let (what, from, to, more) = if to.links == from.links && more > 0.0 {
        ("partitions", from.partitions, to.partitions, more)
    } else if to.partitions == from.partitions && to.links > from.links {
        (
            "links",
            from.links,
            to.links,
            f64::from(to.links - from.links),
        )
    } else {
        return;
    };
    let _ = writeln!(
        text,
        "\nFrom {from} to {to} {what}, for each: {:.2} KiB of memory, {:.2} CPU-ms of the start, {:.2} CPU-µs a second.",
        (many.peak_mib - few.peak_mib) * 1024.0 / more,
        (many.start_cpu - few.start_cpu) * 1e3 / more,
        (many.idle - few.idle) * 1e6 / more,
    );
}

fn table(found: &[Found], idle: Duration, history_mib: i32) -> String {
    let mut text = "| links | partitions of each | start until all are live, s | CPU-s until then | peak memory, MiB | idle, % of a core | idle, CPU-µs per partition and second |\n\
                    |--:|--:|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for one in found {
        let partitions = f64::from(one.point.all_partitions());
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {:.2} | {:.1} | {:.2} | {:.2} |",
            one.point.links,
            one.point.partitions,
            one.start,
            one.start_cpu,
            one.peak_mib,
            one.idle * 100.0,
            one.idle * 1e6 / partitions,
        );
    }
    for pair in found.windows(2) {
        slopes(&mut text, &pair[0], &pair[1]);
    }
    let held = match history_mib {
        0 => "one record in each".to_owned(),
        all => format!("{all} MiB in all of a row together"),
    };
    let _ = writeln!(
        text,
        "\nIdle for {} s, from {} s after the start on; topics of {TOPIC_PARTITIONS} partitions at most, {held}; defaults, with groups.\n{}",
        idle.as_secs(),
        SETTLING.as_secs(),
        machine::conditions()
    );
    text
}
