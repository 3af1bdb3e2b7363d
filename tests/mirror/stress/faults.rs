//! The faults of a cluster.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::{Round, TOPICS};
use crate::setting::CATCH_UP;
use crate::support::ask;
use crate::support::brokers::Cluster;
use crate::support::topics;
use crate::support::wait::{any_moment, blocking, eventually};

const BROKERS: [i32; 3] = [1, 2, 3];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The leader of a partition is killed, and comes back.
    KillLeader,
    /// The leader of a partition is frozen for a while: too short or long enough to be replaced.
    FreezeLeader,
    /// The leader of a partition is cut off from the controller for a while, and knows nothing of its successor.
    CutOffLeader,
    /// The active controller is killed and comes back: with a successor on the source, where controllers are brokers too,
    /// without one on the target.
    KillController,
    /// Every broker is restarted cleanly, one after another.
    Roll,
    /// A partition is moved off its leader and back to all replicas, and every partition gets its preferred leader.
    Move,
}

/// A fault on one side, or one on each.
pub(super) fn any(rng: &mut fastrand::Rng) -> Round {
    const ALL: [Fault; 6] = [
        Fault::CutOffLeader,
        Fault::KillLeader,
        Fault::FreezeLeader,
        Fault::KillController,
        Fault::Roll,
        Fault::Move,
    ];
    let mut fault = || Some(ALL[rng.usize(0..ALL.len())]);
    let (one, other) = (fault(), fault());
    match rng.u32(0..3) {
        0 => [one, None],
        1 => [None, other],
        _ => [one, other],
    }
}

/// Injects a fault and ends it, then waits until all replicas are in sync again.
pub(super) async fn happen(cluster: &mut Cluster, fault: Option<Fault>, rng: &mut fastrand::Rng) {
    let Some(fault) = fault else {
        return;
    };
    let bootstrap = cluster.bootstrap();
    let (topic, partitions) = TOPICS[rng.usize(0..TOPICS.len())];
    let partition = rng.i32(0..partitions);
    topics::wait_led(&bootstrap, topic, partitions).await;
    match fault {
        Fault::KillLeader => {
            let leader = topics::leader(&bootstrap, topic, partition).await;
            kill(cluster, leader, rng).await;
        }
        Fault::FreezeLeader => {
            let leader = topics::leader(&bootstrap, topic, partition).await;
            cluster.pause(leader);
            any_moment(rng, Duration::from_secs(8)).await;
            cluster.resume(leader);
        }
        // There are no lines between controllers.
        Fault::CutOffLeader if !cluster.has_lines() => {}
        Fault::CutOffLeader => {
            let leader = topics::leader(&bootstrap, topic, partition).await;
            cluster.cut_off(leader);
            any_moment(rng, Duration::from_secs(10)).await;
            cluster.let_hear(leader);
        }
        Fault::KillController => {
            let what = "the active controller is known";
            let active = async || ask::active_controller(&bootstrap).await;
            let active = eventually(CATCH_UP, what, active).await;
            kill(cluster, active, rng).await;
        }
        Fault::Roll => {
            for broker in BROKERS {
                cluster.stop(broker).await;
                cluster.restart(broker).await;
                in_sync(&bootstrap, 3).await;
            }
        }
        Fault::Move => move_about(&bootstrap, (topic, partition), rng).await,
    }
    in_sync(&bootstrap, 3).await;
}

async fn kill(cluster: &mut Cluster, broker: i32, rng: &mut fastrand::Rng) {
    cluster.kill(broker);
    any_moment(rng, Duration::from_secs(4)).await;
    cluster.restart(broker).await;
}

async fn move_about(bootstrap: &str, partition: (&str, i32), rng: &mut fastrand::Rng) {
    let leader = topics::leader(bootstrap, partition.0, partition.1).await;
    let mut others = BROKERS.to_vec();
    others.retain(|id| *id != leader);
    let mut all = BROKERS.to_vec();
    rng.shuffle(&mut all);
    for replicas in [&others, &all] {
        let what = format!("{partition:?} moves to {replicas:?}");
        eventually(CATCH_UP, &what, async || {
            ask::reassign(bootstrap, partition, replicas).await
        })
        .await;
        consists_of(bootstrap, partition, replicas).await;
    }
    in_sync(bootstrap, 3).await;
    let elect = async || ask::elect_preferred(bootstrap).await;
    eventually(CATCH_UP, "the preferred leaders are elected", elect).await;
}

fn client(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a client")
}

/// The replicas and the in-sync replicas of every partition of the test.
async fn replicas(bootstrap: &str) -> Result<Vec<((String, i32), Vec<i32>, Vec<i32>)>, String> {
    let client = client(bootstrap);
    let metadata = blocking(move || client.fetch_metadata(None, Duration::from_secs(5))).await;
    let metadata = metadata.map_err(|error| error.to_string())?;
    let ours = |name: &str| TOPICS.iter().any(|(topic, _)| *topic == name);
    let topics = metadata.topics().iter().filter(|it| ours(it.name()));
    let parts = topics.flat_map(|topic| {
        topic.partitions().iter().map(|it| {
            let at = (topic.name().to_owned(), it.id());
            (at, it.replicas().to_vec(), it.isr().to_vec())
        })
    });
    Ok(parts.collect())
}

/// Waits until every partition has this many replicas, all in sync.
pub(super) async fn in_sync(bootstrap: &str, count: usize) {
    eventually(CATCH_UP, "all replicas are in sync", async || {
        let all = replicas(bootstrap).await?;
        let lags = |it: &&(_, Vec<i32>, Vec<i32>)| it.1.len() != count || it.2.len() != count;
        all.iter()
            .find(lags)
            .map_or(Ok(()), |it| Err(format!("{it:?}")))
    })
    .await;
}

async fn consists_of(bootstrap: &str, (topic, partition): (&str, i32), wanted: &[i32]) {
    eventually(CATCH_UP, "the partition was moved", async || {
        let all = replicas(bootstrap).await?;
        let at = (topic.to_owned(), partition);
        let found = all.iter().find(|it| it.0 == at).ok_or("no partition")?;
        if found.1 == wanted && found.2.len() == wanted.len() {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
    .await;
}
