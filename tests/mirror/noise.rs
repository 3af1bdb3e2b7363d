//! What the log and the status say while a cluster is away: each thing once.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::wait::{eventually, pass};
use crate::support::write::{Writer, numbered};
use rustix::fs::OFlags;
use rustix::process::Signal;

const PARTITIONS: i32 = 300;
/// Long enough for each partition to retry several times.
const OUTAGE: Duration = Duration::from_secs(15);
/// A line for the cluster, one for its partitions, and one for the end of each; the journal has two of its own.
const LINES_AT_MOST: usize = 6;

/// The log's lines after the first `skipped` ones, without their times.
fn lines(setting: &Setting, skipped: usize) -> Vec<String> {
    let log = setting.farshore.process().stderr();
    let said = log.lines().skip(skipped).map(|line| {
        let (_time, text) = line.split_once("Z ").unwrap_or(("", line));
        text.trim().to_owned()
    });
    said.collect()
}

async fn logs(setting: &Setting, skipped: usize, text: &str) {
    eventually(CATCH_UP, &format!("the log says {text}"), async || {
        let said = lines(setting, skipped);
        let found = said.iter().any(|line| line.contains(text));
        found.then_some(()).ok_or_else(|| said.join("\n"))
    })
    .await;
}

async fn all_live(setting: &Setting) {
    eventually(CATCH_UP, "all are live", async || {
        let shown = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let live = shown["partitions_by_state"]["live"] == PARTITIONS;
        live.then_some(()).ok_or_else(|| shown.to_string())
    })
    .await;
}

/// Waits until status shows the outage once, with the number of partitions.
async fn shows_the_error_once(setting: &Setting) {
    eventually(CATCH_UP, "one error for all partitions", async || {
        let shown = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let errors = shown["shared_details"].as_array().ok_or("no errors")?;
        let once = errors.len() == 1 && errors[0]["partitions"] == PARTITIONS;
        once.then_some(()).ok_or_else(|| shown.to_string())
    })
    .await;
    let status = setting.farshore.cli(&["status"]).await;
    let text = String::from_utf8_lossy(&status.stdout);
    let told = text.matches("Connection refused").count();
    // In the row of the link and below.
    assert!(told <= 2, "{told} times in:\n{text}");
    assert!(text.contains("300 partitions retrying: "), "{text}");
}

#[tokio::test]
async fn an_outage_of_either_side_is_a_handful_of_lines() {
    let link = "topics = [\"t\"]\nrequest_timeout = \"5s\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("t", PARTITIONS, &[]).await;
    setting.farshore.start().await;
    all_live(&setting).await;
    for is_source in [true, false] {
        let before = lines(&setting, 0).len();
        let cluster = if is_source {
            &mut setting.paris
        } else {
            &mut setting.oslo
        };
        cluster.kill(1);
        if !is_source {
            // A partition without records to send doesn't notice.
            let writer = Writer::new(&setting.paris.bootstrap(), "t", &[]);
            let records = (0..PARTITIONS).flat_map(|it| numbered(it, 0..1));
            writer.write(records.collect::<Vec<_>>()).await;
        }
        if is_source {
            logs(&setting, before, "partitions retry").await;
            shows_the_error_once(&setting).await;
        } else {
            logs(&setting, before, "cannot be reached").await;
        }
        pass(OUTAGE).await;
        let cluster = if is_source {
            &mut setting.paris
        } else {
            &mut setting.oslo
        };
        cluster.restart(1).await;
        all_live(&setting).await;
        if is_source {
            logs(&setting, before, "no partition retries any more").await;
        }
        let said = lines(&setting, before);
        assert!(said.len() <= LINES_AT_MOST, "{}", said.join("\n"));
        let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
        for line in &said {
            *counts.entry(line).or_default() += 1;
        }
        assert!(counts.values().all(|it| *it == 1), "{}", said.join("\n"));
    }
}

/// Makes the setting's farshore run with another standard error.
fn redirect(setting: &mut Setting, stderr: &str) {
    let path = setting.farshore.config_path().with_file_name("farshore.sh");
    let binary = env!("CARGO_BIN_EXE_farshore");
    let text = format!("#!/bin/bash\nexec {binary} \"$@\" 2>{stderr}\n");
    fs::write(&path, text).expect("a program");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    setting.farshore.set_binary(path);
}

/// Mirrors records and stops in order, with a hangup before.
async fn works(setting: &mut Setting, numbers: std::ops::Range<i64>) {
    let end = numbers.end;
    setting.write("t", 0, numbers).await;
    setting.arrives("t", 1, end).await;
    setting.farshore.process().signal(Signal::HUP);
    let ended = setting.farshore.sigterm().await;
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn nothing_waits_for_standard_error_or_ends_because_of_it() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    redirect(&mut setting, "/dev/full");
    setting.farshore.start().await;
    let page = setting.farshore.metrics().await.expect("metrics");
    let metric = "farshore_log_lines_lost_total ";
    let lost = page.lines().find_map(|line| line.strip_prefix(metric));
    assert!(lost.is_some_and(|it| it != "0"), "{page}");
    works(&mut setting, 0..1_000).await;

    let pipe = setting.farshore.config_path().with_file_name("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    let opened = fs::OpenOptions::new().read(true).write(true).open(&pipe);
    let mut unread = opened.expect("the pipe");
    // Nobody reads it, and it is full already.
    rustix::fs::fcntl_setfl(&unread, OFlags::NONBLOCK).expect("a pipe that doesn't block");
    while unread.write(&[b'\n'; 512]).is_ok() {}
    rustix::fs::fcntl_setfl(&unread, OFlags::empty()).expect("a pipe that blocks");
    redirect(&mut setting, pipe.to_str().expect("a path"));
    setting.farshore.start().await;
    works(&mut setting, 1_000..2_000).await;
    setting.compare("t", 1).await;
}
