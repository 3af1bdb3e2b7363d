//! Secrets in every place that takes one, and logins that fail in every way: farshore shows none of them.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::issuer::{CLIENT_SECRET, Issuer, Mood};
use super::{LIMIT, at_trace, cluster_of, shows_none, tokens};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::ports::Port;
use crate::support::topics::Counter;
use crate::support::wait::eventually;

const RIGHT: &str = "right-s3cret";
const ENVIRONMENT: &str = "environment-s3cret";
const INLINE: &str = "inline-s3cret";
const ADDRESS: &str = "address-s3cret";
const QUERY: &str = "query-s3cret";
const TOKEN: &str = "token-s3cret";
const ARGUMENT: &str = "argument-s3cret";
const PRINTED: &str = "printed-s3cret";

/// A cluster with the secrets that it is configured with, and why its login fails.
struct Planted {
    name: &'static str,
    mechanism: &'static str,
    keys: String,
    fails: &'static str,
}

/// A broker whose second listener takes passwords and tokens.
fn guarded(port: &Port, keys: &Path) -> Spec {
    let plain = "org.apache.kafka.common.security.plain.PlainLoginModule required user_farshore=\"another\";";
    let address = port.address();
    let tokens = tokens::guarded(port, keys);
    let user = ("farshore", RIGHT);
    assert_eq!(tokens.version, KafkaVersion::V4_1);
    tokens
        .scram(&address, "SCRAM-SHA-256", user)
        .login(&address, "PLAIN", plain)
        .property(
            "listener.name.login.sasl.enabled.mechanisms",
            "PLAIN,SCRAM-SHA-256,OAUTHBEARER",
        )
}

