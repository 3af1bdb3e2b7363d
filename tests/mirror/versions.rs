//! Every supported Kafka version on either side: mirror, kill, restart, compare.

use crate::setting::{CATCH_UP, Path};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::Farshore;
use crate::support::topics::{self, Counter};
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Writer, mixed};
use crate::support::{compare, seed};

const PARTITIONS: i32 = 4;
/// The number of records in one write.
const COUNT: usize = 10_000;

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

/// Mirrors a topic each way between two clusters.
async fn both_ways(paris: KafkaVersion, oslo: KafkaVersion) {
    let paris = Cluster::start(Spec::new(paris)).await;
    let oslo = Cluster::start(Spec::new(oslo)).await;
    let ways = [(&paris, &oslo, "east"), (&oslo, &paris, "west")];
    for (source, _, topic) in ways {
        let keep = [("retention.ms", "-1")];
        topics::create(&source.bootstrap(), topic, PARTITIONS, 1, &keep).await;
        write(source, topic).await;
    }
    let path = Path::of(NARROW);
    let lines = path.configured(NARROW);
    let config = format!(
        "[clusters.paris]\nbootstrap_servers = [\"{}\"]\n[clusters.oslo]\nbootstrap_servers = [\"{}\"]\n\
         [links.eastward]\nsource = \"paris\"\ntarget = \"oslo\"\ntopics = [\"east\"]\n{lines}\
         [links.westward]\nsource = \"oslo\"\ntarget = \"paris\"\ntopics = [\"west\"]\n{lines}",
        paris.bootstrap(),
        oslo.bootstrap()
    );
    let mut farshore = Farshore::new(env!("CARGO_BIN_EXE_farshore"), &config);
    farshore.launch();
    for (_, target, topic) in ways {
        counter(target, topic).await.reaches(1_000, CATCH_UP).await;
    }
    farshore.kill9();
    farshore.launch();
    for (source, target, topic) in ways {
        write(source, topic).await;
        let wanted = i64::try_from(4 * COUNT).expect("a small number");
        counter(target, topic).await.reaches(wanted, CATCH_UP).await;
        has_all(&farshore, source, topic).await;
        let (source, target) = (source.bootstrap(), target.bootstrap());
        let (source, target) = ((&*source, topic), (&*target, topic));
        let compared = compare::all(source, target, PARTITIONS, path.isolation()).await;
        assert_eq!(compared.records, 4 * COUNT as u64);
    }
}

/// Waits until nothing of the source is missing, markers included.
async fn has_all(farshore: &Farshore, source: &Cluster, topic: &str) {
    let path = format!("/v1/links/{topic}ward/topics/{topic}");
    for number in 0..PARTITIONS {
        let (_, end) = topics::watermarks(&source.bootstrap(), topic, number).await;
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

/// Slow enough that something is left to do after a kill.
const NARROW: &str = "max_in_flight_bytes = \"1MiB\"\nfetch_max_bytes = \"256KiB\"\n";

async fn counter(target: &Cluster, topic: &str) -> Counter {
    topics::wait_led(&target.bootstrap(), topic, PARTITIONS).await;
    Counter::new(&target.bootstrap(), topic, PARTITIONS)
}

/// Writes compressed records, a committed transaction and an aborted one.
async fn write(source: &Cluster, topic: &str) {
    let zstd = [("compression.type", "zstd")];
    let plain = Writer::new(&source.bootstrap(), topic, &zstd);
    plain.write(mixed(seed::rng(), PARTITIONS, COUNT)).await;
    let id = [("transactional.id", topic)];
    let transactional = Writer::new(&source.bootstrap(), topic, &id);
    transactional.init_transactions().await;
    for outcome in [Outcome::Abort, Outcome::Commit] {
        let records = mixed(seed::rng(), PARTITIONS, COUNT);
        transactional.transaction(records, outcome).await;
    }
}
