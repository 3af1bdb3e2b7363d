//! The mirrored data, and the brokers it is on.

use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::encryption::Encryption;
use crate::ends::{Ends, LIMIT};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::{paris_oslo, paris_oslo_as};
use crate::support::java::{self, Tool};
use crate::support::topics;
use crate::support::wait::blocking;

/// Everything that is measured. The record counts make a run of `MirrorMaker 2` last half a minute. The cost of a batch
/// shows in the difference that its size makes.
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
/// The number of partitions of every topic.
pub(crate) const PARTITIONS: i32 = 8;
/// The producers' batch size, unless it is what a case is about.
const BATCH_BYTES: &str = "16384";
/// The Kafka version under test.
pub(crate) const VERSION: KafkaVersion = KafkaVersion::V4_1;
/// The JVM options with which Kafka's own scripts start a broker.
pub(crate) const BROKER_JVM: &[&str] = &[
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
];

/// One kind of data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Case {
    /// The name of the case and of its topic.
    pub(crate) name: &'static str,
    /// The number of records.
    pub(crate) records: i64,
    /// The size of each record's value, in bytes.
    pub(crate) record_bytes: u32,
    /// The producers' batch size.
    pub(crate) batch_bytes: &'static str,
    /// The compression of the source's batches.
    pub(crate) codec: &'static str,
    /// The factor by which farshore is expected to need less CPU, if there is such a goal.
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
    pub(crate) source: Cluster,
    pub(crate) target: Cluster,
    encryption: Option<Encryption>,
}

impl Field {
    /// Starts both clusters with the JVM options of Kafka's own scripts; with `tls`, mirrors connect to them encrypted.
    pub(crate) async fn start(tls: bool) -> Self {
        Self::start_with(BROKER_JVM, tls).await
    }

    /// Starts both clusters with the given JVM options.
    pub(crate) async fn start_with(jvm: &[&str], tls: bool) -> Self {
        let spec = || {
            // Frees the space before the next run needs it.
            let mut spec = Spec::new(VERSION).property("log.segment.delete.delay.ms", "1000");
            spec.jvm_options = jvm.iter().map(ToString::to_string).collect();
            spec
        };
        let encryption = tls.then(Encryption::new);
        let mut specs = [spec(), spec()];
        if let Some(encryption) = &encryption {
            specs = encryption.listeners(specs);
        }
        let [source, target] = specs.map(|spec| Box::pin(Cluster::start(spec)));
        let (source, target) = tokio::join!(source, target);
        Self {
            source,
            target,
            encryption,
        }
    }

    /// The configuration of a farshore with these lines of its link.
    pub(crate) fn farshore(&self, link: &str) -> String {
        match &self.encryption {
            Some(encryption) => {
                let [paris, oslo] = encryption.farshore();
                paris_oslo_as(&paris, &oslo, link)
            }
            None => paris_oslo(&self.source.bootstrap(), &self.target.bootstrap(), link),
        }
    }

    /// The properties with which `MirrorMaker 2` connects to both clusters.
    pub(crate) fn mirror_maker(&self) -> String {
        match &self.encryption {
            Some(encryption) => encryption.mirror_maker(),
            None => format!(
                "paris.bootstrap.servers = {}\noslo.bootstrap.servers = {}\n",
                self.source.bootstrap(),
                self.target.bootstrap()
            ),
        }
    }

    /// Writes the records of a case with Kafka's own load tool, whose values are random letters from a fixed seed.
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

    /// Deletes what a run left on the target, and the internal topics of `MirrorMaker 2` on the source.
    pub(crate) async fn clear_after_run(&self, case: &Case) {
        clear(&self.target.bootstrap(), None).await;
        clear(&self.source.bootstrap(), Some(case.name)).await;
    }

    /// Deletes everything.
    pub(crate) async fn clear(&self) {
        clear(&self.target.bootstrap(), None).await;
        clear(&self.source.bootstrap(), None).await;
    }
}

pub(crate) const KAFKAS_OWN: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Deletes every topic except for Kafka's own and `kept`, including farshore's journal, so that each run is its link's
/// first.
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
