//! OAUTHBEARER against brokers that check signatures with a key set, and a token server of the test's own: forged tokens,
//! refused clients, tokens that end while records flow and no new ones, and SIGKILL in the middle.

mod issuer;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{at_trace, shows_none};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::ports::Port;
use crate::support::wait::eventually;
use issuer::{CLIENT_SECRET, Issuer, Mood};

const LIMIT: Duration = Duration::from_secs(60);
const LINK: &str = "topics = [\"orders\"]\npath = \"raw\"";
const URL_SECRET: &str = "url-s3cret";
const ARGUMENT: &str = "argument-s3cret";
const FAILS: &str = "the login at source paris fails";

/// A broker whose second listener takes the issuer's tokens, for sessions of three seconds at most.
fn guarded(port: &Port, keys: &Path) -> Spec {
    let handler =
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler";
    let jaas = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;";
    let url = format!("file://{}", keys.display());
    let mut spec = Spec::new(KafkaVersion::V4_1)
        .login(&port.address(), "OAUTHBEARER", jaas)
        .property(
            "listener.name.login.oauthbearer.sasl.server.callback.handler.class",
            handler,
        )
        .property(
            "listener.name.login.oauthbearer.connections.max.reauth.ms",
            "3000",
        )
        .property("sasl.oauthbearer.jwks.endpoint.url", &url)
        // The default validator of 4.1 checks no signatures.
        .property(
            "sasl.oauthbearer.jwt.validator.class",
            "org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator",
        )
        .property("sasl.oauthbearer.expected.audience", "kafka");
    let allowed = "-Dorg.apache.kafka.sasl.oauthbearer.allowed";
    spec.jvm_options.push(format!("{allowed}.urls={url}"));
    spec.jvm_options
        .push(format!("{allowed}.files={}", keys.display()));
    spec
}

/// The lines of a cluster with these keys for its tokens.
fn cluster(port: &Port, keys: &str) -> String {
    format!(
        "bootstrap_servers = [\"{}\"]\nsecurity_protocol = \"SASL_PLAINTEXT\"\n\
         sasl = {{ mechanism = \"OAUTHBEARER\", {keys} }}\n",
        port.address()
    )
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
    let by_command = cluster(
        &ports[1],
        &format!(
            "token_command = [\"/bin/sh\", \"-c\", 'cat \"$0\"', {token:?}, \"${{ARGUMENT}}\"]"
        ),
    );
    fs::write(&token, issuer.printed(Duration::from_hours(1))).expect("a token");
    let configuration = |keys: &str| paris_oslo_as(&cluster(&ports[0], keys), &by_command, LINK);

    // What is wrong is told apart.
    issuer.set(Mood::Forges);
    finds(
        &setting,
        &configuration(&by_url),
        "the broker refuses the token: invalid_token",
    )
    .await;
    issuer.set(Mood::Refuses);
    finds(
        &setting,
        &configuration(&by_url),
        "it answers 401 Unauthorized; invalid_client",
    )
    .await;
    let lost = files.path().join("lost");
    fs::write(&lost, issuer.token(Duration::from_secs(1_000))).expect("a token");
    let by_file = configuration(&format!("token_file = {lost:?}"));
    setting.farshore.configure(&by_file);
    let told = setting.farshore.cli(&["check"]).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");

    // The last fifth of a token is longer than a session, so that a login falls into it.
    issuer.set(Mood::Gives(Duration::from_secs(15)));
    setting.farshore.configure(&configuration(&by_url));
    setting.farshore.start().await;
    for round in 0..3 {
        let asked = issuer.asked();
        write(&setting, round).await;
        setting.mirrored("orders", 2).await;
        let renewed = "another token is asked for";
        eventually(LIMIT, renewed, async || {
            let more = issuer.asked() - asked;
            (more > 0).then_some(()).ok_or("no more".to_owned())
        })
        .await;
    }

    // No new tokens: the last one ends, and with it the sessions.
    issuer.set(Mood::Refuses);
    waits(&setting, "it answers 401").await;
    shows_none(&setting, &[CLIENT_SECRET, URL_SECRET, ARGUMENT, "eyJ"]).await;
    write(&setting, 3).await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    waits(&setting, "it answers 401").await;
    issuer.set(Mood::Forges);
    waits(&setting, "the broker refuses the token").await;
    issuer.set(Mood::Gives(Duration::from_mins(5)));
    setting.mirrored("orders", 2).await;
    assert_eq!(setting.compare("orders", 2).await, 4_000);

    let log = setting.farshore.process().stderr();
    // Once for each process.
    assert_eq!(log.matches("cluster login failed").count(), 2, "{log}");
    assert_eq!(
        log.matches("cannot renew the token of cluster paris")
            .count(),
        1,
        "{log}"
    );
    assert!(!log.contains("cluster cannot be reached"), "{log}");
    shows_none(&setting, &[CLIENT_SECRET, URL_SECRET, ARGUMENT, "eyJ"]).await;
}

async fn write(setting: &Setting, round: i64) {
    for partition in 0..2 {
        let numbers = round * 500..(round + 1) * 500;
        setting.write("orders", partition, numbers).await;
    }
}

/// What `check` says about a configuration.
async fn finds(setting: &Setting, configuration: &str, what: &str) {
    setting.farshore.configure(configuration);
    let told = setting.farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    let fix = "correct [clusters.paris.sasl]";
    assert!(text.contains(what) && text.contains(fix), "{text}");
}

/// Waits until the link waits for the login at the source alone, for this reason.
async fn waits(setting: &Setting, why: &str) {
    eventually(LIMIT, why, async || {
        let link = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let detail = link["detail"].as_str().unwrap_or_default();
        let is_so = link["state"] == "waiting"
            && detail.contains(FAILS)
            && detail.contains(why)
            && link["target_reachable"] == Value::Bool(true);
        is_so.then_some(()).ok_or(link.to_string())
    })
    .await;
}
