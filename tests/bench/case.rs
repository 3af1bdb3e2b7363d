//! The data that is mirrored, and the brokers it is on.

use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::ends::{Ends, LIMIT};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::java::{self, Tool};
use crate::support::topics;
use crate::support::wait::blocking;

/// Everything that is measured. The counts make a run of `MirrorMaker 2` last half a minute. What a batch costs is the difference that its size makes.
pub(crate) const CASES: [Case; 4] = [
    Case {
        name: "1KiB",
        records: 1_200_000,
        record_bytes: 1024,
        batch_bytes: BATCH_BYTES,
        codec: "none",
        cpu_goal: Some(8.0),
    },
    Case {
        name: "1KiB-large",
        records: 2_400_000,
        record_bytes: 1024,
        batch_bytes: "262144",
        codec: "none",
        cpu_goal: None,
    },
    Case {
        name: "100B",
        records: 3_000_000,
        record_bytes: 100,
        batch_bytes: BATCH_BYTES,
        codec: "none",
        cpu_goal: Some(35.0),
    },
    Case {
        name: "1KiB-zstd",
        records: 1_200_000,
        record_bytes: 1024,
        batch_bytes: BATCH_BYTES,
        codec: "zstd",
        cpu_goal: Some(18.0),
    },
];
/// Partitions of every topic.
pub(crate) const PARTITIONS: i32 = 8;
/// What producers batch unless a case is about that.
const BATCH_BYTES: &str = "16384";
/// The Kafka that is measured.
pub(crate) const VERSION: KafkaVersion = KafkaVersion::V4_1;
/// What Kafka's own scripts start a broker with.
pub(crate) const BROKER_JVM: &[&str] = &[
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
];

/// One kind of data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Case {
    /// Its name, and its topic's.
    pub(crate) name: &'static str,
    /// How many records there are.
    pub(crate) records: i64,
    /// The size of each one's value.
    pub(crate) record_bytes: u32,
    /// What producers batch.
    pub(crate) batch_bytes: &'static str,
    /// How the source's batches are compressed.
    pub(crate) codec: &'static str,
    /// By how much farshore is expected to need less CPU, where that is said.
    pub(crate) cpu_goal: Option<f64>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Source and target, one broker each.
#[derive(Debug)]
pub(crate) struct Field {
    /// What is read.
    pub(crate) source: Cluster,
    /// What is written.
    pub(crate) target: Cluster,
}

impl Field {
    /// Starts both clusters with what Kafka's own scripts start a broker with.
    pub(crate) async fn start() -> Self {
        Self::start_with(BROKER_JVM).await
    }

    /// Starts both clusters with other options for their JVMs.
    pub(crate) async fn start_with(jvm: &[&str]) -> Self {
        let spec = || {
            // Space is free again before the next run needs it.
            let mut spec = Spec::new(VERSION).property("log.segment.delete.delay.ms", "1000");
            spec.jvm_options = jvm.iter().map(ToString::to_string).collect();
            spec
        };
        let start = || Box::pin(Cluster::start(spec()));
        let (source, target) = tokio::join!(start(), start());
        Self { source, target }
    }

    /// Writes a case's records with Kafka's own load tool, whose values are random letters from a fixed seed.
    pub(crate) async fn load(&self, case: &Case) {
        let bootstrap = self.source.bootstrap();
        topics::create(&bootstrap, case.name, PARTITIONS, 1, &[]).await;
        let (records, bytes) = (case.records.to_string(), case.record_bytes.to_string());
        let servers = format!("bootstrap.servers={bootstrap}");
        let batch = format!("batch.size={}", case.batch_bytes);
        let codec = format!("compression.type={}", case.codec);
        let arguments = [
            "--topic",
            case.name,
            "--num-records",
            &records,
            "--record-size",
            &bytes,
            "--throughput",
            "-1",
            "--producer-props",
            &servers,
            &batch,
            "linger.ms=5",
            "acks=1",
            &codec,
        ];
        java::run(VERSION, Tool::ProducerPerformance, &arguments).await;
        let ends = Ends::new(&bootstrap, case.name, PARTITIONS);
        let written: i64 = ends.read().await.expect("the source's ends").iter().sum();
        assert_eq!(written, case.records, "records on the source");
    }

    /// Removes what a run left on the target, and `MirrorMaker 2` its notes on the source.
    pub(crate) async fn clear_after_run(&self, case: &Case) {
        clear(&self.target.bootstrap(), None).await;
        clear(&self.source.bootstrap(), Some(case.name)).await;
    }

    /// Removes everything.
    pub(crate) async fn clear(&self) {
        clear(&self.target.bootstrap(), None).await;
        clear(&self.source.bootstrap(), None).await;
    }
}

const KAFKAS_OWN: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Deletes every topic but Kafka's own and one to keep: farshore's journal too, so that each run is its link's first.
pub(crate) async fn clear(bootstrap: &str, kept: Option<&str>) {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a client");
    let metadata = blocking(move || client.fetch_metadata(None, LIMIT))
        .await
        .expect("the topics");
    for topic in metadata.topics() {
        let name = topic.name();
        if !KAFKAS_OWN.contains(&name) && kept != Some(name) {
            topics::delete(bootstrap, name).await;
        }
    }
}
