//! Brokers that advertise addresses which lead nowhere from here, behind a bootstrap address that answers.

use std::time::Duration;

use serde_json::Value;

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Listener, Spec};
use crate::support::farshore::paris_oslo_as;
use crate::support::ports::Port;
use crate::support::wait::eventually;

const LIMIT: Duration = Duration::from_secs(60);
/// A name that is too long for a question to a name server: it doesn't resolve anywhere, and at once.
const LABEL: usize = 64;

/// The clusters, where Paris is known by a name that doesn't resolve; `map` is the line of its address map, if any.
fn config(door: &Port, oslo: &str, map: &str) -> String {
    paris_oslo_as(
        &format!("bootstrap_servers = [\"{}\"]\n{map}", door.address()),
        &format!("bootstrap_servers = [\"{oslo}\"]"),
        "path = \"raw\"\ntopics = [\"orders\"]\nrefresh_interval = \"500ms\"",
    )
}

async fn check(setting: &Setting) -> (Option<i32>, Value) {
    let output = setting.farshore.cli(&["check", "--output", "json"]).await;
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), told)
}

/// Paris, whose second listener is behind `door`, known by another name, and without encryption.
fn behind(door: &Port, advertised: &str) -> Spec {
    let addresses = (door.address(), advertised.to_owned());
    Spec::new(KafkaVersion::V4_1).listener(Listener {
        name: "DOOR",
        protocol: "PLAINTEXT",
        brokers: [(1, addresses)].into(),
    })
}

/// Asserts that a check names the broker, and proposes `line` for the address map and no right.
fn asserts_line(told: &Value, (advertised, door): (&str, &str), line: &str) {
    let broker = &told["clusters"][1]["unreachable_brokers"][0];
    assert_eq!(broker["cause"], "unresolved", "{told}");
    assert_eq!(broker["advertised"], advertised, "{told}");
    assert_eq!(broker["reachable_at"], door, "{told}");
    assert_eq!(broker["is_certain"], true, "{told}");
    assert!(
        !told["findings"].to_string().contains("kafka-acls"),
        "{told}"
    );
    let findings = told["findings"].as_array().expect("findings");
    let is_it = |it: &&Value| it["what"].as_str().is_some_and(|it| it.starts_with(WHAT));
    let finding = findings.iter().find(is_it);
    let fix = finding.and_then(|it| it["fix"].as_str());
    assert!(fix.is_some_and(|it| it.contains(line)), "{told}");
}

/// What is said of the broker.
const WHAT: &str = "broker 1 cannot be reached at the address it advertises";

/// Waits until the service says of the link and of its partitions what is wrong.
async fn says_it(setting: &Setting, advertised: &str, entry: &str) {
    eventually(LIMIT, "the link says it", async || {
        let link = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let detail = link["detail"].as_str().unwrap_or_default();
        let is_told = detail.contains(entry)
            && link["unreachable_brokers"][0]["cluster"] == "paris"
            && link["source_reachable"] == true;
        is_told.then_some(()).ok_or(link.to_string())
    })
    .await;
    let metrics = setting.farshore.metrics().await.expect("metrics");
    let one = "farshore_cluster_unreachable_brokers{cluster=\"paris\"} 1";
    assert!(metrics.contains(one), "{metrics}");
    eventually(LIMIT, "its partitions wait, with the reason", async || {
        let path = "/v1/links/paris-oslo/topics/orders";
        let topic = setting.farshore.get_json(path).await?;
        let reason = |it: &Value| {
            it["detail"]
                .as_str()
                .is_some_and(|it| it.contains(advertised))
        };
        let rows = topic["partitions"].as_array().filter(|it| it.len() == 2);
        let are_told = rows.is_some_and(|it| it.iter().all(reason));
        are_told.then_some(()).ok_or(topic.to_string())
    })
    .await;
    let log = setting.farshore.process().stderr();
    assert_eq!(log.matches(WHAT).count(), 1, "{log}");
}

#[tokio::test]
async fn brokers_at_addresses_that_lead_nowhere_are_named_with_the_line_that_helps() {
    let door = Port::reserve();
    let advertised = format!("{}.invalid:9092", "k".repeat(LABEL));
    let oslo = Spec::new(KafkaVersion::V4_1);
    let paris = behind(&door, &advertised);
    let mut setting = Setting::between(paris, oslo, "topics = [\"orders\"]").await;
    setting.topic("orders", 2, &[]).await;
    setting.write("orders", 0, 0..100).await;
    let oslo = setting.oslo.bootstrap();
    setting.farshore.configure(&config(&door, &oslo, ""));
    let line = format!("\"{advertised}\" = \"{}\"", door.address());
    let (code, told) = check(&setting).await;
    assert_eq!(code, Some(1), "{told}");
    asserts_line(&told, (&advertised, &door.address()), &line);

    setting.farshore.start().await;
    says_it(&setting, &advertised, &line).await;
    setting.farshore.sigterm().await;

    // The line that was proposed, as it is.
    let map = format!("address_map = {{ {line} }}");
    setting.farshore.configure(&config(&door, &oslo, &map));
    let (code, told) = check(&setting).await;
    assert_eq!((code, &told["problems"]), (Some(0), &0.into()), "{told}");
    setting.farshore.start().await;
    setting.mirrored("orders", 2).await;
    assert_eq!(setting.compare("orders", 2).await, 100);
}
