//! The permission needed to preserve offsets, and what happens to topics without it.

use serde_json::Value;

use super::{is_the_same, stands_still, status};
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting, farshore};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::configs;
use crate::support::farshore::paris_oslo;
use crate::support::java::{self, Tool};
use crate::support::wait::eventually;

/// Brokers and controllers use a principal of their own, so that other clients can be restricted.
const CONTROLLER: [(&str, &str); 5] = [
    (
        "listener.security.protocol.map",
        "CONTROLLER:SASL_PLAINTEXT,PLAINTEXT:PLAINTEXT",
    ),
    ("sasl.mechanism.controller.protocol", "PLAIN"),
    ("listener.name.controller.sasl.enabled.mechanisms", "PLAIN"),
    (
        "listener.name.controller.plain.sasl.jaas.config",
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"a\" user_admin=\"a\";",
    ),
    ("super.users", "User:admin"),
];

/// A target that permits everything except for altering the cluster.
async fn guarded(lines: &str) -> Setting {
    let plain = Spec::new(KafkaVersion::V4_1);
    let named = CONTROLLER.iter();
    let spec = named
        .fold(plain, |spec, (name, value)| spec.property(name, value))
        .property(
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        )
        .property("allow.everyone.if.no.acl.found", "true");
    let paris = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
    let oslo = Cluster::start(spec).await;
    let setting = Setting {
        farshore: farshore(&paris, &oslo, &format!("offsets = \"preserve\"\n{lines}")),
        paris,
        oslo,
        path: crate::setting::Path::Raw,
    };
    let bootstrap = setting.oslo.bootstrap();
    // Whatever isn't permitted from here on is forbidden, including taking this back.
    let permitted = "--operation Create --operation Describe --operation DescribeConfigs";
    let arguments = format!(
        "--bootstrap-server {bootstrap} --add --allow-principal User:ANONYMOUS {permitted} --cluster"
    );
    let arguments: Vec<&str> = arguments.split(' ').collect();
    java::run(setting.oslo.version(), Tool::Acls, &arguments).await;
    setting
}

/// Permits altering the cluster as well, with the rights of the controller.
async fn grant(setting: &Setting) {
    let admin = setting.oslo.data_dir(1).with_extension("admin.properties");
    let login = "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"a\";";
    let lines = format!(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.jaas.config={login}\n"
    );
    std::fs::write(&admin, lines).expect("a properties file");
    let arguments = format!(
        "--bootstrap-controller {} --command-config {} --add --allow-principal User:ANONYMOUS --operation Alter --cluster",
        setting.oslo.controller(),
        admin.display()
    );
    let arguments: Vec<&str> = arguments.split(' ').collect();
    java::run(setting.oslo.version(), Tool::Acls, &arguments).await;
}

async fn check(setting: &Setting) -> Value {
    let output = setting.farshore.cli(&["check", "--output", "json"]).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn refusal(told: &Value) -> Option<&Value> {
    let findings = told["findings"].as_array().expect("findings");
    let is_meant = |finding: &&Value| {
        let what = finding["what"].as_str().unwrap_or_default();
        what.contains("control markers")
    };
    findings.iter().find(is_meant)
}

#[tokio::test]
async fn without_the_permission_check_says_so_and_topics_with_gaps_halt() {
    let mut setting = guarded("topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    write_transactions(&setting, "t", 10).await;
    let told = eventually(CATCH_UP, "the denial has reached the broker", async || {
        let told = check(&setting).await;
        refusal(&told).cloned().ok_or_else(|| told.to_string())
    })
    .await;
    assert_eq!(told["severity"], "problem");
    assert!(
        told["fix"]
            .as_str()
            .is_some_and(|fix| fix.contains("--operation Alter --cluster"))
    );
    let left = configs::topics(&setting.oslo.bootstrap()).await;
    assert_eq!(left, Ok([].into()), "the scratch topic is gone");
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "not_permitted", "{message}");
    // Once it is granted, mirroring continues by itself.
    grant(&setting).await;
    is_the_same(&setting, "t", 1).await;
}

#[tokio::test]
async fn without_the_permission_new_topics_are_translated_if_that_is_the_choice() {
    let lines =
        "topics = [\"t\", \"u\"]\nrefresh_interval = \"500ms\"\npreserve_otherwise = \"translate\"";
    let mut setting = guarded(lines).await;
    setting.topic("t", 1, &[]).await;
    let visible = write_transactions(&setting, "t", 10).await;
    eventually(CATCH_UP, "the denial has reached the broker", async || {
        let told = check(&setting).await;
        let severity = refusal(&told).map(|it| it["severity"].clone());
        (severity == Some("advice".into()))
            .then_some(())
            .ok_or_else(|| told.to_string())
    })
    .await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    assert_eq!(setting.compare("t", 1).await, visible);
    let status = status(&setting, "t", 0).await.expect("a status");
    assert_eq!(status["offsets"], "translate");
    // Topics found after the grant keep their offsets; for a mirrored topic the choice was made once and for all.
    grant(&setting).await;
    setting.topic("u", 1, &[]).await;
    write_transactions(&setting, "u", 5).await;
    is_the_same(&setting, "u", 1).await;
    write_transactions(&setting, "t", 5).await;
    setting.mirrored("t", 1).await;
    setting.compare("t", 1).await;
    for (topic, mode) in [("t", "translate"), ("u", "preserve")] {
        let found = super::status(&setting, topic, 0).await.expect("a status");
        assert_eq!(found["offsets"], mode, "{topic}");
    }
    setting.farshore.kill9();
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let refusing = format!(
        "offsets = \"preserve\"\n{}",
        lines.replace("translate", "refuse")
    );
    setting
        .farshore
        .configure(&paris_oslo(&paris, &oslo, &refusing));
    setting.farshore.start().await;
    let (code, message) = stands_still(&setting, "t").await;
    assert_eq!(code, "preserve_impossible", "{message}");
}
