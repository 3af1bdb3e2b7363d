//! `cargo run --example golden -- FARSHORE DIRECTORY`: makes golden data with a released farshore, between real Kafka
//! clusters.
//!
//! Promises: the checkpoint DB of a process that was killed in the middle of a move, that version's own export of the DB,
//! and the journals with the same contents. Doesn't: judge the contents; `tests/contract/golden.rs` does, with the farshore
//! of today.

mod history;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use history::{GROUPS, ROUNDS, STILL, committed_at, end};
use support::brokers::{Cluster, KafkaVersion, Spec};
use support::farshore::Farshore;
use support::operator::LINK;
use support::read::{Isolation, Partition};
use support::wait::{eventually, pass};
use support::write::{Outcome, Writer, numbered};
use support::{groups, topics};

const LIMIT: Duration = Duration::from_secs(60);
/// The maximum number of moves, each with its own groups, until one is killed while it commits.
const TRIES: usize = 10;
/// How long a link at rest takes at most until its journal has everything.
const REST: Duration = Duration::from_secs(5);
/// The final number of records in the paused link's topic.
const MORE: i64 = 30;
const LINKS: [&str; 3] = [LINK, "preserved", "paused"];

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(binary), Some(into)) = (arguments.next(), arguments.next()) else {
        panic!("usage: golden FARSHORE DIRECTORY");
    };
    let paris = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
    let oslo = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
    fill(&paris).await;
    let mut farshore = Farshore::new(binary, &config(&paris.bootstrap(), &oslo.bootstrap()));
    farshore.start().await;
    mirror(&farshore, &paris).await;
    for number in 0..TRIES {
        if kill_committing(&mut farshore, &paris, number).await {
            return keep(&farshore, &oslo.bootstrap(), &into).await;
        }
        farshore.start().await;
    }
    panic!("no operation was killed while it committed, with DB and journals alike");
}

fn config(paris: &str, oslo: &str) -> String {
    let link = |name: &str, lines: &str| {
        format!("[links.{name}]\nsource = \"paris\"\ntarget = \"oslo\"\n{lines}\n")
    };
    let alone = "groups_exclude = [\".*\"]";
    [
        format!("[clusters.paris]\nbootstrap_servers = [{paris:?}]\n"),
        format!("[clusters.oslo]\nbootstrap_servers = [{oslo:?}]\n"),
        link(LINK, "topics = [\"orders\"]"),
        link(
            LINKS[1],
            &format!("topics = [\"same\"]\noffsets = \"preserve\"\n{alone}"),
        ),
        link(LINKS[2], &format!("topics = [\"still\"]\n{alone}")),
    ]
    .concat()
}

async fn fill(paris: &Cluster) {
    let bootstrap = paris.bootstrap();
    for topic in ["orders", "same", "still"] {
        topics::create(&bootstrap, topic, 1, 1, &[]).await;
    }
    for topic in ["orders", "same"] {
        let one = Writer::new(&bootstrap, topic, &[("transactional.id", "one")]);
        let two = Writer::new(&bootstrap, topic, &[("transactional.id", "two")]);
        let plain = Writer::new(&bootstrap, topic, &[]);
        one.init_transactions().await;
        two.init_transactions().await;
        for round in 0..ROUNDS {
            let outcome = |commits| [Outcome::Abort, Outcome::Commit][usize::from(commits)];
            one.begin();
            one.write(numbered(0, 0..history::ONE)).await;
            two.begin();
            two.write(numbered(0, 0..history::TWO)).await;
            plain.write(numbered(0, 0..history::PLAIN)).await;
            one.end(outcome(history::one_commits(round))).await;
            two.end(outcome(history::two_commits(round))).await;
        }
    }
    let writer = Writer::new(&bootstrap, "still", &[]);
    writer.write(numbered(0, 0..STILL)).await;
}

async fn mirror(farshore: &Farshore, paris: &Cluster) {
    for (link, topic, end) in [
        (LINKS[0], "orders", end()),
        (LINKS[1], "same", end()),
        (LINKS[2], "still", STILL),
    ] {
        let path = format!("/v1/links/{link}/topics/{topic}");
        eventually(LIMIT, &format!("{topic} is mirrored"), async || {
            let shown = farshore.get_json(&path).await?;
            let partition = &shown["partitions"][0];
            let is_there =
                partition["position"].as_i64() == Some(end) && partition["state"] == "live";
            is_there.then_some(()).ok_or(shown.to_string())
        })
        .await;
    }
    let path = format!("/v1/links/{}/pause", LINKS[2]);
    let answer = farshore
        .post_json(&path, json!({}))
        .await
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let writer = Writer::new(&paris.bootstrap(), "still", &[]);
    writer.write(numbered(0, STILL..MORE)).await;
}

