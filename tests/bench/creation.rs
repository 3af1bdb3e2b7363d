//! How soon a link of many topics mirrors, beside the time that the target takes to create as many topics for a client that
//! does nothing else.
//!
//! Every topic has one partition with one record. The bare loop creates topics with the configs and batches that farshore
//! uses, before farshore runs and after it, because brokers get faster and slower while they run.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataTopic;

use crate::case::KAFKAS_OWN;
use crate::growth::spec;
use crate::machine;
use crate::measure::{cpu, machine_cpu};
use crate::program;
use crate::support::brokers::Cluster;
use crate::support::farshore::{Farshore, paris_oslo};
use crate::support::topics::{client, create_many, delete_many, try_watermarks};
use crate::support::wait::{blocking, eventually, pass};
use crate::support::write::{Record, Writer};

const LIMIT: Duration = Duration::from_secs(900);
/// The number of topics that farshore creates with one request.
const TOPICS_AT_ONCE: usize = 100;
/// Topics that are created before anything is measured: brokers compile hot code.
const WARM_UP: usize = 500;
/// Deleted logs are removed in the background.
const SETTLING: Duration = Duration::from_secs(10);
/// What farshore sets on the mirror of a topic with Kafka's defaults.
const CONFIGS: [(&str, &str); 11] = [
    ("cleanup.policy", "delete"),
    ("compression.type", "producer"),
    ("delete.retention.ms", "86400000"),
    ("max.compaction.lag.ms", "9223372036854775807"),
    ("max.message.bytes", "1048588"),
    ("message.timestamp.after.max.ms", "9223372036854775807"),
    ("message.timestamp.before.max.ms", "9223372036854775807"),
    ("message.timestamp.type", "CreateTime"),
    ("min.compaction.lag.ms", "0"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
];
/// A time in the past: the start of each partition has to be resolved, and its record is mirrored.
const LINK: &str = "topics = [\"topic-.*\"]\ngroups = []\nstart = \"2020-01-01T00:00:00Z\"";

/// One run of the bare loop, in seconds.
#[derive(Debug, Clone, Copy)]
struct Bare {
    /// Until the controller had acknowledged the last topic.
    acknowledged: f64,
    /// Until the brokers served all of them.
    served: f64,
}

/// One start of farshore. Times are in seconds since the process was started.
#[derive(Debug, Clone, Copy)]
struct Started {
    link_up: f64,
    first_record: f64,
    all_live: f64,
    cpu: f64,
    /// The number of cores kept busy by processes other than farshore.
    others: f64,
}

/// Measures with this many topics and returns the table.
pub(crate) async fn measure(topics: usize) -> String {
    let start = || Box::pin(Cluster::start(spec()));
    let (source, target) = tokio::join!(start(), start());
    let (paris, oslo) = (source.bootstrap(), target.bootstrap());
    write(&paris, topics).await;
    bare(&oslo, WARM_UP.min(topics)).await;
    let before = bare(&oslo, topics).await;
    println!("a bare loop: {before:?}");
    let mut farshore = Farshore::new(program::farshore(), &paris_oslo(&paris, &oslo, LINK));
    let first = begin(&mut farshore, &oslo, topics).await;
    println!("first start: {first:?}");
    let ended = farshore.sigterm().await;
    assert!(ended.success(), "farshore didn't end as it should: {ended}");
    let mut starts = vec![("first start", first)];
    for what in ["restart", "restart once more"] {
        let restart = begin(&mut farshore, &oslo, topics).await;
        println!("{what}: {restart:?}");
        farshore.sigterm().await;
        starts.push((what, restart));
    }
    clear(&oslo).await;
    let after = bare(&oslo, topics).await;
    println!("a bare loop: {after:?}");
    table(topics, [before, after], &starts)
}

fn name(number: usize) -> String {
    format!("topic-{number:05}")
}

/// Creates the source's topics, and writes a record to each.
async fn write(bootstrap: &str, topics: usize) {
    let numbers: Vec<usize> = (0..topics).collect();
    let writer = Writer::new(bootstrap, "none", &[("linger.ms", "5")]);
    for batch in numbers.chunks(TOPICS_AT_ONCE) {
        let batch: Vec<String> = batch.iter().map(|number| name(*number)).collect();
        create_many(bootstrap, &batch, &[]).await;
        let write = async |topic: String| {
            let record = Record::new(0, "key", "value");
            writer.on(&topic).write([record]).await;
        };
        join_all(batch.into_iter().map(write)).await;
    }
}

/// Creates topics, and deletes them.
async fn bare(bootstrap: &str, topics: usize) -> Bare {
    let numbers: Vec<usize> = (0..topics).collect();
    let begun = Instant::now();
    for batch in numbers.chunks(TOPICS_AT_ONCE) {
        let batch: Vec<String> = batch.iter().map(|number| name(*number)).collect();
        create_many(bootstrap, &batch, &CONFIGS).await;
    }
    let acknowledged = begun.elapsed().as_secs_f64();
    let client = Arc::new(client(bootstrap));
    let served = eventually(LIMIT, "the topics are served", async || {
        let served = served(&client).await?.len();
        let are_all = served == topics;
        are_all
            .then(|| begun.elapsed().as_secs_f64())
            .ok_or_else(|| format!("{served} are served"))
    })
    .await;
    clear(bootstrap).await;
    Bare {
        acknowledged,
        served,
    }
}

/// Deletes all topics but Kafka's own.
async fn clear(bootstrap: &str) {
    let client = Arc::new(client(bootstrap));
    eventually(LIMIT, "the topics are gone", async || {
        let present = served(&client).await?;
        for batch in present.chunks(TOPICS_AT_ONCE) {
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            delete_many(bootstrap, &batch).await;
        }
        match present.len() {
            0 => Ok(()),
            left => Err(format!("{left} were left")),
        }
    })
    .await;
    pass(SETTLING).await;
}

/// The topics whose partitions have a leader that the brokers know.
async fn served(client: &Arc<BaseConsumer>) -> Result<Vec<String>, String> {
    let client = Arc::clone(client);
    let metadata = blocking(move || client.fetch_metadata(None, LIMIT)).await;
    let metadata = metadata.map_err(|error| error.to_string())?;
    let is_led = |it: &&MetadataTopic| it.partitions().iter().all(|one| one.leader() >= 0);
    let topics = metadata.topics().iter().filter(is_led);
    let names = topics.map(|it| it.name().to_owned());
    Ok(names
        .filter(|name| !KAFKAS_OWN.contains(&name.as_str()))
        .collect())
}

async fn begin(farshore: &mut Farshore, oslo: &str, topics: usize) -> Started {
    let (begun, busy) = (Instant::now(), machine_cpu());
    farshore.launch();
    farshore.wait_api_ready().await;
    let since = || begun.elapsed().as_secs_f64();
    let link = async || {
        let links = farshore.get_json("/v1/links").await?;
        Ok::<_, String>(links[0].clone())
    };
    let up = async {
        eventually(LIMIT, "the link is up", async || {
            let link = link().await?;
            let is_up = link["state"] == "running";
            is_up.then(since).ok_or_else(|| link.to_string())
        })
        .await
    };
    let first = async {
        eventually(LIMIT, "the first record", async || {
            let (_, end) = try_watermarks(oslo, &name(0), 0).await?;
            (end > 0).then(since).ok_or_else(|| "none yet".to_owned())
        })
        .await
    };
    let wanted = i64::try_from(topics).expect("a number of topics");
    let live = async {
        eventually(LIMIT, "all partitions are live", async || {
            let link = link().await?;
            let live = link["partitions_by_state"]["live"].as_i64();
            (live == Some(wanted))
                .then(since)
                .ok_or_else(|| format!("{live:?} are live"))
        })
        .await
    };
    let (link_up, first_record, all_live) = tokio::join!(up, first, live);
    let spent = cpu(farshore.process().pid());
    let others = machine_cpu().saturating_sub(busy).saturating_sub(spent);
    Started {
        link_up,
        first_record,
        all_live,
        cpu: spent.as_secs_f64(),
        others: others.as_secs_f64() / since(),
    }
}

fn table(topics: usize, bare: [Bare; 2], starts: &[(&str, Started)]) -> String {
    let mut text = format!(
        "| {topics} topics of one partition | link up, s | first record after that, s | all live after that, s | CPU-s until then | others, cores |\n\
         |---|--:|--:|--:|--:|--:|\n"
    );
    for (what, it) in starts {
        let _ = writeln!(
            text,
            "| {what} | {:.2} | {:.2} | {:.1} | {:.2} | {:.2} |",
            it.link_up,
            it.first_record - it.link_up,
            it.all_live - it.link_up,
            it.cpu,
            it.others,
        );
    }
    let live = starts
        .first()
        .map_or(0.0, |(_, it)| it.all_live - it.link_up);
    let _ = writeln!(
        text,
        "\nA bare loop of CreateTopics with the same batches and configs, before and after: {:.1} and {:.1} s until the brokers serve all topics ({:.1} and {:.1} s until the controller has acknowledged them), so that all are live after {:.2} times their mean.\n{}",
        bare[0].served,
        bare[1].served,
        bare[0].acknowledged,
        bare[1].acknowledged,
        live * 2.0 / (bare[0].served + bare[1].served),
        machine::conditions()
    );
    text
}
