//! The test bed itself: clusters start, keep their data across a SIGKILL, and leave nothing behind.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::brokers::{CONTROLLER, Cluster, KafkaVersion, Spec};
use support::groups;
use support::java::{self, Tool};
use support::leash::Leash;
use support::read::{Isolation, Partition};
use support::wait::eventually;
use support::write::{Outcome, Record, Writer};
use support::{compare, seed, topics, write};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn the_makefile_fetches_every_release() {
    let makefile = include_str!("../Makefile");
    let line = makefile.lines().find_map(|it| it.strip_prefix("KAFKA := "));
    let fetched: BTreeSet<&str> = line.expect("the releases").split(' ').collect();
    let used: BTreeSet<&str> = KafkaVersion::ALL.map(KafkaVersion::release).into();
    assert_eq!(fetched, used);
}

#[tokio::test]
async fn kafka_4_3_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V4_3).await;
}

#[tokio::test]
async fn kafka_4_1_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V4_1).await;
}

#[tokio::test]
async fn kafka_3_9_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V3_9).await;
}

#[tokio::test]
async fn kafka_3_9_with_zookeeper_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V3_9Zk).await;
}

#[tokio::test]
async fn kafka_2_8_keeps_records_across_sigkill() {
    keeps_records_across_sigkill(KafkaVersion::V2_8).await;
}

async fn keeps_records_across_sigkill(version: KafkaVersion) {
    let mut cluster = Cluster::start(Spec::new(version)).await;
    topics::create(&cluster.bootstrap(), "kept", 1, 1, &[]).await;
    let writer = Writer::new(&cluster.bootstrap(), "kept", &[]);
    writer.write([Record::new(0, "key", "value")]).await;

    cluster.kill(1);
    cluster.restart(1).await;

    let partition = Partition::new(&cluster.bootstrap(), "kept", 0);
    let records = partition.read(Isolation::Committed).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].key.as_deref(), Some(&b"key"[..]));
    assert_eq!(records[0].value.as_deref(), Some(&b"value"[..]));
}

#[tokio::test]
async fn three_brokers_survive_a_stop_and_a_pause_of_one() {
    let mut cluster = Cluster::start(Spec::new(KafkaVersion::V4_1).brokers(3)).await;
    let bootstrap = cluster.bootstrap();
    topics::create(&bootstrap, "replicated", 3, -1, &[]).await;
    let writer = Writer::new(&bootstrap, "replicated", &[]);
    let everywhere = || (0..3).map(|partition| Record::new(partition, "key", "value"));
    writer.write(everywhere()).await;

    cluster.stop(2).await;
    writer.write(everywhere()).await;
    cluster.restart(2).await;

    cluster.pause(3);
    writer.write(everywhere()).await;
    cluster.resume(3);

    cluster.kill(CONTROLLER);
    cluster.restart(CONTROLLER).await;
    for partition in 0..3 {
        let partition = Partition::new(&bootstrap, "replicated", partition);
        eventually(SOON, "all three records are seen", async || match partition
            .read(Isolation::Committed)
            .await
            .len()
        {
            3 => Ok(()),
            seen => Err(format!("{seen}")),
        })
        .await;
    }
}

