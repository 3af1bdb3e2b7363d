//! A follower whose log was emptied becomes the leader: whether it still knows the producer (H2).

use super::client::{BATCH, Client, Outcome, batch};
use super::{in_sync, placed, rounds};
use crate::support::brokers::Cluster;
use crate::support::topics;

const PARTITIONS: i32 = 5;

/// What happens to the follower between the emptying and its election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// It stops cleanly and comes back.
    Restart,
    /// It is killed and comes back.
    Kill,
}

/// The number of partitions whose new leader knows the producer, and the number that accept a batch with a sequence gap.
async fn elected(cluster: &mut Cluster, topic: &str, before: Before) -> (usize, usize) {
    let bootstrap = cluster.bootstrap();
    let all = placed(cluster, topic, PARTITIONS, &[1, 2, 3]).await;
    let client = Client::of(&bootstrap);
    for of in &all {
        client.begin(of, None).await;
        topics::delete_records(&bootstrap, topic, of.partition.0, 3 * i64::from(BATCH)).await;
    }
    match before {
        Before::Nothing => {}
        Before::Restart => cluster.stop(2).await,
        Before::Kill => cluster.kill(2),
    }
    if before != Before::Nothing {
        cluster.restart(2).await;
    }
    in_sync(&client, &all, 3).await;
    cluster.kill(1);
    client.led_by_other(&all, 1).await;
    let (mut known, mut taken) = (0, 0);
    for of in &all {
        known += usize::from(client.remembered(of).await.is_some());
        match client.write(of, batch(0, 5 * BATCH)).await {
            Outcome::Landed(_) => taken += 1,
            outcome => assert_eq!(outcome, Outcome::Refused(45)),
        }
    }
    cluster.restart(1).await;
    in_sync(&client, &all, 3).await;
    (known, taken)
}

/// A new leader either knows the producer or accepts any sequence.
pub(super) async fn followers_forget_at_a_restart(cluster: &mut Cluster, round: usize) {
    let all = [Before::Restart, Before::Nothing, Before::Kill];
    let tried = if rounds().is_some() {
        &all[..]
    } else {
        &all[..1]
    };
    for before in tried {
        let topic = format!("emptied-{before:?}-{round}");
        let (known, taken) = elected(cluster, &topic, *before).await;
        println!(
            "emptied, then {before:?}: of {PARTITIONS} new leaders {known} know the producer, {taken} take a gap"
        );
        let count = usize::try_from(PARTITIONS).expect("a small number");
        assert_eq!(known + taken, count);
        if *before == Before::Restart {
            assert_eq!(known, 0, "the rule against it would be needless");
        }
    }
}
