//! Every supported Kafka version on either side, with an offset map and with preserved offsets: mirror, kill, restart,
//! compare.

use std::fmt::Write;
use std::time::Instant;

use crate::setting::{CATCH_UP, Path};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::compare;
use crate::support::farshore::Farshore;
use crate::support::read::Partition;
use crate::support::seed;
use crate::support::topics::{self, Counter};
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Writer, mixed};

/// The environment variable that asks for every pair of releases, also of one with itself.
const MATRIX: &str = "FARSHORE_VERSION_MATRIX";

const PARTITIONS: i32 = 4;
/// The number of records in one write.
const COUNT: usize = 5_000;

/// Slow enough that something is left to do after a kill.
const MAPPED: &str = "max_in_flight_bytes = \"1MiB\"\nfetch_max_bytes = \"256KiB\"\n";
const KEPT: &str =
    "max_in_flight_bytes = \"1MiB\"\nfetch_max_bytes = \"256KiB\"\noffsets = \"preserve\"\n";

#[tokio::test]
async fn from_3_9_to_4_1_and_back() {
    both_ways(KafkaVersion::V3_9, KafkaVersion::V4_1).await;
}

#[tokio::test]
async fn from_3_9_to_3_9_with_zookeeper_and_back() {
    both_ways(KafkaVersion::V3_9, KafkaVersion::V3_9Zk).await;
}

#[tokio::test]
async fn from_2_8_to_4_3_and_back() {
    both_ways(KafkaVersion::V2_8, KafkaVersion::V4_3).await;
}

/// The short form has the newest release and the one of other tests.
#[tokio::test]
async fn every_release_mirrors_to_every_other_one() {
    if std::env::var_os(MATRIX).is_none() {
        return both_ways(KafkaVersion::V4_1, KafkaVersion::V4_3).await;
    }
    for (number, paris) in KafkaVersion::ALL.into_iter().enumerate() {
        for oslo in KafkaVersion::ALL.into_iter().skip(number) {
            let begun = Instant::now();
            both_ways(paris, oslo).await;
            println!("{paris:?} and {oslo:?}: {:?}", begun.elapsed());
        }
    }
}

/// A topic to mirror, and how.
struct Way<'a> {
    source: &'a Cluster,
    target: &'a Cluster,
    topic: &'static str,
    link: &'static str,
}

impl Way<'_> {
    /// The section of its link, which has the name of the topic.
    fn section(&self, [source, target]: [&str; 2]) -> String {
        let lines = Path::of(self.link).configured(self.link);
        let topic = self.topic;
        format!(
            "[links.{topic}]\nsource = \"{source}\"\ntarget = \"{target}\"\ntopics = [\"{topic}\"]\n{lines}"
        )
    }

    /// Writes compressed records, a committed transaction and an aborted one.
    async fn write(&self) {
        let (source, topic) = (self.source.bootstrap(), self.topic);
        let plain = Writer::new(&source, topic, &[("compression.type", "zstd")]);
        plain.write(mixed(seed::rng(), PARTITIONS, COUNT)).await;
        let transactional = Writer::new(&source, topic, &[("transactional.id", topic)]);
        transactional.init_transactions().await;
        for outcome in [Outcome::Abort, Outcome::Commit] {
            let records = mixed(seed::rng(), PARTITIONS, COUNT);
            transactional.transaction(records, outcome).await;
        }
    }

    /// Waits until something, but not everything, may have been mirrored.
    async fn has_begun(&self) {
        let target = self.target.bootstrap();
        topics::wait_led(&target, self.topic, PARTITIONS).await;
        let counter = Counter::new(&target, self.topic, PARTITIONS);
        counter.reaches(1_000, CATCH_UP).await;
    }

    /// Waits until nothing of the source is missing, markers included.
    async fn has_all(&self, farshore: &Farshore) {
        let topic = self.topic;
        let path = format!("/v1/links/{topic}/topics/{topic}");
        for number in 0..PARTITIONS {
            let source = self.source.bootstrap();
            let (_, end) = topics::watermarks(&source, topic, number).await;
            let what = format!("{topic}-{number} is mirrored up to {end}");
            eventually(CATCH_UP, &what, async || {
                let shown = farshore.get_json(&path).await?;
                let partition = usize::try_from(number).expect("a number");
                let position = shown["partitions"][partition]["position"].as_i64();
                (position >= Some(end))
                    .then_some(())
                    .ok_or(shown.to_string())
            })
            .await;
        }
    }

    /// Compares every record, and where they are kept, the offsets.
    async fn is_equal(&self) {
        let (topic, isolation) = (self.topic, Path::of(self.link).isolation());
        let is_kept = self.link == KEPT;
        let mut records = 0;
        for number in 0..PARTITIONS {
            let source = Partition::new(&self.source.bootstrap(), topic, number);
            let target = Partition::new(&self.target.bootstrap(), topic, number).seen(isolation);
            let pair = move |source, target| {
                assert!(
                    !is_kept || source == target,
                    "{topic}-{number} {source}: {target}"
                );
            };
            let compared = compare::partitions(&source, &target, pair).await;
            records += compared.unwrap_or_else(|it| panic!("{it}")).records;
        }
        assert_eq!(records, 4 * COUNT as u64, "{topic}");
    }
}

/// Mirrors topics each way between two clusters.
async fn both_ways(paris: KafkaVersion, oslo: KafkaVersion) {
    let paris = Cluster::start(Spec::new(paris)).await;
    let oslo = Cluster::start(Spec::new(oslo)).await;
    let way = |source, target, topic, link| Way {
        source,
        target,
        topic,
        link,
    };
    let eastward = [("east-mapped", MAPPED), ("east-kept", KEPT)];
    let eastward = eastward.map(|(topic, link)| way(&paris, &oslo, topic, link));
    let westward = [("west-mapped", MAPPED), ("west-kept", KEPT)];
    let westward = westward.map(|(topic, link)| way(&oslo, &paris, topic, link));
    let mut config = format!(
        "[clusters.paris]\nbootstrap_servers = [\"{}\"]\n[clusters.oslo]\nbootstrap_servers = [\"{}\"]\n",
        paris.bootstrap(),
        oslo.bootstrap()
    );
    for (way, ends) in eastward.iter().map(|it| (it, ["paris", "oslo"])) {
        write!(config, "{}", way.section(ends)).expect("writing to a string");
    }
    for (way, ends) in westward.iter().map(|it| (it, ["oslo", "paris"])) {
        write!(config, "{}", way.section(ends)).expect("writing to a string");
    }
    let ways = || eastward.iter().chain(&westward);
    for way in ways() {
        let keep = [("retention.ms", "-1")];
        let source = way.source.bootstrap();
        topics::create(&source, way.topic, PARTITIONS, 1, &keep).await;
        way.write().await;
    }
    let mut farshore = Farshore::new(env!("CARGO_BIN_EXE_farshore"), &config);
    farshore.launch();
    for way in ways() {
        way.has_begun().await;
    }
    farshore.kill9();
    farshore.launch();
    for way in ways() {
        way.write().await;
        way.has_all(&farshore).await;
        way.is_equal().await;
    }
}
