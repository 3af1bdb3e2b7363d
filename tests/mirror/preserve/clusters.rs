//! Preserved offsets on other brokers: Kafka 3.9 with and without `ZooKeeper`, and three brokers that fail one after
//! another.

use super::{Setting, ends, ends_meet, is_the_same};
use crate::hazards::spec;
use crate::histories::write_transactions;
use crate::setting::CATCH_UP;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Record, Writer};

const LINK: &str = "topics = [\".*\"]\noffsets = \"preserve\"\nreplication_factor = ";

/// Writes a topic that begins above 0 and has gaps.
async fn write_history(setting: &Setting, topic: &str) {
    topics::create(
        &setting.paris.bootstrap(),
        topic,
        1,
        1,
        &[("retention.ms", "-1")],
    )
    .await;
    setting.write(topic, 0, 0..2_000).await;
    topics::delete_records(&setting.paris.bootstrap(), topic, 0, 1_500).await;
    write_transactions(setting, topic, 15).await;
}

async fn offsets_are_kept_on(target: KafkaVersion) {
    let (paris, oslo) = (Spec::new(KafkaVersion::V3_9), Spec::new(target));
    let mut setting = Setting::between(paris, oslo, &format!("{LINK}1")).await;
    write_history(&setting, "t").await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    setting.farshore.kill9();
    write_transactions(&setting, "t", 10).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    setting.oslo.kill(1);
    setting.oslo.restart(1).await;
    write_transactions(&setting, "t", 10).await;
    is_the_same(&setting, "t", 1).await;
    ends_meet(&setting, "t", 0).await;
}

#[tokio::test]
async fn offsets_are_kept_on_3_9() {
    offsets_are_kept_on(KafkaVersion::V3_9).await;
}

#[tokio::test]
async fn offsets_are_kept_on_3_9_with_zookeeper() {
    offsets_are_kept_on(KafkaVersion::V3_9Zk).await;
}

/// Leaders of the mirror are killed while they accept the fillers of a prefix, and the markers of a gap with thousands of
/// offsets.
#[tokio::test]
async fn killed_leaders_change_no_offset() {
    let link = format!("{LINK}3");
    let mut setting = Setting::between(spec(), spec().brokers(3), &link).await;
    let paris = setting.paris.bootstrap();
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..600_000).await;
    topics::delete_records(&paris, "t", 0, 590_000).await;
    let settings = [("transactional.id", "aborting")];
    let writer = Writer::new(&paris, "t", &settings);
    writer.init_transactions().await;
    for _ in 0..2 {
        let records = (0..40_000).map(|n| Record::new(0, format!("a{n}"), "aborted"));
        writer.transaction(records, Outcome::Abort).await;
        setting.write("t", 0, 0..100).await;
    }
    setting.farshore.start().await;
    for reached in [100_000, 605_000, 660_000] {
        eventually(CATCH_UP, &format!("{reached} is reached"), async || {
            match topics::try_watermarks(&setting.oslo.bootstrap(), "t", 0).await? {
                (_, end) if end >= reached => Ok(()),
                (_, end) => Err(format!("{end}")),
            }
        })
        .await;
        let leader = topics::leader(&setting.oslo.bootstrap(), "t", 0).await;
        setting.oslo.kill(leader);
        setting.oslo.restart(leader).await;
    }
    write_transactions(&setting, "t", 5).await;
    is_the_same(&setting, "t", 1).await;
    ends_meet(&setting, "t", 0).await;
    let (source, target) = ends(&setting, "t", 0).await;
    assert!(source == target && source > 680_000, "{source} {target}");
}
