//! The target is unreachable for longer than the lease: nothing is sent meanwhile, and the owner remains the owner.

use super::{logged, shows};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::wait::eventually;

#[tokio::test]
async fn a_lease_that_ran_out_is_renewed_if_nobody_took_the_link_over() {
    let link = "topics = [\"t\"]\nrequest_timeout = \"2s\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    setting.oslo.pause(1);
    setting.write("t", 0, 100..200).await;
    eventually(CATCH_UP, "the journal is missed", async || {
        let answer = setting.farshore.get("/readyz?scope=link").await?;
        let said = answer.body.to_string();
        let is_missed = said.contains("the journal on the target can't be written");
        is_missed.then_some(()).ok_or(said)
    })
    .await;
    setting.oslo.resume(1);
    shows(&setting.farshore, "running").await;
    setting.mirrored("t", 1).await;
    assert_eq!(setting.compare("t", 1).await, 200);
    assert_eq!(logged(&setting.farshore, "this process owns the link"), 1);
    assert_eq!(logged(&setting.farshore, "the journal is written again"), 1);
}
