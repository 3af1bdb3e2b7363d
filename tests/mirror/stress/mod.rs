//! Three brokers on either side with a minimum of two in-sync replicas, and everything that happens to such clusters:
//! leaders killed, frozen and cut off, controllers changed, brokers restarted one after another, partitions moved and
//! elections held, while applications write and farshore mirrors one topic with a map and preserves the offsets of another.
//! It fetches from leaders, or from followers in its rack.
//!
//! No operator helps. In the end independent clients find every record once and in order, and every offset where it should
//! be.

mod faults;
mod oracles;
mod upgrades;
mod writers;

use crate::hazards::{between, spec};
use crate::setting::{Path, Setting};
use crate::support::brokers::{Cluster, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::seed;
use faults::Fault;
use writers::Writers;

/// The environment variable that sets the number of rounds of random faults.
const ROUNDS: &str = "FARSHORE_STRESS_ROUNDS";
/// After this many rounds everything is allowed to arrive, and is checked.
const BREATH: usize = 8;

/// The links: one with a map, one that preserves offsets.
const LINKS: &str = r#"
topics = ["plain", "txn"]
replication_factor = 3
request_timeout = "5s"
refresh_interval = "1s"
partition_max_bytes = "16KiB"

[links.kept]
source = "paris"
target = "oslo"
offsets = "preserve"
topics = ["kept"]
replication_factor = 3
request_timeout = "5s"
refresh_interval = "1s"
"#;

/// The topics and their partition counts.
const TOPICS: [(&str, i32); 3] = [("plain", 3), ("txn", 1), ("kept", 2)];

fn three() -> Spec {
    spec().brokers(3).property("min.insync.replicas", "2")
}

/// A round: the faults on both sides at the same time.
type Round = [Option<Fault>; 2];

/// Each kind of fault on each side once.
const USUAL: [Round; 4] = [
    [Some(Fault::KillLeader), Some(Fault::FreezeLeader)],
    [Some(Fault::FreezeLeader), Some(Fault::CutOffLeader)],
    [Some(Fault::Move), Some(Fault::KillLeader)],
    [Some(Fault::KillController), Some(Fault::Move)],
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_three_brokers_go_through_loses_doubles_and_reorders_nothing() {
    let rounds = std::env::var(ROUNDS).ok().and_then(|it| it.parse().ok());
    let mut rng = seed::rng();
    let plan: Vec<Round> = match rounds {
        None => USUAL.to_vec(),
        Some(rounds) => (0..rounds).map(|_| faults::any(&mut rng)).collect(),
    };
    let mut setting = between(three().quorum().racks(), three().lines(), LINKS).await;
    stand_in_some_rack(&setting, &mut rng);
    let writers = Writers::start(&setting, 3, rng.fork()).await;
    setting.farshore.start().await;
    let breaking = async {
        for (number, round) in (1..).zip(&plan) {
            println!("round {number}: {round:?}");
            happen(&mut setting, *round, &mut rng).await;
            let log = setting.farshore.process().stderr();
            assert!(!log.contains("panicked"), "{log}");
            if number % BREATH == 0 {
                let between_rounds = writers.pause().await;
                oracles::all_hold(&setting, &mut rng).await;
                drop(between_rounds);
            }
        }
        writers.stop();
    };
    tokio::join!(breaking, writers.run());
    println!("written: {:?}", writers.written());
    oracles::all_hold(&setting, &mut rng).await;
}

/// Puts farshore into one of the source's racks, or into none. The record path reads from leaders only.
fn stand_in_some_rack(setting: &Setting, rng: &mut fastrand::Rng) {
    let rack = ["", "rack = \"a\"\n", "rack = \"b\"\n"][rng.usize(0..3)];
    println!("farshore is where: {rack:?}");
    if setting.path == Path::Raw {
        let section = |cluster: &Cluster| {
            let bootstrap = cluster.bootstrap();
            let servers: Vec<String> = bootstrap.split(',').map(|it| format!("{it:?}")).collect();
            format!("bootstrap_servers = [{}]\n", servers.join(", "))
        };
        let paris = format!("{rack}{}", section(&setting.paris));
        let config = paris_oslo_as(&paris, &section(&setting.oslo), LINKS);
        setting.farshore.configure(&config);
    }
}

async fn happen(setting: &mut Setting, [paris, oslo]: Round, rng: &mut fastrand::Rng) {
    let (mut one, mut other) = (rng.fork(), rng.fork());
    tokio::join!(
        faults::happen(&mut setting.paris, paris, &mut one),
        faults::happen(&mut setting.oslo, oslo, &mut other),
    );
}
