//! The story from the first broker to the last figure.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::figures::{Evidence, Times};
use crate::group::{self, GROUP, Reading};
use crate::narrator::{Narrator, grouped};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::{Farshore, paris_oslo};
use crate::support::groups::TopicPartition;
use crate::support::read::Isolation;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::traffic::{self, CUSTOMERS, Traffic};
use crate::{compaction, ledger, mirroring, operator, program, progress};

const LINK: &str = "topics = [\".*\"]\ngroups = [\".*\"]";
const SOON: Duration = Duration::from_secs(30);

/// Plays the whole story. Returns whether everything agrees in the end.
pub(crate) async fn survive(narrator: &Narrator) -> bool {
    let version = KafkaVersion::V4_1;
    narrator.say(&format!(
        "Two clusters of Apache Kafka {} start.",
        version.release()
    ));
    let start = || Box::pin(Cluster::start(Spec::new(version)));
    let (mut paris, oslo) = tokio::join!(start(), start());
    narrator.say(&format!(
        "They run: paris at {}, oslo at {}.",
        paris.bootstrap(),
        oslo.bootstrap()
    ));

    let mut traffic = Traffic::new(&paris.bootstrap()).await;
    let before = first_half(narrator, &paris, &mut traffic).await;

    let link = paris_oslo(&paris.bootstrap(), &oslo.bootstrap(), LINK);
    let mut farshore = Farshore::new(program::farshore(), &link);
    let mirrored_in = mirror(narrator, &mut farshore, &paris, &mut traffic, &before).await;

    narrator.say("An independent reader takes down what paris holds.");
    let source = ledger::read(
        &paris.bootstrap(),
        traffic::partitions(),
        Isolation::Committed,
    )
    .await;
    paris.kill(1);
    let lost = Instant::now();
    narrator.say("paris is killed (SIGKILL): the site is lost.");
    let after = fail_over(narrator, &farshore, &oslo).await;
    let failed_over_in = lost.elapsed();

    narrator.say("The independent reader compares oslo with what paris held, record by record.");
    let target = ledger::read(
        &oslo.bootstrap(),
        traffic::partitions(),
        Isolation::Uncommitted,
    )
    .await;
    let peak_memory = program::peak_memory_mib(farshore.process().pid());
    let ended = farshore.sigterm().await;
    assert!(ended.success(), "farshore didn't end as it should: {ended}");
    let evidence = Evidence {
        source,
        target,
        before,
        after,
    };
    let times = Times {
        mirrored_in,
        failed_over_in,
        peak_memory,
    };
    evidence.verdict(narrator, &times)
}

/// Prepares the source before farshore starts: half of the records, a compacted topic, a group that stopped midway.
async fn first_half(narrator: &Narrator, paris: &Cluster, traffic: &mut Traffic) -> Reading {
    narrator.say("Producers fill three topics on paris: orders (plain), customers (compacted), payments (transactions).");
    let bootstrap = paris.bootstrap();
    let written = progress::bar();
    written.set_length(traffic::written_at_first() as u64);
    written.set_message("records written");
    tokio::join!(
        traffic::write_customers(&bootstrap, &written),
        traffic.write_half(&written)
    );
    written.finish_and_clear();
    compaction::settled(&paris.data_dir(1), CUSTOMERS.name, CUSTOMERS.partitions).await;
    let ends = ends(&bootstrap).await;
    narrator.say(&format!(
        "{} offsets are taken, and compaction has made holes among the customers.",
        grouped(ends.values().sum::<i64>())
    ));
    // The group stops at a different place in each partition.
    let stops = ends
        .into_iter()
        .zip(3..)
        .map(|((partition, end), share)| (partition, end * share / 20));
    let reading = group::read_until(&bootstrap, stops.collect()).await;
    narrator.say(&format!(
        "The consumer group {GROUP} reads {} records from all partitions, commits and stops midway.",
        grouped(reading.diary.values().map(Vec::len).sum::<usize>())
    ));
    reading
}

/// Writes the other half of the records while farshore mirrors and is killed. Returns how long it took until all were on
/// the target.
async fn mirror(
    narrator: &Narrator,
    farshore: &mut Farshore,
    paris: &Cluster,
    traffic: &mut Traffic,
    before: &Reading,
) -> Duration {
    let began = Instant::now();
    let (producing, unseen) = (Cell::new(true), ProgressBar::hidden());
    let produce = async {
        traffic.write_half(&unseen).await;
        producing.set(false);
    };
    tokio::join!(
        produce,
        mirroring::interrupted(narrator, farshore, &producing)
    );
    let ends = ends(&paris.bootstrap()).await;
    mirroring::caught_up(narrator, farshore, &ends, &before.next).await;
    let mirrored_in = began.elapsed();
    let (written, aborted) = traffic::written();
    narrator.say(&format!(
        "Everything is on oslo; the producers wrote {} records and aborted {} more.",
        grouped(written),
        grouped(aborted)
    ));
    operator::run(farshore, &["status"]).await;
    mirrored_in
}

/// Makes and executes the plan, then resumes the group.
async fn fail_over(narrator: &Narrator, farshore: &Farshore, oslo: &Cluster) -> group::Diary {
    eventually(SOON, "farshore notices that paris is gone", async || {
        let link = farshore.get_json("/v1/links/paris-oslo").await?;
        if link["source_reachable"] == false {
            Ok(())
        } else {
            Err(link.to_string())
        }
    })
    .await;
    narrator.say("The operator plans a failover, reads the plan and executes it.");
    let plan = operator::run(farshore, &["plan", "failover", "--link", "paris-oslo"]).await;
    operator::run(farshore, &operator::proposed(&plan)).await;
    let diary = group::read_rest(&oslo.bootstrap()).await;
    narrator.say(&format!(
        "The group {GROUP} has gone on at oslo and read {} records to the end.",
        grouped(diary.values().map(Vec::len).sum::<usize>())
    ));
    diary
}

/// The log end offset of each partition.
async fn ends(bootstrap: &str) -> BTreeMap<TopicPartition, i64> {
    let mut ends = BTreeMap::new();
    for (topic, partition) in traffic::partitions() {
        let (_, end) = topics::watermarks(bootstrap, &topic, partition).await;
        ends.insert((topic, partition), end);
    }
    ends
}
