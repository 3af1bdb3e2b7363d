//! What farshore relies on brokers to do, verified on real ones with its own client as the sender.
//!
//! Promises: each of these tests fails with a broker that behaves differently. Doesn't: start farshore.

mod client;
mod deposed;
mod emptied;
mod fenced;
mod late;
mod markers;
mod pipeline;

use std::time::Duration;

use farshore::model::TopicPartition;

use crate::setting::CATCH_UP;
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::topics;
use crate::support::wait::eventually;
use client::Client;

/// The environment variable that sets the number of repetitions of each experiment, on every release.
const ROUNDS: &str = "FARSHORE_PREMISE_ROUNDS";

/// The number of repetitions; `None` for the short form.
fn rounds() -> Option<usize> {
    std::env::var(ROUNDS).ok().and_then(|it| it.parse().ok())
}

/// The releases to test; only `usual` in the short form.
fn releases(usual: &[KafkaVersion]) -> Vec<KafkaVersion> {
    let all = match rounds() {
        None => usual,
        Some(_) => &KafkaVersion::ALL,
    };
    all.to_vec()
}

/// Waits until all these partitions have this many in-sync replicas.
async fn in_sync(client: &Client, partitions: &[TopicPartition], replicas: usize) {
    eventually(CATCH_UP, "the replicas are in sync", async || {
        let seen = client.0.metadata().generation;
        let metadata = client.0.refresh(seen).await.map_err(|it| it.to_string())?;
        for of in partitions {
            let topic = metadata.topics.get(&of.topic).ok_or("no topic")?;
            let found = topic.partitions.get(&of.partition).ok_or("no partition")?;
            if found.in_sync.len() != replicas {
                return Err(format!("{of}: {:?}", found.in_sync));
            }
        }
        Ok(())
    })
    .await;
}

/// Creates a topic whose partitions each have these replicas, and returns the partitions.
async fn placed(
    cluster: &Cluster,
    topic: &str,
    partitions: i32,
    on: &[i32],
) -> Vec<TopicPartition> {
    let replicas: Vec<&[i32]> = (0..partitions).map(|_| on).collect();
    topics::create_assigned(&cluster.bootstrap(), topic, &replicas).await;
    let all = (0..partitions).map(|number| TopicPartition::new(topic, number));
    let all = all.collect::<Vec<_>>();
    in_sync(&Client::of(&cluster.bootstrap()), &all, on.len()).await;
    all
}

/// Three brokers with a minimum of two in-sync replicas.
#[tokio::test(flavor = "multi_thread")]
async fn three_brokers_keep_to_what_is_relied_on() {
    for release in releases(&[KafkaVersion::V4_1]) {
        let spec = Spec::new(release)
            .brokers(3)
            .property("min.insync.replicas", "2")
            .lines();
        let mut cluster = Cluster::start(spec).await;
        println!("{release:?}");
        for round in 0..rounds().unwrap_or(1) {
            pipeline::survives_the_leader_where_it_was_armed(&mut cluster, round).await;
            emptied::followers_forget_at_a_restart(&mut cluster, round).await;
            deposed::leaders_answer_under_their_own_epoch_only(&mut cluster, round).await;
            late::requests_to_a_replaced_leader_never_land(&cluster, round).await;
            fenced::transactions_are_decided_at_once(&cluster, round).await;
            if rounds().is_some() {
                fenced::others_are_decided_in_time(&mut cluster, round).await;
            }
        }
    }
}

/// One broker, whose producer states come and go.
#[tokio::test(flavor = "multi_thread")]
async fn markers_and_memory_are_as_gaps_are_filled_by() {
    for release in releases(&[KafkaVersion::V4_3, KafkaVersion::V2_8]) {
        let spec = Spec::new(release)
            .property("producer.id.expiration.ms", "600000")
            .property("transactional.id.expiration.ms", "600000");
        let mut cluster = Cluster::start(spec).await;
        println!("{release:?}");
        for round in 0..rounds().unwrap_or(1) {
            markers::shut_out_and_begin_anew(&cluster, round).await;
            late::requests_land_when_the_broker_wakes(&cluster, round).await;
            markers::producers_are_remembered(&mut cluster, round, false).await;
            if rounds().is_some() {
                markers::producers_are_remembered(&mut cluster, round, true).await;
            }
        }
    }
}

/// Prints how long something took.
fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let (middle, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: {} times, median {middle:?}, longest {longest:?}",
        times.len()
    );
}
