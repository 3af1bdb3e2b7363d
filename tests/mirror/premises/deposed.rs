//! A leader that doesn't know yet that another was elected (H8): its answers about the log's end, and the fate of what it
//! accepts.

use std::time::Duration;

use farshore::kafka::client::Connection;
use farshore::model::TopicPartition;
use kafka_protocol::messages::ListOffsetsRequest;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::protocol::StrBytes;

use crate::support::brokers::Cluster;

use super::client::{BATCH, Client, Outcome, batch};
use super::{in_sync, placed};

const LIMIT: Duration = Duration::from_secs(3);
const PARTITIONS: i32 = 5;
const WRITTEN: i64 = 3 * BATCH as i64;
const UNKNOWN_LEADER_EPOCH: i16 = 75;

/// A broker's answer about the true end under this leader epoch, -1 for any: offset and epoch, or the code.
async fn end_at(asked: &Connection, of: &TopicPartition, epoch: i32) -> Result<(i64, i32), i16> {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(of.partition.0)
        .with_current_leader_epoch(epoch)
        .with_timestamp(-1);
    let topic = ListOffsetsTopic::default()
        .with_name(StrBytes::from_string(of.topic.as_str().to_owned()).into())
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-2).into())
        .with_topics(vec![topic]);
    let answer = asked.call(request, LIMIT).await.expect("an answer");
    let one = &answer.topics[0].partitions[0];
    match one.error_code {
        0 => Ok((one.offset, one.leader_epoch)),
        code => Err(code),
    }
}

/// A broker that receives nothing from the controller continues as the leader it was.
pub(super) async fn leaders_answer_under_their_own_epoch_only(cluster: &mut Cluster, round: usize) {
    let client = Client::of(&cluster.bootstrap());
    let all = placed(cluster, &format!("deposed-{round}"), PARTITIONS, &[1, 2, 3]).await;
    let mut epochs = Vec::new();
    for of in &all {
        client.begin(of, None).await;
        epochs.push(client.0.leader(of).await.expect("a leader").epoch.0);
    }
    let deposed = client.connection(1, 0).await.expect("a connection");
    let other = client.connection(1, 1).await.expect("a connection");
    cluster.cut_off(1);
    // A client that asks the deposed broker is told that it still leads.
    let bootstrap = cluster.bootstrap();
    let (_, others) = bootstrap.split_once(',').expect("three brokers");
    let client = Client::of(others);
    client.led_by_other(&all, 1).await;
    for (of, epoch) in all.iter().zip(epochs) {
        let landed = client.write(of, batch(0, 3 * BATCH)).await;
        assert_eq!(landed, Outcome::Landed(WRITTEN));
        for asked in [-1, epoch] {
            let told = end_at(&deposed, of, asked).await;
            assert_eq!(told, Ok((WRITTEN, epoch)), "not what others acknowledged");
        }
        let now = client.0.leader(of).await.expect("a leader").epoch.0;
        let told = end_at(&deposed, of, now).await;
        assert_eq!(told, Err(UNKNOWN_LEADER_EPOCH));
    }
    // Accepted into its log, and never acknowledged.
    let late = client.start(&deposed, &all[0], batch(0, 3 * BATCH), LIMIT);
    assert!(matches!(late.await, Outcome::Unknown | Outcome::Refused(_)));
    let taken = end_at(&other, &all[0], -1).await;
    cluster.let_hear(1);
    in_sync(&client, &all, 3).await;
    println!(
        "a deposed leader told {WRITTEN} for {}, took a batch up to {taken:?}, and gave it up",
        WRITTEN + i64::from(BATCH)
    );
    for of in &all {
        let end = WRITTEN + i64::from(BATCH);
        assert_eq!(client.end(of).await, end);
        let next = client.write(of, batch(0, 4 * BATCH)).await;
        assert_eq!(next, Outcome::Landed(end));
    }
}