/// One cluster for each place of a secret.
fn planted(files: &Path, issuer: &Issuer) -> Vec<Planted> {
    let file = |name: &str, text: &str| {
        let path = files.join(name);
        fs::write(&path, text).expect("a secret");
        path.display().to_string()
    };
    let (password, secret) = (file("password", RIGHT), file("secret", CLIENT_SECRET));
    let token = file("token", TOKEN);
    let by_name = |key: &str| format!("username = \"farshore\", {key}");
    let by_url = format!(
        "token_url = \"{}\", client_id = \"farshore\", client_secret_file = \"{secret}\", scope = \"kafka\"",
        issuer.url(&format!("{ADDRESS}?key={QUERY}"))
    );
    let by_command = |script: &str| {
        format!("token_command = [\"/bin/sh\", \"-c\", '{script}', \"{ARGUMENT}\", \"{PRINTED}\"]")
    };
    [
        (
            "variable",
            "PLAIN",
            by_name("password = \"${PASSWORD}\""),
            "SASL_AUTHENTICATION_FAILED",
        ),
        (
            "written",
            "SCRAM-SHA-256",
            by_name(&format!("password = \"{INLINE}\"")),
            "SASL_AUTHENTICATION_FAILED",
        ),
        (
            "mechanism",
            "SCRAM-SHA-512",
            by_name(&format!("password_file = \"{password}\"")),
            "UNSUPPORTED_SASL_MECHANISM",
        ),
        (
            "server",
            "OAUTHBEARER",
            by_url,
            "it answers 400 Bad Request",
        ),
        (
            "token",
            "OAUTHBEARER",
            format!("token_file = \"{token}\""),
            "the broker refuses the token",
        ),
        (
            "command",
            "OAUTHBEARER",
            by_command("echo $0; echo $1 >&2; exit 1"),
            "it ended with exit status: 1",
        ),
        (
            "nonsense",
            "OAUTHBEARER",
            by_command("echo $0 is $1"),
            "is no token",
        ),
    ]
    .map(|(name, mechanism, keys, fails)| Planted {
        name,
        mechanism,
        keys,
        fails,
    })
    .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_however_a_login_fails() {
    let files = tempfile::tempdir().expect("a directory");
    let keys = files.path().join("keys.json");
    let issuer = Issuer::start(&keys).await;
    issuer.set(Mood::Echoes);
    let port = Port::reserve();
    let paris = guarded(&port, &keys);
    let oslo = Spec::new(KafkaVersion::V4_1);
    let mut setting = Setting::between(paris, oslo, "topics = [\"orders\"]").await;
    setting.topic("orders", 1, &[]).await;
    let program = at_trace(files.path(), &[("PASSWORD", ENVIRONMENT)]);
    setting.farshore.set_binary(program);
    let planted = planted(files.path(), &issuer);
    let right = format!("username = \"farshore\", password = \"{RIGHT}\"");
    let right = cluster_of(&port.address(), "SCRAM-SHA-256", &right);
    let oslo = setting.oslo.bootstrap();
    let mut configuration = format!(
        "[clusters.oslo]\nbootstrap_servers = [\"{oslo}\"]\n{}",
        linked("right", &right, "orders")
    );
    for Planted {
        name,
        mechanism,
        keys,
        ..
    } in &planted
    {
        let cluster = cluster_of(&port.address(), mechanism, keys);
        configuration.push_str(&linked(name, &cluster, name));
    }
    let elsewhere = format!("username = \"farshore\", password = \"{INLINE}\"");
    let elsewhere = cluster_of(&setting.paris.bootstrap(), "PLAIN", &elsewhere);
    configuration.push_str(&linked("listener", &elsewhere, "listener"));

    setting.farshore.configure(&configuration);
    setting.farshore.start().await;
    setting.write("orders", 0, 0..500).await;
    let orders = Counter::new(&oslo, "orders", 1);
    orders.reaches(500, CATCH_UP).await;
    for Planted { name, fails, .. } in &planted {
        waits(&setting, name, fails).await;
    }
    waits(&setting, "listener", "ILLEGAL_SASL_STATE").await;

    let basic = STANDARD.encode(format!("farshore:{CLIENT_SECRET}"));
    let secrets = [
        RIGHT,
        ENVIRONMENT,
        INLINE,
        CLIENT_SECRET,
        &basic,
        ADDRESS,
        QUERY,
        TOKEN,
        ARGUMENT,
        PRINTED,
    ];
    let mut links: Vec<String> = planted
        .iter()
        .map(|it| format!("{}-oslo", it.name))
        .collect();
    links.extend(["right-oslo", "listener-oslo"].map(str::to_owned));
    shows_none(&setting, &links, &secrets).await;
    are_not_stored(&setting.farshore.checkpoint_path(), &secrets);
    mistakes_show_none(&setting, &configuration, &secrets).await;
}

/// A cluster, and a link from it for one topic.
fn linked(name: &str, cluster: &str, topic: &str) -> String {
    format!(
        "\n[clusters.{name}]\n{cluster}\n[links.{name}-oslo]\nsource = \"{name}\"\ntarget = \"oslo\"\n\
         topics = [\"{topic}\"]\npath = \"raw\"\n"
    )
}

async fn waits(setting: &Setting, name: &str, why: &str) {
    let path = format!("/v1/links/{name}-oslo");
    eventually(LIMIT, why, async || {
        let link = setting.farshore.get_json(&path).await?;
        let detail = link["detail"].as_str().unwrap_or_default();
        let is_so = detail.contains("the login at source") && detail.contains(why);
        is_so.then_some(()).ok_or(link.to_string())
    })
    .await;
}

/// Searches a directory.
fn are_not_stored(directory: &Path, secrets: &[&str]) {
    let mut directories = vec![directory.to_owned()];
    let mut any = false;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("its files") {
            let path = entry.expect("a file").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            any = true;
            let bytes = fs::read(&path).expect("its contents");
            let text = String::from_utf8_lossy(&bytes);
            let found = secrets.iter().find(|secret| text.contains(**secret));
            assert_eq!(found, None, "in {}", path.display());
        }
    }
    assert!(any, "there are files");
}

/// Configurations that can't be used are explained without what they hold.
async fn mistakes_show_none(setting: &Setting, configuration: &str, secrets: &[&str]) {
    for (right, wrong) in [
        ("username = ", "user = "),
        ("password = ", "pasword = "),
        ("password = ", "principal = "),
        ("password = \"inline-s3cret\"", "password = \"inline-s3cret"),
        ("password = \"inline-s3cret\"", "password = inline-s3cret"),
        (
            "password = \"inline-s3cret\"",
            "password = [\"inline-s3cret\"]",
        ),
        ("token_url = \"http", "token_url = \"ftp"),
        ("token_command = [", "token_command = [[], "),
        ("mechanism = \"OAUTHBEARER\"", "mechanism = \"PLAIN\""),
    ] {
        let mistaken = configuration.replace(right, wrong);
        assert_ne!(mistaken, configuration, "{right}");
        setting.farshore.configure(&mistaken);
        let told = setting.farshore.cli(&["check"]).await;
        assert_eq!(told.status.code(), Some(2), "{told:?}");
        let told = format!("{told:?}");
        let found = secrets.iter().find(|secret| told.contains(**secret));
        assert_eq!(found, None, "{wrong}: {told}");
    }
}
