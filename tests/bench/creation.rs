//! How soon a link of many topics mirrors, beside the time that the target takes to create as many topics for a client that
//! does nothing else.
//!
//! Every topic has one partition with one record. The bare loop creates topics with the configs and batches that farshore
//! uses; another one also writes a record to each, as soon as it can. Each runs on a target of its own with the same past.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataTopic;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

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
/// Topics that are mirrored before anything is measured: brokers compile hot code.
const WARM_UP: usize = 500;
const ROUNDS: usize = 2;
const STARTS: [&str; 3] = ["first start", "restart", "restart once more"];
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
/// How the names of the topics begin that are measured, and of those that come before.
const MEASURED: &str = "topic";
const WARMING: &str = "warm";

/// One run of each bare loop, in seconds.
#[derive(Debug, Clone, Copy)]
struct Bare {
    /// Until the controller had acknowledged the last topic.
    acknowledged: f64,
    /// Until their leaders served all of them.
    served: f64,
    /// Until all of them had the record of the other loop.
    written: f64,
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
    let source = Box::pin(Cluster::start(spec())).await;
    let paris = source.bootstrap();
    write(&paris, WARMING, WARM_UP.min(topics)).await;
    write(&paris, MEASURED, topics).await;
    let mut loops = Vec::new();
    let mut starts = Vec::new();
    // A broker that has deleted topics takes longer to create others, so each gets a target of its own with the same past.
    for _ in 0..ROUNDS {
        let target = warm(&paris, topics).await;
        let (acknowledged, served) = bare(&target.bootstrap(), topics).await;
        drop(target);
        let target = warm(&paris, topics).await;
        let bare = Bare {
            acknowledged,
            served,
            written: written(&target.bootstrap(), topics).await,
        };
        println!("bare loops: {bare:?}");
        loops.push(bare);
        drop(target);
        let target = warm(&paris, topics).await;
        starts.push(all_starts(&paris, &target.bootstrap(), topics).await);
    }
    table(topics, &loops, &starts)
}

/// Starts farshore with an empty target, and twice more.
async fn all_starts(paris: &str, oslo: &str, topics: usize) -> [Started; 3] {
    let config = paris_oslo(paris, oslo, &link(MEASURED));
    let mut farshore = Farshore::new(program::farshore(), &config);
    let mut starts = Vec::new();
    for what in STARTS {
        let started = begin(&mut farshore, oslo, MEASURED, topics).await;
        println!("{what}: {started:?}");
        starts.push(started);
        let ended = farshore.sigterm().await;
        assert!(ended.success(), "farshore didn't end as it should: {ended}");
    }
    starts.try_into().expect("one for each")
}

/// Starts a target, and lets both clusters do once what is measured.
async fn warm(paris: &str, topics: usize) -> Cluster {
    let target = Box::pin(Cluster::start(spec())).await;
    let (oslo, topics) = (target.bootstrap(), WARM_UP.min(topics));
    let config = paris_oslo(paris, &oslo, &link(WARMING));
    let mut farshore = Farshore::new(program::farshore(), &config);
    begin(&mut farshore, &oslo, WARMING, topics).await;
    farshore.sigterm().await;
    clear(&oslo).await;
    target
}

/// A link that begins at a time in the past: the start of each partition has to be resolved, and its record is mirrored.
fn link(prefix: &str) -> String {
    format!("topics = [\"{prefix}-.*\"]\ngroups = []\nstart = \"2020-01-01T00:00:00Z\"")
}

fn name(prefix: &str, number: usize) -> String {
    format!("{prefix}-{number:05}")
}

/// Creates the source's topics, and writes a record to each.
async fn write(bootstrap: &str, prefix: &str, topics: usize) {
    let writer = Writer::new(bootstrap, "none", &[("linger.ms", "5")]);
    for batch in batches(prefix, topics) {
        create_many(bootstrap, &batch, &[]).await;
        write_each(&writer, &batch).await;
    }
}

/// The names of topics, as many at once as a request creates.
fn batches(prefix: &str, topics: usize) -> Vec<Vec<String>> {
    let numbers: Vec<usize> = (0..topics).collect();
    let named = |numbers: &[usize]| numbers.iter().map(|it| name(prefix, *it)).collect();
    numbers.chunks(TOPICS_AT_ONCE).map(named).collect()
}