/// One cluster plays both sides: the comparison identifies clusters only by their addresses.
#[tokio::test]
async fn comparison_sees_every_difference_and_no_other() {
    let cluster = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
    let bootstrap = cluster.bootstrap();
    for topic in ["source", "same", "other"] {
        topics::create(&bootstrap, topic, 1, 1, &[]).await;
    }
    let records: Vec<Record> = write::mixed(seed::rng(), 1, 1000).collect();
    let mut changed = records.clone();
    changed[700].value = Some(b"something else".to_vec());
    let settings = [("transactional.id", "source"), ("compression.type", "zstd")];
    let source = Writer::new(&bootstrap, "source", &settings);
    source.init_transactions().await;
    source.transaction(records.clone(), Outcome::Commit).await;
    source.transaction(records.clone(), Outcome::Abort).await;
    let plain = Writer::new(&bootstrap, "same", &[]);
    plain.write(records.clone()).await;
    plain.on("other").write(changed).await;

    let source = Partition::new(&bootstrap, "source", 0);
    let same = Partition::new(&bootstrap, "same", 0);
    let other = Partition::new(&bootstrap, "other", 0);
    let compared = compare::partitions(&source, &same, |_, _| {}).await;
    assert_eq!(compared.map(|compared| compared.records), Ok(1000));
    let difference = compare::partitions(&source, &other, |_, _| {}).await;
    let difference = difference.expect_err("a difference");
    assert!(
        difference.contains("source offset 700 and target offset 700 differ in value"),
        "{difference}"
    );
    let shorter = compare::partitions(&source, &same.from(1), |_, _| {}).await;
    shorter.expect_err("a difference");

    groups::commit(&bootstrap, "readers", &[("same", 0, 17)]).await;
    let committed = groups::committed(&bootstrap, "readers", &[("same", 0), ("other", 0)]).await;
    assert_eq!(committed, [(("same".to_owned(), 0), 17)].into());
    let arguments = ["--bootstrap-server", &bootstrap, "--topic", "same"];
    let printed = java::run(cluster.version(), Tool::GetOffsets, &arguments).await;
    assert_eq!(printed.trim(), "same:0:1000");
}

#[tokio::test]
async fn nothing_is_left_after_a_drop() {
    let cluster = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
    let (pids, dir) = (cluster.pids(), cluster.data_dir(1));
    assert!(!pids.is_empty() && dir.exists());
    drop(cluster);
    assert!(!dir.exists());
    assert_eq!(running(&pids), Vec::<u32>::new());
}

/// Plays two parts: the test runs its own binary as a child, which starts a cluster, reports it and waits to be killed.
#[tokio::test]
async fn nothing_is_left_after_a_sigkill_of_the_test() {
    const CHILD: &str = "FARSHORE_BED_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let cluster = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
        // A broker would also end because its directory is gone; this process only ends if it is killed.
        let leash = Leash::new("bystander");
        let script = "echo here; exec tail -f /dev/null";
        let bystander = leash.spawn("bystander", "bash", ["-c", script]);
        eventually(SOON, "the bystander is here", async || {
            let output = bystander.stdout();
            output.contains("here").then_some(()).ok_or(output)
        })
        .await;
        let pids = cluster.pids().into_iter().chain([bystander.pid()]);
        let pids: Vec<String> = pids.map(|pid| pid.to_string()).collect();
        let mut out = std::io::stdout();
        let report = format!(
            "CLUSTER {} {}",
            cluster.data_dir(1).display(),
            pids.join(" ")
        );
        writeln!(out, "\n{report}").expect("the parent listens");
        std::io::stdin().lines().next();
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "nothing_is_left_after_a_sigkill_of_the_test"])
        .arg("--nocapture")
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this binary can be run");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let report = lines
        .map(|line| line.expect("text"))
        .find(|line| line.starts_with("CLUSTER "))
        .expect("the child starts a cluster");
    let words: Vec<&str> = report.split(' ').collect();
    let dir = Path::new(words[1]);
    let pids: Vec<u32> = words[2..].iter().map(|pid| pid.parse().unwrap()).collect();
    assert!(dir.exists());
    assert_eq!(running(&pids), pids);

    child.kill().expect("the child can be killed");
    child.wait().expect("the child ends");
    eventually(SOON, "the child's cluster is gone", async || {
        match (running(&pids), dir.exists()) {
            (running, false) if running.is_empty() => Ok(()),
            seen => Err(format!("running, directory: {seen:?}")),
        }
    })
    .await;
}

/// Those of the processes that exist and aren't zombies.
fn running(pids: &[u32]) -> Vec<u32> {
    let alive = |pid: &&u32| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    };
    pids.iter().filter(alive).copied().collect()
}
