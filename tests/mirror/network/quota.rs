//! Brokers that limit their clients to a rate (F10): mirroring takes its time, and the link keeps its owner.

use crate::hazards::numbered;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{Cluster, KafkaVersion};
use crate::support::java::{self, Tool};
use crate::support::wait::eventually;
use crate::support::write::Writer;

/// In bytes per second and client.
const RATE: u32 = 300_000;

/// Limits farshore on a cluster by one of its client quotas.
pub(crate) async fn hold_back(cluster: &Cluster, quota: &str, rate: u32) {
    hold_back_by(cluster, &format!("{quota}={rate}")).await;
}

/// Limits farshore on a cluster by several client quotas, as Kafka's tool takes them.
async fn hold_back_by(cluster: &Cluster, quotas: &str) {
    let bootstrap = cluster.bootstrap();
    let arguments = [
        "--bootstrap-server",
        &bootstrap,
        "--alter",
        "--entity-type",
        "clients",
        "--entity-name",
        "farshore",
        "--add-config",
        quotas,
    ];
    cluster.touch();
    java::run(cluster.version(), Tool::Configs, &arguments).await;
}

#[tokio::test]
async fn quotas_of_every_kind_slow_a_link_down_and_nothing_else_and_it_says_so() {
    const EACH: usize = 3_000;
    let link = "topics = [\"orders\"]\nrefresh_interval = \"500ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    let quotas = format!(
        "consumer_byte_rate={RATE},producer_byte_rate={},request_percentage=5,controller_mutation_rate=5",
        // What is fetched waits for it, so that both sides limit the link.
        RATE * 2 / 3
    );
    hold_back_by(&setting.paris, &quotas).await;
    hold_back_by(&setting.oslo, &quotas).await;
    setting.topic("orders", 2, &[]).await;
    setting.commits("clerks", ("orders", 0), 1_000).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    let records = (0..2).flat_map(|partition| numbered(partition, 0..EACH, 1_000));
    writer.write(records).await;
    setting.farshore.start().await;
    let slow = "slowed down by the quotas of paris and oslo";
    eventually(CATCH_UP, slow, async || {
        let link = setting.farshore.get_json("/v1/links/paris-oslo").await?;
        let detail = link["detail"].as_str().unwrap_or_default();
        let is_told = detail.contains(slow) && link["state"] == "running";
        is_told.then_some(()).ok_or(link.to_string())
    })
    .await;
    setting.mirrored("orders", 2).await;
    let carried = setting
        .farshore
        .carries_exactly("clerks", ("orders", 0), 1_000);
    carried.await;
    assert_eq!(setting.committed("clerks", ("orders", 0)).await, 1_000);
    assert_eq!(setting.compare("orders", 2).await, 2 * EACH as u64);
    let log = setting.farshore.process().stderr();
    let owned = log.matches("this process owns the link").count();
    assert_eq!(owned, 1, "{log}");
    assert!(!log.contains("WARN"), "{log}");
    let told = log.matches("quotas slow farshore down").count();
    assert!(told >= 2, "{log}");
}
