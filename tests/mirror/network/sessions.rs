//! Fetch sessions as brokers grant and revoke them: none where their cache is full, and no former one after a restart.

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::topics;

const PARTITIONS: i32 = 6;

/// Writes to some partitions and leaves the others idle, repeatedly, so that each fetch asks for different partitions.
async fn some_at_a_time(setting: &mut Setting, rounds: std::ops::Range<i64>) {
    for round in rounds {
        for partition in 0..PARTITIONS {
            if (i64::from(partition) + round) % 3 == 0 {
                let numbers = 100 * round..100 * (round + 1);
                setting.write("orders", partition, numbers).await;
            }
        }
        setting.mirrored("orders", PARTITIONS).await;
    }
}

async fn compare(version: KafkaVersion, slots: &str) {
    let paris = Spec::new(version).property("max.incremental.fetch.session.cache.slots", slots);
    let link = "topics = [\"orders\"]\nfetch_connections = 3";
    let mut setting = Setting::between(paris, Spec::new(version), link).await;
    topics::create(&setting.paris.bootstrap(), "orders", PARTITIONS, 1, &[]).await;
    setting.farshore.start().await;
    some_at_a_time(&mut setting, 0..4).await;
    setting.paris.stop(1).await;
    setting.paris.restart(1).await;
    setting.paris.wait_ready().await;
    some_at_a_time(&mut setting, 4..7).await;
    assert_eq!(setting.compare("orders", PARTITIONS).await, 14 * 100);
}

#[tokio::test]
async fn with_and_without_fetch_sessions_everything_arrives() {
    compare(KafkaVersion::V4_1, "2").await;
    compare(KafkaVersion::V2_8, "1000").await;
}
