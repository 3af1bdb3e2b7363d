//! Control markers and a broker's memory of their producer (H2, H22, H23), on every release on which preserved offsets are
//! supported.

use farshore::model::TopicPartition;

use super::client::{BATCH, Client, Outcome, batch};
use super::placed;
use crate::support::brokers::Cluster;
use crate::support::topics;

const PARTITIONS: i32 = 5;
const WRITTEN: i64 = 3 * BATCH as i64;
const OLD: i64 = 1_700_000_000_000;

/// A marker of a higher epoch fences markers and records of the lower one; behind it records begin at sequence 0.
async fn a_higher_epoch_shuts_out(client: &Client, of: &TopicPartition) {
    client.begin(of, None).await;
    assert_eq!(client.mark(of, 1, 1).await, None);
    assert_eq!(client.mark(of, 0, 1).await, Some(47), "a late marker");
    let late = client.write(of, batch(0, 3 * BATCH)).await;
    assert_eq!(late, Outcome::Refused(47), "late records");
    let counted_on = client.write(of, batch(1, 3 * BATCH)).await;
    assert_eq!(counted_on, Outcome::Refused(45));
    assert_eq!(client.end(of).await, WRITTEN + 1);
    assert_eq!(
        client.write(of, batch(1, 0)).await,
        Outcome::Landed(WRITTEN + 1)
    );
}

/// A marker that meets no producer state creates one that accepts only sequence 0.
async fn a_marker_begins_at_minus_one(client: &Client, of: &TopicPartition) {
    assert_eq!(client.mark(of, 0, 1).await, None);
    let state = client.remembered(of).await.expect("the producer");
    assert_eq!(state.last_sequence, -1);
    assert_eq!(
        client.write(of, batch(0, 3 * BATCH)).await,
        Outcome::Refused(45)
    );
    assert_eq!(client.write(of, batch(0, 0)).await, Outcome::Landed(1));
}

/// The state of a log before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    Whole,
    PartlyDeleted,
    Emptied,
    Old,
}

const HISTORIES: [History; 4] = [
    History::Whole,
    History::PartlyDeleted,
    History::Emptied,
    History::Old,
];

/// Writes to new partitions and brings their logs into the given state.
async fn written(cluster: &Cluster, topic: &str, history: History) -> Vec<TopicPartition> {
    let bootstrap = cluster.bootstrap();
    let client = Client::of(&bootstrap);
    let all = placed(cluster, topic, PARTITIONS, &[1]).await;
    for of in &all {
        let timestamp = (history == History::Old).then_some(OLD);
        client.begin(of, timestamp).await;
        let deleted = match history {
            History::Whole | History::Old => continue,
            History::PartlyDeleted => WRITTEN / 2,
            History::Emptied => WRITTEN,
        };
        topics::delete_records(&bootstrap, topic, of.partition.0, deleted).await;
        let known = client.remembered(of).await.is_some();
        assert!(known, "deleting alone forgets nothing");
    }
    all
}

/// A restarted broker knows the producers that its logs still contain and that are young enough.
pub(super) async fn producers_are_remembered(cluster: &mut Cluster, round: usize, kill: bool) {
    let mut all = Vec::new();
    for history in HISTORIES {
        let topic = format!("{history:?}-{kill}-{round}");
        all.push((history, written(cluster, &topic, history).await));
    }
    if kill {
        cluster.kill(1);
    } else {
        cluster.stop(1).await;
    }
    cluster.restart(1).await;
    let client = Client::of(&cluster.bootstrap());
    for (history, partitions) in all {
        let topic = partitions[0].topic.as_str();
        topics::wait_led(&cluster.bootstrap(), topic, PARTITIONS).await;
        let mut known = 0;
        for of in &partitions {
            known += i32::from(client.remembered(of).await.is_some());
        }
        println!("{history:?}, restarted (killed: {kill}): known {known} of {PARTITIONS}");
        match history {
            History::Whole | History::PartlyDeleted => assert_eq!(known, PARTITIONS),
            History::Old => assert_eq!(known, 0),
            // A killed broker may have it from its last snapshot.
            History::Emptied => assert!(kill || known == 0),
        }
    }
}

/// Markers as used where unknown requests may be in flight.
pub(super) async fn shut_out_and_begin_anew(cluster: &Cluster, round: usize) {
    let client = Client::of(&cluster.bootstrap());
    for of in placed(cluster, &format!("fenced-{round}"), PARTITIONS, &[1]).await {
        a_higher_epoch_shuts_out(&client, &of).await;
    }
    for of in placed(cluster, &format!("unknown-{round}"), PARTITIONS, &[1]).await {
        a_marker_begins_at_minus_one(&client, &of).await;
    }
    println!(
        "{PARTITIONS} times each: a higher epoch shut markers and records out, and a marker without state left -1"
    );
}