/// Starts a move of new groups and kills farshore while it commits. Returns whether that succeeded and every journal holds
/// what the DB does.
async fn kill_committing(farshore: &mut Farshore, paris: &Cluster, number: usize) -> bool {
    let name = format!("team{number}");
    let at = |group: usize| {
        (
            format!("{name}-{group:02}"),
            ("orders", 0, committed_at(group)),
        )
    };
    let commits: Vec<_> = (0..GROUPS).map(at).collect();
    groups::commit_each(&paris.bootstrap(), &commits).await;
    for (group, (topic, partition, offset)) in &commits {
        farshore
            .carries_exactly(group, (topic, *partition), *offset)
            .await;
    }
    pass(REST).await;
    let plan = farshore
        .clear_plan("switchover", &format!("{name}-.*"))
        .await;
    let answer = farshore.start_operation(&plan).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    farshore.operation_enters(&plan.id, "committing").await;
    farshore.kill9();
    let phase = phase_of(&exported(farshore, &[]).await, &plan.id);
    println!("killed in {phase:?}");
    if phase.as_deref() != Some("committing") {
        return false;
    }
    for link in LINKS {
        let of_db = exported(farshore, &["--link", link]).await;
        let of_journal = exported(farshore, &["--from-journal", "--link", link]).await;
        if sorted(&of_db) != sorted(&of_journal) {
            println!("the journal of {link} doesn't hold what the DB does");
            return false;
        }
    }
    true
}

async fn exported(farshore: &Farshore, arguments: &[&str]) -> String {
    let all = [&["store", "export"], arguments].concat();
    let output = farshore.cli(&all).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn sorted(lines: &str) -> Vec<&str> {
    let mut lines: Vec<_> = lines.lines().collect();
    lines.sort_unstable();
    lines
}

/// The phase of an operation in an export. Its id is in its key.
fn phase_of(export: &str, id: &str) -> Option<String> {
    let id: Vec<_> = id.bytes().map(|byte| format!("{byte:02x}")).collect();
    let id = id.concat();
    let mut lines = export
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.find_map(|line| {
        let is_wanted = line["space"] == "operations" && line["key"].as_str()?.contains(&id);
        let text = line["text"].as_str().filter(|_| is_wanted)?;
        let operation: Value = serde_json::from_str(text).expect("an operation");
        operation["phase"]["name"].as_str().map(str::to_owned)
    })
}

/// Writes the files that the test reads.
async fn keep(farshore: &Farshore, oslo: &str, into: &Path) {
    fs::create_dir_all(into).expect("a directory");
    fs::write(
        into.join("export.jsonl.gz"),
        packed(exported(farshore, &[]).await.as_bytes()),
    )
    .expect("the export");
    for link in LINKS {
        let journal = Partition::new(oslo, &format!("__farshore.{link}"), 0);
        let mut lines = Vec::new();
        for record in journal.read(Isolation::Uncommitted).await {
            let key = hex(&record.key.unwrap_or_default());
            let value = record.value.map(|value| hex(&value));
            writeln!(lines, "{}", json!({ "key": key, "value": value })).expect("it is in memory");
        }
        fs::write(
            into.join(format!("journal.{link}.jsonl.gz")),
            packed(&lines),
        )
        .expect("a journal");
    }
    let db = into.join("db");
    fs::create_dir_all(&db).expect("a directory");
    for entry in fs::read_dir(farshore.checkpoint_path()).expect("the DB") {
        let entry = entry.expect("a file");
        let name = entry.file_name().into_string().expect("a name");
        if entry.path().is_file() && name != "farshore.lock" {
            let bytes = fs::read(entry.path()).expect("a file of the DB");
            fs::write(db.join(format!("{name}.gz")), packed(&bytes)).expect("its copy");
        }
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packing = GzEncoder::new(Vec::new(), Compression::best());
    packing.write_all(bytes).expect("it is in memory");
    packing.finish().expect("it is in memory")
}

fn hex(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digit = |half| char::from_digit(u32::from(half), 16).expect("half a byte");
    halves.map(digit).collect()
}
