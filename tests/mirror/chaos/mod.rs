//! Kills at random moments while everything is mirrored at once: plain, compacted, transactional and preserved topics, and
//! groups.
//!
//! farshore is killed while it starts, settles, mirrors and waits for its lease; sometimes its checkpoint DB is lost,
//! sometimes a broker is killed as well. In the end independent clients find every record once, every sampled offset is
//! translated exactly both ways, and every group is where it should be.

mod oracles;
mod workload;

use std::time::Duration;

use crate::asking::lose_checkpoint;
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::seed;
use crate::support::wait::any_moment;
use workload::Workload;

/// The environment variable that sets the number of kills.
const KILLS: &str = "FARSHORE_CHAOS_KILLS";
const USUAL: usize = 15;
/// After this many kills everything is allowed to arrive, so that a fault is noticed soon after it was made.
const BREATH: usize = 25;

/// Small steps, so that much is in flight; each topic is in the link that suits it.
const LINKS: &str = r#"
topics = ["plain", "keyed", "txn"]
max_in_flight_bytes = "1MiB"
fetch_max_bytes = "64KiB"
partition_max_bytes = "8KiB"
refresh_interval = "1s"

[links.kept]
source = "paris"
target = "oslo"
offsets = "preserve"
topics = ["kept"]
groups_exclude = [".*"]
refresh_interval = "1s"
"#;

#[tokio::test]
async fn kills_at_any_moment_lose_and_double_nothing() {
    let kills = std::env::var(KILLS).ok().and_then(|it| it.parse().ok());
    let kills = kills.unwrap_or(USUAL);
    let mut setting = Setting::start(KafkaVersion::V4_1, LINKS).await;
    let workload = Workload::start(&setting).await;
    let killing = async {
        kill_often(&mut setting, &workload, kills).await;
        workload.stop();
    };
    tokio::join!(killing, workload.run());
    if kills > 0 {
        setting.farshore.launch();
    }
    oracles::all_hold(&setting, &workload).await;
}

async fn kill_often(setting: &mut Setting, workload: &Workload, kills: usize) {
    let mut rng = seed::rng();
    for kill in 1..=kills {
        setting.farshore.launch();
        let moment = if rng.bool() { 400 } else { 3_000 };
        any_moment(&mut rng, Duration::from_millis(moment)).await;
        if rng.u32(0..12) == 0 {
            kill_a_broker(setting, workload, &mut rng).await;
        }
        if kill % BREATH == 0 {
            oracles::everything_flows(setting, workload).await;
            println!("{kill} kills");
        }
        let log = setting.farshore.process().stderr();
        assert!(!log.contains("panicked"), "{log}");
        setting.farshore.kill9();
        // The first loss comes early enough for a short run.
        if kill == USUAL / 2 || rng.u32(0..25) == 0 {
            lose_checkpoint(&setting.farshore);
        }
    }
}

/// The source's broker is killed only between two rounds: its clients aren't under test.
async fn kill_a_broker(setting: &mut Setting, workload: &Workload, rng: &mut fastrand::Rng) {
    if rng.bool() {
        setting.oslo.kill(1);
        setting.oslo.restart(1).await;
    } else {
        let between_rounds = workload.pause().await;
        setting.paris.kill(1);
        setting.paris.restart(1).await;
        drop(between_rounds);
    }
}
