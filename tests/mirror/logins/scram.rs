//! SCRAM against brokers with credentials of their own: wrong, right, changed and revoked while records flow, and put
//! right.

use std::fs;
use std::path::Path;

use super::{LINK, at_trace, cluster_of, finds, shows_none, waits, write};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::java::{self, Tool};
use crate::support::ports::Port;
use crate::support::topics::Counter;

const FIRST: &str = "first-s3cret";
const SECOND: &str = "second-s3cret";
const REFUSED: &str = "SASL_AUTHENTICATION_FAILED";

/// A broker on whose second listener a session by this mechanism lasts three seconds.
fn guarded(port: &Port, mechanism: &str) -> Spec {
    let listener = format!("listener.name.login.{}", mechanism.to_lowercase());
    Spec::new(KafkaVersion::V4_1)
        .scram(&port.address(), mechanism, ("farshore", FIRST))
        .property(&format!("{listener}.connections.max.reauth.ms"), "3000")
}

fn cluster(address: &str, mechanism: &str, file: &Path) -> String {
    let keys = format!(
        "username = \"farshore\", password_file = \"{}\"",
        file.display()
    );
    cluster_of(address, mechanism, &keys)
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
    setting.topic("payments", 1, &[]).await;
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

    tells_apart(&setting, &files[0], paris).await;

    // The same brokers without a login are another cluster to farshore.
    let other = format!(
        "{}\n[clusters.rome]\nbootstrap_servers = [\"{}\"]\n\
         [links.rome-oslo]\nsource = \"rome\"\ntarget = \"oslo\"\ntopics = [\"payments\"]\npath = \"raw\"\n",
        paris("SCRAM-SHA-256"),
        setting.paris.bootstrap()
    );
    fs::write(&files[0], FIRST).expect("a password");
    setting.farshore.configure(&other);
    setting.farshore.start().await;
    write(&setting, 0).await;
    setting.mirrored("orders", 2).await;
    changes(&mut setting, &files[0]).await;
    is_revoked_and_granted(&setting).await;
    assert_eq!(setting.compare("orders", 2).await, 4_000);
}

/// What is wrong is told apart.
async fn tells_apart(setting: &Setting, file: &Path, paris: impl Fn(&'static str) -> String) {
    fs::write(file, "wrong").expect("a password");
    let fix = "correct [clusters.paris.sasl]";
    finds(setting, &paris("SCRAM-SHA-256"), REFUSED, fix).await;
    let (what, fix) = (
        "enabled there: SCRAM-SHA-256",
        "Set mechanism in [clusters.paris.sasl]",
    );
    finds(setting, &paris("SCRAM-SHA-512"), what, fix).await;
    let plain = cluster(&setting.paris.bootstrap(), "SCRAM-SHA-256", file);
    let oslo = format!("bootstrap_servers = [\"{}\"]\n", setting.oslo.bootstrap());
    let plain = paris_oslo_as(&plain, &oslo, LINK);
    finds(setting, &plain, "ILLEGAL_SASL_STATE", "takes no logins").await;
}

/// The source's password is changed, and then the file; SIGKILL in between.
async fn changes(setting: &mut Setting, file: &Path) {
    // Sessions end after three seconds, and with the old password no new one begins.
    set(&setting.paris, &["--add-config", &of(256, SECOND)]).await;
    waits(setting, "source", REFUSED).await;
    write(setting, 1).await;
    // A link that doesn't use this cluster isn't affected.
    setting.write("payments", 0, 0..500).await;
    let payments = Counter::new(&setting.oslo.bootstrap(), "payments", 1);
    payments.reaches(500, CATCH_UP).await;
    waits(setting, "source", REFUSED).await;
    let log = setting.farshore.process().stderr();
    assert_eq!(log.matches("cluster login failed").count(), 1, "{log}");
    for other in ["WARN farshore::task", "cluster cannot be reached"] {
        assert!(!log.contains(other), "{log}");
    }
    shows_none(setting, &["paris-oslo"], &[FIRST, SECOND]).await;

    // Neither does a new process with it.
    setting.farshore.kill9();
    setting.farshore.start().await;
    waits(setting, "source", REFUSED).await;
    fs::write(file, format!("{SECOND}\n")).expect("a password");
    setting.mirrored("orders", 2).await;
    write(setting, 2).await;
    setting.mirrored("orders", 2).await;
    // Once for each process.
    let log = setting.farshore.process().stderr();
    assert_eq!(log.matches("cluster login failed").count(), 2, "{log}");
}

/// The target forgets the user, and takes it back.
async fn is_revoked_and_granted(setting: &Setting) {
    set(&setting.oslo, &["--delete-config", "SCRAM-SHA-512"]).await;
    waits(setting, "target", REFUSED).await;
    write(setting, 3).await;
    waits(setting, "target", REFUSED).await;
    set(&setting.oslo, &["--add-config", &of(512, FIRST)]).await;
    setting.mirrored("orders", 2).await;
    let log = setting.farshore.process().stderr();
    assert_eq!(log.matches("cluster login failed").count(), 3, "{log}");
    assert!(!log.contains("cluster cannot be reached"), "{log}");
    shows_none(setting, &["paris-oslo"], &[FIRST, SECOND]).await;
}

fn of(hash: u32, password: &str) -> String {
    format!("SCRAM-SHA-{hash}=[password={password}]")
}

/// Changes the user's credentials.
async fn set(cluster: &Cluster, change: &[&str]) {
    let bootstrap = cluster.bootstrap();
    let mut arguments = vec!["--bootstrap-server", &bootstrap, "--alter"];
    arguments.extend(["--entity-type", "users", "--entity-name", "farshore"]);
    arguments.extend(change);
    java::run(KafkaVersion::V4_1, Tool::Configs, &arguments).await;
}
