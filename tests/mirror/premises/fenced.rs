//! How long the last stable offset lags once a transactional application is fenced (H15).

use std::time::{Duration, Instant};

use farshore::kafka::admin::OffsetSpec;
use farshore::model::TopicPartition;

use super::client::Client;
use super::{in_sync, placed, report, rounds};
use crate::setting::CATCH_UP;
use crate::support::brokers::Cluster;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

const PARTITIONS: i32 = 6;

/// An application with an open transaction in all partitions of a topic.
async fn open(cluster: &Cluster, topic: &str, id: &str, timeout: &str) -> Writer {
    let settings = [
        ("transactional.id", id),
        ("transaction.timeout.ms", timeout),
        ("socket.timeout.ms", "3000"),
    ];
    let writer = Writer::new(&cluster.bootstrap(), topic, &settings);
    writer.init_transactions().await;
    writer.begin();
    let records = (0..PARTITIONS).map(|partition| Record::new(partition, "k", "open"));
    writer.write(records).await;
    writer
}

/// Waits until no transaction is open in any of these partitions. Returns how long that took.
async fn decided(client: &Client, all: &[TopicPartition]) -> Duration {
    let begun = Instant::now();
    eventually(CATCH_UP, "everything is decided", async || {
        for of in all {
            let read = async |at| client.listed(of, at).await.map_err(|it| it.to_string());
            let (stable, high) = (
                read(OffsetSpec::LastStable).await?,
                read(OffsetSpec::HighWatermark).await?,
            );
            if stable < high {
                return Err(format!("{of}: {stable} of {high}"));
            }
        }
        Ok(())
    })
    .await;
    begun.elapsed()
}

/// An application fenced by its successor leaves nothing open.
pub(super) async fn transactions_are_decided_at_once(cluster: &Cluster, round: usize) {
    let client = Client::of(&cluster.bootstrap());
    let topic = format!("fenced-{round}");
    let all = placed(cluster, &topic, PARTITIONS, &[1, 2, 3]).await;
    let (mut taking, mut freeing) = (Vec::new(), Vec::new());
    for _ in 0..if rounds().is_some() { 10 } else { 2 } {
        let _former = open(cluster, &topic, "app", "60000").await;
        taking.push(shut_out(cluster, &topic, "app").await);
        freeing.push(decided(&client, &all).await);
    }
    report("InitProducerId of a successor", taking);
    report("LSO behind after it", freeing);
}

async fn shut_out(cluster: &Cluster, topic: &str, id: &str) -> Duration {
    let successor = Writer::new(&cluster.bootstrap(), topic, &[("transactional.id", id)]);
    let begun = Instant::now();
    successor.init_transactions().await;
    begun.elapsed()
}

/// Without a successor a transaction is left to its timeout; without a leader, to the election of a new one.
pub(super) async fn others_are_decided_in_time(cluster: &mut Cluster, round: usize) {
    let client = Client::of(&cluster.bootstrap());
    let topic = format!("decided-{round}");
    let all = placed(cluster, &topic, PARTITIONS, &[1, 2, 3]).await;
    let mut left = Vec::new();
    for number in 0..3 {
        let _alone = open(cluster, &topic, &format!("alone-{round}-{number}"), "3000").await;
        left.push(decided(&client, &all).await);
    }
    report("LSO behind by itself, transaction.timeout.ms=3000", left);
    let id = format!("killed-{round}");
    let _former = open(cluster, &topic, &id, "60000").await;
    let leader = client.0.leader(&all[0]).await.expect("a leader").broker.0;
    cluster.kill(leader);
    let begun = Instant::now();
    let taken = shut_out(cluster, &topic, &id).await;
    client.led_by_other(&all, leader).await;
    decided(&client, &all).await;
    println!(
        "leader killed: InitProducerId {taken:?}, LSO free after {:?}",
        begun.elapsed()
    );
    cluster.restart(leader).await;
    in_sync(&client, &all, 3).await;
}
