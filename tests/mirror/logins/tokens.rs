//! OAUTHBEARER against brokers that check signatures with a key set, and a token server of the test's own: forged tokens,
//! refused clients, tokens that end while records flow and no new ones, and SIGKILL in the middle.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::issuer::{CLIENT_SECRET, Issuer, Mood};
use super::{LIMIT, LINK, at_trace, cluster_of, finds, shows_none, waits, write};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, OAUTHBEARER, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::ports::Port;
use crate::support::wait::eventually;

const URL_SECRET: &str = "url-s3cret";
const ARGUMENT: &str = "argument-s3cret";
/// The last part is the beginning of any token.
const SECRETS: [&str; 4] = [CLIENT_SECRET, URL_SECRET, ARGUMENT, "eyJ"];

/// A broker whose second listener takes the issuer's tokens, for sessions of three seconds at most.
pub(super) fn guarded(port: &Port, keys: &Path) -> Spec {
    Spec::new(KafkaVersion::V4_1)
        .login(&port.address(), "OAUTHBEARER", OAUTHBEARER)
        .tokens("login", keys)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_and_are_renewed_while_records_flow() {
    let files = tempfile::tempdir().expect("a directory");
    let [keys, token] = ["keys.json", "token"].map(|it| files.path().join(it));
    let issuer = Issuer::start(&keys).await;
    let ports = [Port::reserve(), Port::reserve()];
    let [paris, oslo] = ports.each_ref().map(|port| guarded(port, &keys));
    let mut setting = Setting::between(paris, oslo, LINK).await;
    setting.topic("orders", 2, &[]).await;
    let variables = [("CLIENT_SECRET", CLIENT_SECRET), ("ARGUMENT", ARGUMENT)];
    setting
        .farshore
        .set_binary(at_trace(files.path(), &variables));
    let by_url = format!(
        "token_url = \"{}\", client_id = \"farshore\", client_secret = \"${{CLIENT_SECRET}}\", scope = \"kafka\", \
         extensions = {{ traceId = \"42\" }}",
        issuer.url(URL_SECRET)
    );
    let by_command = format!(
        "token_command = [\"/bin/sh\", \"-c\", 'cat \"$0\"', {token:?}, \"${{ARGUMENT}}\"]"
    );
    fs::write(&token, issuer.printed(Duration::from_secs(3_600))).expect("a token");
    let cluster = |port: &Port, keys: &str| cluster_of(&port.address(), "OAUTHBEARER", keys);
    let oslo = cluster(&ports[1], &by_command);
    let paris = |keys: &str| paris_oslo_as(&cluster(&ports[0], keys), &oslo, LINK);

    tells_apart(&setting, &issuer, &paris(&by_url)).await;
    let lost = files.path().join("lost");
    fs::write(&lost, issuer.token(Duration::from_secs(1_000))).expect("a token");
    setting
        .farshore
        .configure(&paris(&format!("token_file = {lost:?}")));
    let told = setting.farshore.cli(&["check"]).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");

    setting.farshore.configure(&paris(&by_url));
    are_renewed(&mut setting, &issuer).await;
    end(&mut setting, &issuer).await;
    assert_eq!(setting.compare("orders", 2).await, 4_000);
}

/// What is wrong is told apart.
async fn tells_apart(setting: &Setting, issuer: &Issuer, configuration: &str) {
    let fix = "correct [clusters.paris.sasl]";
    issuer.set(Mood::Forges);
    let what = "the broker refuses the token: invalid_token";
    finds(setting, configuration, what, fix).await;
    issuer.set(Mood::Refuses);
    let what = "it answers 401 Unauthorized; invalid_client";
    finds(setting, configuration, what, fix).await;
}

/// Tokens end, one after the other.
async fn are_renewed(setting: &mut Setting, issuer: &Issuer) {
    // The last fifth of a token is longer than a session, so that a login falls into it.
    issuer.set(Mood::Gives(Duration::from_secs(15)));
    setting.farshore.start().await;
    for round in 0..3 {
        let asked = issuer.asked();
        write(setting, round).await;
        setting.mirrored("orders", 2).await;
        let renewed = "another token is asked for";
        eventually(LIMIT, renewed, async || {
            let more = issuer.asked() - asked;
            (more > 0).then_some(()).ok_or("no more".to_owned())
        })
        .await;
    }
}

/// No new tokens: the last one ends, and with it the sessions. Then there are false ones, and right ones again.
async fn end(setting: &mut Setting, issuer: &Issuer) {
    issuer.set(Mood::Refuses);
    waits(setting, "source", "it answers 401").await;
    shows_none(setting, &["paris-oslo"], &SECRETS).await;
    write(setting, 3).await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    waits(setting, "source", "it answers 401").await;
    issuer.set(Mood::Forges);
    waits(setting, "source", "the broker refuses the token").await;
    issuer.set(Mood::Gives(Duration::from_secs(300)));
    setting.mirrored("orders", 2).await;

    let log = setting.farshore.process().stderr();
    let count = |line| log.matches(line).count();
    // Once for each process.
    assert_eq!(count("cluster login failed"), 2, "{log}");
    let warned = "WARN farshore::task::log_once: cannot renew the token of cluster paris";
    assert_eq!(count(warned), 1, "{log}");
    assert_eq!(count("cluster cannot be reached"), 0, "{log}");
    shows_none(setting, &["paris-oslo"], &SECRETS).await;
}
