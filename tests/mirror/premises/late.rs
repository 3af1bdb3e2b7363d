//! Requests in the socket of a suspended broker: when they land, and where (H5, H20).

use std::time::{Duration, Instant};

use farshore::model::TopicPartition;
use futures_util::future::join_all;

use super::client::{BATCH, Client, Outcome, batch};
use super::{in_sync, placed, rounds};
use crate::setting::CATCH_UP;
use crate::support::brokers::Cluster;
use crate::support::wait::{eventually, pass};

const GIVEN_UP: Duration = Duration::from_millis(700);
const PARTITIONS: i32 = 5;
const WRITTEN: i64 = 3 * BATCH as i64;

/// Suspends broker 1 with a request for each of these partitions on a separate connection, and closes the connections.
async fn leave_requests(cluster: &Cluster, all: &[TopicPartition]) {
    let doomed = Client::of(&cluster.bootstrap());
    let mut connections = Vec::new();
    for of in all {
        doomed.begin(of, None).await;
        let connection = doomed.connection(1, of.partition.0).await;
        connections.push(connection.expect("a connection"));
    }
    cluster.pause(1);
    let late = all.iter().zip(&connections);
    let late = late.map(|(of, to)| doomed.start(to, of, batch(0, 3 * BATCH), GIVEN_UP));
    for outcome in join_all(late).await {
        assert_eq!(outcome, Outcome::Unknown);
    }
}

/// However long a broker without peers is suspended, the request lands when it resumes, and a repetition is recognized.
pub(super) async fn requests_land_when_the_broker_wakes(cluster: &Cluster, round: usize) {
    let seconds = if rounds().is_some() { [1, 40] } else { [1, 1] };
    for (number, seconds) in (0..).zip(seconds) {
        let topic = format!("late-{round}-{number}");
        let all = placed(cluster, &topic, PARTITIONS, &[1]).await;
        leave_requests(cluster, &all).await;
        pass(Duration::from_secs(seconds)).await;
        cluster.resume(1);
        let awake = Instant::now();
        let client = Client::of(&cluster.bootstrap());
        let (mut early, mut longest) = (0, Duration::ZERO);
        for of in &all {
            early += usize::from(client.end(of).await == WRITTEN);
            eventually(CATCH_UP, "the late request lands", async || {
                let end = client.end(of).await;
                (end > WRITTEN)
                    .then_some(())
                    .ok_or_else(|| "not yet".to_owned())
            })
            .await;
            longest = longest.max(awake.elapsed());
            let again = client.write(of, batch(0, 3 * BATCH)).await;
            assert_eq!(again, Outcome::Repeated(WRITTEN));
        }
        println!(
            "stood still for {seconds} s: all {PARTITIONS} requests landed within {longest:?}, {early} after a look at the end"
        );
    }
}

/// A leader that was replaced while it was suspended accepts nothing that counts.
pub(super) async fn requests_to_a_replaced_leader_never_land(cluster: &Cluster, round: usize) {
    let all = placed(
        cluster,
        &format!("replaced-{round}"),
        PARTITIONS,
        &[1, 2, 3],
    )
    .await;
    leave_requests(cluster, &all).await;
    let client = Client::of(&cluster.bootstrap());
    client.led_by_other(&all, 1).await;
    cluster.resume(1);
    in_sync(&client, &all, 3).await;
    for of in &all {
        assert_eq!(
            client.end(of).await,
            WRITTEN,
            "it landed with the next leader"
        );
        let next = client.write(of, batch(0, 3 * BATCH)).await;
        assert_eq!(next, Outcome::Landed(WRITTEN));
    }
    println!("leader replaced while it stood still: none of {PARTITIONS} requests landed");
}
