//! Several processes try to own the link at the same moment, and exactly one succeeds.

use super::logged;
use crate::setting::{CATCH_UP, Setting, farshore};
use crate::support::brokers::KafkaVersion;
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;

const LINK: &str = "topics = [\"t\"]";
const PROCESSES: usize = 4;

/// Waits until one process runs the link and all others stand by, and returns its index.
async fn one_runs(processes: &[Farshore]) -> usize {
    eventually(CATCH_UP, "one runs and the others stand by", async || {
        let mut states = Vec::new();
        for process in processes {
            let shown = process.get_json("/v1/links/paris-oslo").await?;
            states.push(shown["state"].as_str().unwrap_or_default().to_owned());
        }
        let count = |state: &str| states.iter().filter(|it| *it == state).count();
        let is_settled = count("running") == 1 && count("standby") == states.len() - 1;
        let place = states.iter().position(|state| state == "running");
        place.filter(|_| is_settled).ok_or(format!("{states:?}"))
    })
    .await
}

/// How often any of the processes gained ownership.
fn owned(processes: &[Farshore]) -> usize {
    let owned = processes.iter();
    owned
        .map(|it| logged(it, "this process owns the link"))
        .sum()
}

#[tokio::test]
async fn of_several_at_once_one_comes_to_own_the_link() {
    let setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    setting.topic("t", 1, &[]).await;
    let mut processes: Vec<Farshore> = (0..PROCESSES)
        .map(|_| farshore(&setting.paris, &setting.oslo, LINK))
        .collect();
    for process in &mut processes {
        process.launch();
    }
    for process in &mut processes {
        process.wait_api_ready().await;
    }
    let mut owner = one_runs(&processes).await;
    assert_eq!(owned(&processes), 1);
    let mut written = 0;
    while processes.len() > 1 {
        setting.write("t", 0, written..written + 100).await;
        written += 100;
        setting.arrives("t", 1, written).await;
        // All standbys saw its last sign of life at the same time.
        processes.remove(owner).kill9();
        owner = one_runs(&processes).await;
        assert_eq!(owned(&processes), 1);
    }
    setting.write("t", 0, written..written + 100).await;
    written += 100;
    setting.arrives("t", 1, written).await;
    assert_eq!(setting.compare("t", 1).await, written.unsigned_abs());
}
