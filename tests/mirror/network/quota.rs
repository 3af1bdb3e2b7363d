//! Brokers that limit their clients to a rate (F10): mirroring takes its time, and the link keeps its owner.

use crate::hazards::numbered;
use crate::setting::Setting;
use crate::support::brokers::{Cluster, KafkaVersion};
use crate::support::java::{self, Tool};
use crate::support::write::Writer;

/// In bytes per second and client.
const RATE: u32 = 300_000;

/// Limits farshore on a cluster by one of its client quotas.
pub(crate) async fn hold_back(cluster: &Cluster, quota: &str, rate: u32) {
    let config = format!("{quota}={rate}");
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
        &config,
    ];
    cluster.touch();
    java::run(cluster.version(), Tool::Configs, &arguments).await;
}

#[tokio::test]
async fn a_client_quota_slows_mirroring_down_and_nothing_else() {
    const EACH: usize = 3_000;
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"orders\"]").await;
    hold_back(&setting.paris, "consumer_byte_rate", RATE).await;
    hold_back(&setting.oslo, "producer_byte_rate", RATE).await;
    setting.topic("orders", 2, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    let records = (0..2).flat_map(|partition| numbered(partition, 0..EACH, 1_000));
    writer.write(records).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 2).await;
    assert_eq!(setting.compare("orders", 2).await, 2 * EACH as u64);
    let log = setting.farshore.process().stderr();
    let owned = log.matches("this process owns the link").count();
    assert_eq!(owned, 1, "{log}");
    assert!(!log.contains("WARN"), "{log}");
}
