//! SCRAM against brokers with credentials of their own: wrong, right, changed while records flow, and put right.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{at_trace, shows_none};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::java::{self, Tool};
use crate::support::ports::Port;
use crate::support::wait::eventually;

const LIMIT: Duration = Duration::from_secs(60);
const LINK: &str = "topics = [\"orders\"]\npath = \"raw\"";
const FIRST: &str = "first-s3cret";
const SECOND: &str = "second-s3cret";

/// A broker on whose second listener a session by this mechanism lasts three seconds.
fn guarded(port: &Port, mechanism: &str) -> Spec {
    let listener = format!("listener.name.login.{}", mechanism.to_lowercase());
    Spec::new(KafkaVersion::V4_1)
        .scram(&port.address(), mechanism, ("farshore", FIRST))
        .property(&format!("{listener}.connections.max.reauth.ms"), "3000")
}

fn cluster(address: &str, mechanism: &str, file: &Path) -> String {
    format!(
        "bootstrap_servers = [\"{address}\"]\nsecurity_protocol = \"SASL_PLAINTEXT\"\n\
         sasl = {{ mechanism = \"{mechanism}\", username = \"farshore\", password_file = {file:?} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_changes_stops_one_side_until_its_file_is_right() {
    let ports = [Port::reserve(), Port::reserve()];
    let [paris, oslo] = [
        guarded(&ports[0], "SCRAM-SHA-256"),
        guarded(&ports[1], "SCRAM-SHA-512"),
    ];
    let mut setting = Setting::between(paris, oslo, LINK).await;
    setting.topic("orders", 2, &[]).await;
    let secrets = tempfile::tempdir().expect("a directory");
    let files = ["paris", "oslo"].map(|name| secrets.path().join(name));
    for file in &files {
        fs::write(file, FIRST).expect("a password");
    }
    let program = at_trace(secrets.path(), &[]);
    setting.farshore.set_binary(program);
    let [of_paris, of_oslo] = ports.each_ref().map(Port::address);
    let oslo = cluster(&of_oslo, "SCRAM-SHA-512", &files[1]);
    let paris = |mechanism| paris_oslo_as(&cluster(&of_paris, mechanism, &files[0]), &oslo, LINK);

    // What is wrong is told apart.
    fs::write(&files[0], "wrong").expect("a password");
    finds(
        &setting,
        &paris("SCRAM-SHA-256"),
        "SASL_AUTHENTICATION_FAILED",
        "correct [clusters.paris.sasl]",
    )
    .await;
    finds(
        &setting,
        &paris("SCRAM-SHA-512"),
        "enabled there: SCRAM-SHA-256",
        "Set mechanism in [clusters.paris.sasl]",
    )
    .await;
    let plain = cluster(&setting.paris.bootstrap(), "SCRAM-SHA-256", &files[0]);
    finds(
        &setting,
        &paris_oslo_as(&plain, &oslo, LINK),
        "ILLEGAL_SASL_STATE",
        "takes no logins",
    )
    .await;

    fs::write(&files[0], FIRST).expect("a password");
    setting.farshore.configure(&paris("SCRAM-SHA-256"));
    setting.farshore.start().await;
    write(&setting, 0).await;
    setting.mirrored("orders", 2).await;

    // Sessions end after three seconds, and with the old password no new one begins.
    set_password(&setting, SECOND).await;
    let fails = "the login at source paris fails";
    waits(&setting, fails).await;
    write(&setting, 1).await;
    let log = setting.farshore.process().stderr();
    assert_eq!(log.matches("cluster login failed").count(), 1, "{log}");
    for other in ["WARN farshore::task", "cluster cannot be reached"] {
        assert!(!log.contains(other), "{log}");
    }
    shows_none(&setting, &[FIRST, SECOND]).await;

    // Neither does a new process with it.
    setting.farshore.kill9();
    setting.farshore.start().await;
    waits(&setting, fails).await;
    fs::write(&files[0], format!("{SECOND}\n")).expect("a password");
    setting.mirrored("orders", 2).await;
    write(&setting, 2).await;
    setting.mirrored("orders", 2).await;
    assert_eq!(setting.compare("orders", 2).await, 3_000);
    // Once for each process.
    let log = setting.farshore.process().stderr();
    assert_eq!(log.matches("cluster login failed").count(), 2, "{log}");
}

async fn write(setting: &Setting, round: i64) {
    for partition in 0..2 {
        let numbers = round * 500..(round + 1) * 500;
        setting.write("orders", partition, numbers).await;
    }
}

/// What `check` says about a configuration, and what it advises.
async fn finds(setting: &Setting, configuration: &str, what: &str, fix: &str) {
    setting.farshore.configure(configuration);
    let told = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains(what) && text.contains(fix), "{text}");
}

/// Waits until the link waits for this reason alone: the other cluster is reached.
async fn waits(setting: &Setting, why: &str) {
    eventually(LIMIT, why, async || {
        let link = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let detail = link["detail"].as_str().unwrap_or_default();
        let is_so = link["state"] == "waiting"
            && detail.contains(why)
            && detail.contains("SASL_AUTHENTICATION_FAILED")
            && link["target_reachable"] == Value::Bool(true);
        is_so.then_some(()).ok_or(link.to_string())
    })
    .await;
}

/// Changes the password on the source.
async fn set_password(setting: &Setting, password: &str) {
    let bootstrap = setting.paris.bootstrap();
    let added = format!("SCRAM-SHA-256=[password={password}]");
    let arguments = [
        "--bootstrap-server",
        &bootstrap,
        "--alter",
        "--add-config",
        &added,
        "--entity-type",
        "users",
        "--entity-name",
        "farshore",
    ];
    java::run(KafkaVersion::V4_1, Tool::Configs, &arguments).await;
}
