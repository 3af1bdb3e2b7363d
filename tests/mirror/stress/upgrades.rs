//! Source and target become the newest release, broker by broker, while applications write and farshore mirrors one topic
//! with a map and preserves the offsets of another.

use super::{LINKS, TOPICS, faults, oracles, writers::Writers};
use crate::hazards::between;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::java::{self, Tool};
use crate::support::seed;
use crate::support::wait::eventually;

/// The environment variable that asks for three brokers on either side; by default there is one.
const ROLLING: &str = "FARSHORE_ROLLING_UPGRADE";
const BEFORE: KafkaVersion = KafkaVersion::V3_9;
const AFTER: KafkaVersion = KafkaVersion::V4_3;
/// The line of [`AFTER`], of which the features are finalized.
const LINE: &str = "4.3";
/// The number of records of each topic to be written between two steps.
const BETWEEN: u64 = 40;

fn spec(brokers: i32) -> Spec {
    let spec = Spec::new(BEFORE).brokers(brokers);
    if brokers == 1 {
        return spec;
    }
    spec.quorum().property("min.insync.replicas", "2")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_or_moved_while_brokers_become_newer_ones() {
    let brokers = match std::env::var_os(ROLLING) {
        None => 1,
        Some(_) => 3,
    };
    let links = LINKS.replace(
        "replication_factor = 3",
        &format!("replication_factor = {brokers}"),
    );
    let mut setting = between(spec(brokers), spec(brokers), &links).await;
    let mut rng = seed::rng();
    let writers = Writers::start(&setting, brokers, rng.fork()).await;
    setting.farshore.start().await;
    let upgrading = async {
        more(&writers).await;
        upgrade(&mut setting.paris, brokers, &writers).await;
        arrives(&setting).await;
        upgrade(&mut setting.oslo, brokers, &writers).await;
        more(&writers).await;
        writers.stop();
    };
    tokio::join!(upgrading, writers.run());
    println!("written: {:?}", writers.written());
    let log = setting.farshore.process().stderr();
    assert!(!log.contains("panicked"), "{log}");
    oracles::all_hold(&setting, &mut rng).await;
}

/// Upgrades every broker of a cluster, one after another, and then its features.
async fn upgrade(cluster: &mut Cluster, brokers: i32, writers: &Writers) {
    let (bootstrap, replicas) = (cluster.bootstrap(), usize::try_from(brokers));
    for broker in 1..=brokers {
        cluster.upgrade(broker, AFTER).await;
        faults::in_sync(&bootstrap, replicas.expect("a small number")).await;
        more(writers).await;
    }
    let before = metadata_version(&bootstrap).await;
    assert!(before.starts_with("3.9"), "{before}");
    let arguments = ["--bootstrap-server", &bootstrap, "upgrade"];
    let arguments = [&arguments[..], &["--release-version", LINE]].concat();
    java::run(AFTER, Tool::Features, &arguments).await;
    let after = metadata_version(&bootstrap).await;
    println!("metadata version: {before}, then {after}");
    assert!(after.starts_with(LINE), "{after}");
}

/// The metadata version that a cluster has finalized.
async fn metadata_version(bootstrap: &str) -> String {
    let arguments = ["--bootstrap-server", bootstrap, "describe"];
    let told = java::run(AFTER, Tool::Features, &arguments).await;
    let line = told.lines().find(|it| it.contains("metadata.version"));
    let mut words = line.unwrap_or_default().split_whitespace();
    words.find(|it| *it == "FinalizedVersionLevel:");
    let level = words.next();
    level
        .unwrap_or_else(|| panic!("no level in {told}"))
        .to_owned()
}

/// Waits until more of every topic has been written.
async fn more(writers: &Writers) {
    let (before, _) = writers.written();
    eventually(CATCH_UP, "applications write", async || {
        let (now, failed) = writers.written();
        let all = now
            .iter()
            .zip(before)
            .all(|(now, before)| *now >= before + BETWEEN);
        all.then_some(())
            .ok_or_else(|| format!("{before:?}, {now:?}, failed {failed}"))
    })
    .await;
}

/// Waits until every topic has arrived up to what the source has now.
async fn arrives(setting: &Setting) {
    for (topic, partitions) in TOPICS {
        for number in 0..partitions {
            oracles::passes_the_end(setting, (topic, number)).await;
        }
    }
}
