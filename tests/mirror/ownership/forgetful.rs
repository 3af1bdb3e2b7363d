//! A target that forgets producers immediately and so refuses nothing: owners detect each other by reading the journal.

use farshore::kafka::batch::Stamp;
use farshore::model::ProducerId;
use rustix::process::Signal;

use super::fence::{Copied, copy};
use super::{logged, logs, shows};
use crate::setting::{Setting, farshore};
use crate::support::brokers::{KafkaVersion, Spec};

/// Where two processes own the link in turn without knowing it, the record path stops before the other's records.
const LINK: &str = "path = \"raw\"\ntopics = [\"t\"]";

#[tokio::test]
async fn a_target_that_forgets_terms_at_once_gets_nothing_from_a_former_owner() {
    let forgetful = Spec::new(KafkaVersion::V4_1)
        .property("producer.id.expiration.ms", "1")
        .property("producer.id.expiration.check.interval.ms", "50");
    let mut setting = Setting::between(Spec::new(KafkaVersion::V4_1), forgetful, LINK).await;
    let mut other = farshore(&setting.paris, &setting.oslo, LINK);
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    other.start().await;
    shows(&other, "standby").await;

    setting.farshore.process().signal(Signal::STOP);
    shows(&other, "running").await;
    setting.write("t", 0, 100..200).await;
    setting.arrives("t", 1, 200).await;
    setting.farshore.process().signal(Signal::CONT);
    shows(&setting.farshore, "standby").await;
    assert_eq!(logged(&setting.farshore, "no longer owned"), 1);
    // It looked before it wrote, so that the new owner met nothing of its data.
    setting.write("t", 0, 200..300).await;
    setting.arrives("t", 1, 300).await;
    shows(&other, "running").await;
    assert_eq!(logged(&other, "no longer owned"), 0);

    // If a former owner wrote without looking, the present one finds it before its next batch.
    copy(&setting, Copied::First, |_| Stamp {
        producer_id: ProducerId(-1),
        producer_epoch: -1,
        base_sequence: -1,
    })
    .await;
    logs(&other, "is in the journal").await;
    setting.write("t", 0, 300..400).await;
    setting.arrives("t", 1, 400).await;
    assert_eq!(setting.compare("t", 1).await, 400);
}