/// Writes a record to each topic.
async fn write_each(writer: &Writer, topics: &[String]) {
    let sent = topics.iter().map(async |topic| {
        let record = Record::new(0, "key", "value");
        writer.on(topic).write([record]).await;
    });
    join_all(sent).await;
}

/// Creates topics; returns when the last was acknowledged and when all were served.
async fn bare(bootstrap: &str, topics: usize) -> (f64, f64) {
    let begun = Instant::now();
    for batch in batches(MEASURED, topics) {
        create_many(bootstrap, &batch, &CONFIGS).await;
    }
    let acknowledged = begun.elapsed().as_secs_f64();
    let client = Arc::new(client(bootstrap));
    let served = eventually(LIMIT, "the topics are served", async || {
        let led = led(&client).await?.len();
        if led < topics {
            return Err(format!("{led} have a leader"));
        }
        let served = served(&client, topics).await?;
        let are_all = served == topics;
        are_all
            .then(|| begun.elapsed().as_secs_f64())
            .ok_or_else(|| format!("{served} are served"))
    })
    .await;
    (acknowledged, served)
}

/// Creates topics, and writes a record to each meanwhile; returns when the last was written.
async fn written(bootstrap: &str, topics: usize) -> f64 {
    let begun = Instant::now();
    let writer = Writer::new(bootstrap, "none", &[("linger.ms", "5")]);
    let (created, mut awaited) = mpsc::channel(topics);
    let creating = async move {
        for batch in batches(MEASURED, topics) {
            create_many(bootstrap, &batch, &CONFIGS).await;
            created.send(batch).await.expect("a reader");
        }
    };
    let writing = async {
        while let Some(batch) = awaited.recv().await {
            write_each(&writer, &batch).await;
        }
    };
    tokio::join!(creating, writing);
    begun.elapsed().as_secs_f64()
}

/// Deletes all topics but Kafka's own.
async fn clear(bootstrap: &str) {
    let client = Arc::new(client(bootstrap));
    eventually(LIMIT, "the topics are gone", async || {
        let present = led(&client).await?;
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
async fn led(client: &Arc<BaseConsumer>) -> Result<Vec<String>, String> {
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

/// The number of measured topics whose leaders serve them: metadata shows a topic before its leader has opened its log.
async fn served(client: &Arc<BaseConsumer>, topics: usize) -> Result<usize, String> {
    let client = Arc::clone(client);
    let mut asked = TopicPartitionList::with_capacity(topics);
    for number in 0..topics {
        let first = Offset::Offset(0);
        let added = asked.add_partition_offset(&name(MEASURED, number), 0, first);
        added.map_err(|error| error.to_string())?;
    }
    let told = blocking(move || client.offsets_for_times(asked, LIMIT)).await;
    let told = told.map_err(|error| error.to_string())?;
    let elements = told.elements();
    Ok(elements.iter().filter(|it| it.error().is_ok()).count())
}

async fn begin(farshore: &mut Farshore, oslo: &str, prefix: &str, topics: usize) -> Started {
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
            let (_, end) = try_watermarks(oslo, &name(prefix, 0), 0).await?;
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

fn table(topics: usize, loops: &[Bare], rounds: &[[Started; 3]]) -> String {
    let mut text = format!(
        "| {topics} topics of one partition, s | acknowledged | served | written | link up | first record after that | all live after that | CPU-s | others, cores |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n"
    );
    for (bare, starts) in loops.iter().zip(rounds) {
        let _ = writeln!(
            text,
            "| bare loops | {:.1} | {:.1} | {:.1} | | | | | |",
            bare.acknowledged, bare.served, bare.written
        );
        for (what, it) in STARTS.into_iter().zip(starts) {
            // A restart finds it there.
            let first = if it.first_record > it.link_up {
                format!("{:.2}", it.first_record - it.link_up)
            } else {
                String::new()
            };
            let _ = writeln!(
                text,
                "| {what} | | | | {:.2} | {first} | {:.1} | {:.2} | {:.2} |",
                it.link_up,
                it.all_live - it.link_up,
                it.cpu,
                it.others,
            );
        }
        let live = starts[0].all_live - starts[0].link_up;
        let _ = writeln!(
            text,
            "| all live, as a multiple | {:.1} | {:.1} | {:.1} | | | | | |",
            live / bare.acknowledged,
            live / bare.served,
            live / bare.written
        );
    }
    let _ = writeln!(text, "\n{}", machine::conditions());
    text
}
