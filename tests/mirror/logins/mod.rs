//! Clusters that require authentication.

#[expect(dead_code, reason = "the tests of the record path use all of it")]
pub(crate) mod issuer;
mod planted;
mod scram;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::ports::Port;
use crate::support::wait::eventually;

const LIMIT: Duration = Duration::from_secs(60);
const LINK: &str = "topics = [\"orders\"]\npath = \"raw\"";
const JAAS: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                    user_farshore=\"s3cret\";";

/// A broker on whose second listener farshore has to log in; a session there lasts three seconds (KIP-368).
fn guarded(port: &Port) -> Spec {
    Spec::new(KafkaVersion::V4_1)
        .login(&port.address(), "PLAIN", JAAS)
        .property(
            "listener.name.login.plain.connections.max.reauth.ms",
            "3000",
        )
}

fn cluster(port: &Port, password: &str) -> String {
    let keys = format!("username = \"farshore\", password = \"{password}\"");
    cluster_of(&port.address(), "PLAIN", &keys)
}

/// The lines of a cluster with these keys of its login.
fn cluster_of(address: &str, mechanism: &str, keys: &str) -> String {
    format!(
        "bootstrap_servers = [\"{address}\"]\nsecurity_protocol = \"SASL_PLAINTEXT\"\n\
         sasl = {{ mechanism = \"{mechanism}\", {keys} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_and_begin_while_records_are_mirrored() {
    mirrors_through_sessions("topics = [\"orders\"]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_they_do_on_the_record_path() {
    mirrors_through_sessions("topics = [\"orders\"]\npath = \"record\"").await;
}

async fn mirrors_through_sessions(link: &str) {
    let ports = [Port::reserve(), Port::reserve()];
    let [paris, oslo] = ports.each_ref().map(guarded);
    let mut setting = Setting::between(paris, oslo, link).await;
    setting.topic("orders", 2, &[]).await;
    let sections = |password| ports.each_ref().map(|port| cluster(port, password));

    let [paris, oslo] = sections("wrong");
    setting
        .farshore
        .configure(&paris_oslo_as(&paris, &oslo, link));
    let told = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains("SASL_AUTHENTICATION_FAILED"), "{text}");
    assert!(text.contains("correct [clusters.paris.sasl]"), "{text}");

    let [paris, oslo] = sections("s3cret");
    setting
        .farshore
        .configure(&paris_oslo_as(&paris, &oslo, link));
    setting.farshore.start().await;
    let mut seen = BTreeSet::new();
    for round in 0..4 {
        for partition in 0..2 {
            let numbers = round * 500..(round + 1) * 500;
            setting.write("orders", partition, numbers).await;
        }
        setting.mirrored("orders", 2).await;
        let before = seen.len();
        let renewed = "farshore logs in again on both sides";
        eventually(Duration::from_secs(60), renewed, async || {
            seen.extend(ports.iter().flat_map(connections_to));
            let more = seen.len() - before;
            // For data and for control, on either side.
            if more >= 4 {
                Ok(())
            } else {
                Err(format!("{more} new connections"))
            }
        })
        .await;
    }
    assert_eq!(setting.compare("orders", 2).await, 4_000);
}

/// The established connections to a local port, by the client's port.
fn connections_to(port: &Port) -> Vec<u32> {
    const ESTABLISHED: &str = "01";
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's connections");
    let lines = table.lines().skip(1).filter_map(|line| {
        let [_, local, remote, state, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            return None;
        };
        let port_of = |address: &str| u32::from_str_radix(address.split_once(':')?.1, 16).ok();
        let ours = state == ESTABLISHED && port_of(remote)? == u32::from(port.number());
        ours.then(|| port_of(local))?
    });
    lines.collect()
}

/// A program that becomes farshore, with these variables of the environment and a log of everything.
fn at_trace(directory: &Path, variables: &[(&str, &str)]) -> PathBuf {
    let export = |(name, value): &(&str, &str)| format!("export {name}='{value}'");
    let exports: Vec<String> = variables.iter().map(export).collect();
    let binary = env!("CARGO_BIN_EXE_farshore");
    let text = format!(
        "#!/bin/sh\n{}\nexport FARSHORE_LOG=trace\nexec '{binary}' \"$@\"\n",
        exports.join("\n")
    );
    let path = directory.join("farshore");
    fs::write(&path, text).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    path
}

/// Writes a round of records to both partitions on the source.
async fn write(setting: &Setting, round: i64) {
    for partition in 0..2 {
        let numbers = round * 500..(round + 1) * 500;
        setting.write("orders", partition, numbers).await;
    }
}

/// Checks what `check` says about a configuration, and what it advises.
async fn finds(setting: &Setting, configuration: &str, what: &str, fix: &str) {
    setting.farshore.configure(configuration);
    let told = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains(what) && text.contains(fix), "{text}");
}

/// Waits until the link waits for the login at this end, for this reason, while the other end is reached.
pub(crate) async fn waits(setting: &Setting, end: &str, why: &str) {
    let (cluster, other) = match end {
        "source" => ("paris", "target_reachable"),
        _ => ("oslo", "source_reachable"),
    };
    let fails = format!("the login at {end} {cluster} fails");
    eventually(LIMIT, why, async || {
        let link = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let detail = link["detail"].as_str().unwrap_or_default();
        let is_so = link["state"] == "waiting"
            && detail.contains(&fails)
            && detail.contains(why)
            && link[other] == Value::Bool(true);
        is_so.then_some(()).ok_or(link.to_string())
    })
    .await;
}

/// Searches what farshore shows: its log, the answers of its API, its metrics, and what `check` says.
async fn shows_none(setting: &Setting, links: &[impl AsRef<str>], secrets: &[&str]) {
    let farshore = &setting.farshore;
    let mut shown = vec![farshore.process().stderr(), farshore.process().stdout()];
    assert!(shown[0].contains("TRACE"), "a log of everything");
    let mut paths = Vec::new();
    for link in links {
        let parts = [
            "",
            "/topics/orders",
            "/groups",
            "/readiness",
            "/explain/orders",
        ];
        paths.extend(parts.map(|part| format!("/v1/links/{}{part}", link.as_ref())));
    }
    let common = [
        "/v1/links",
        "/v1/audit",
        "/v1/plans",
        "/v1/operations",
        "/readyz?scope=link",
        "/openapi.json",
    ];
    paths.extend(common.map(str::to_owned));
    for path in &paths {
        shown.push(format!("{:?}", farshore.get(path).await.expect(path)));
    }
    shown.push(farshore.metrics().await.expect("metrics"));
    for arguments in [&["check"][..], &["check", "-o", "json"], &["status"]] {
        shown.push(format!("{:?}", farshore.cli(arguments).await));
    }
    for secret in secrets {
        let found = shown.iter().find(|text| text.contains(secret));
        assert!(found.is_none(), "{secret} is shown");
    }
}
