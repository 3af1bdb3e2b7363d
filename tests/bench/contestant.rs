//! The two mirrors, each started as its manual says and given the same data.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use rustix::process::Signal;

use crate::case::{Case, Field, PARTITIONS, VERSION};
use crate::ends::Ends;
use crate::measure::{Run, Watched};
use crate::program;
use crate::support::farshore::Farshore;
use crate::support::leash::Leash;

const STOP: Duration = Duration::from_secs(60);
/// The JVM options of its own script; with half of that heap `MirrorMaker 2` would spend most of its time collecting
/// garbage.
pub(crate) const MIRROR_MAKER_JVM: &[&str] = &[
    "-Xms256m",
    "-Xmx2g",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
];
const TASKS: u32 = 4;

/// A mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contestant {
    /// The farshore binary next to this program.
    Farshore,
    /// Apache Kafka's mirror, as a dedicated process.
    Mm2,
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Farshore => "farshore",
            Self::Mm2 => "MirrorMaker 2",
        })
    }
}

/// Runs a contestant from an empty target to a complete one, and cleans up after it.
pub(crate) async fn run(contestant: Contestant, field: &Field, case: &Case) -> Run {
    let run = match contestant {
        Contestant::Farshore => farshore(field, case).await,
        Contestant::Mm2 => mirror_maker(field, case).await,
    };
    field.clear_after_run(case).await;
    run
}

async fn farshore(field: &Field, case: &Case) -> Run {
    let target = Ends::new(&field.target.bootstrap(), case.name, PARTITIONS);
    let link = format!("topics = [\"{}\"]\ngroups = []", case.name);
    let mut farshore = Farshore::new(program::farshore(), &field.farshore(&link));
    let started = Instant::now();
    farshore.launch();
    let run = watched(field, farshore.process().pid())
        .measure(started, &target, case)
        .await;
    let source = Ends::new(&field.source.bootstrap(), case.name, PARTITIONS);
    assert_eq!(
        target.read().await,
        source.read().await,
        "the ends of both sides"
    );
    let ended = farshore.sigterm().await;
    assert!(ended.success(), "farshore didn't end as it should: {ended}");
    run
}

async fn mirror_maker(field: &Field, case: &Case) -> Run {
    let target = Ends::new(
        &field.target.bootstrap(),
        &format!("paris.{}", case.name),
        PARTITIONS,
    );
    let leash = Leash::new("mm2");
    let properties = leash.dir().join("mm2.properties");
    fs::write(&properties, mirror_maker_properties(field, case))
        .expect("the properties of MirrorMaker 2");
    let mut arguments: Vec<OsString> = VERSION.java_arguments(MIRROR_MAKER_JVM);
    arguments.push("org.apache.kafka.connect.mirror.MirrorMaker".into());
    arguments.push(properties.into());
    let started = Instant::now();
    let mut process = leash.spawn("mm2", "java", arguments);
    let run = watched(field, process.pid())
        .measure(started, &target, case)
        .await;
    // If it were killed, the next one would have to wait for its place in the workers' group.
    process.signal(Signal::TERM);
    process.wait(STOP).await;
    run
}

fn watched(field: &Field, mirror: u32) -> Watched {
    let brokers = field.source.pids().into_iter().chain(field.target.pids());
    Watched {
        mirror,
        brokers: brokers.collect(),
    }
}

/// Its defaults, except for what one broker, an existing topic and more than one task require.
fn mirror_maker_properties(field: &Field, case: &Case) -> String {
    format!(
        "clusters = paris, oslo\n\
         {connections}\
         paris->oslo.enabled = true\n\
         paris->oslo.topics = {topic}\n\
         oslo->paris.enabled = false\n\
         tasks.max = {TASKS}\n\
         consumer.auto.offset.reset = earliest\n\
         replication.factor = 1\n\
         checkpoints.topic.replication.factor = 1\n\
         heartbeats.topic.replication.factor = 1\n\
         offset-syncs.topic.replication.factor = 1\n\
         offset.storage.replication.factor = 1\n\
         status.storage.replication.factor = 1\n\
         config.storage.replication.factor = 1\n",
        connections = field.mirror_maker(),
        topic = case.name,
    )
}
