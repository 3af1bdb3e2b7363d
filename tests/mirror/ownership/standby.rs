//! What a standby reports, and what it leaves alone.

use super::{logged, shows};
use crate::asking::readiness;
use crate::setting::{Setting, farshore};
use crate::support::brokers::KafkaVersion;

const LINK: &str = "topics = [\"t\"]";

#[tokio::test]
async fn a_standby_says_who_owns_the_link_and_takes_over_at_once_when_it_is_released() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    let mut standby = farshore(&setting.paris, &setting.oslo, LINK);
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    standby.start().await;
    let detail = shows(&standby, "standby").await;
    let owner = format!("process {}", setting.farshore.process().pid());
    assert!(detail.contains(&owner), "{detail}");
    let reasons = readiness(&standby, 503).await;
    assert!(
        reasons.contains("standby") && reasons.contains(&owner),
        "{reasons}"
    );
    let paused = standby
        .post_json("/v1/links/paris-oslo/pause", serde_json::json!({}))
        .await;
    assert_ne!(paused.expect("an answer").status, 200);
    assert_eq!(logged(&standby, "standby: the link is owned by"), 1);

    setting.farshore.sigterm().await;
    shows(&standby, "running").await;
    setting.write("t", 0, 100..200).await;
    std::mem::swap(&mut setting.farshore, &mut standby);
    setting.mirrored("t", 1).await;
    assert_eq!(setting.compare("t", 1).await, 200);
    // The lease was released, so it need not expire first.
    standby.start().await;
    shows(&standby, "standby").await;
    assert_eq!(logged(&setting.farshore, "no longer owned"), 0);
}
