//! Whatever other clients do with a group on the target is left alone (H16).

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups::{self, Member};
use crate::support::operator::Carried;

const LINK: &str = "topics = [\"orders\"]\ngroup_sync_interval = \"200ms\"";
const ORDERS: (&str, i32) = ("orders", 0);

async fn setting() -> Setting {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    setting
}

impl Setting {
    /// Commits on the source for a group, and waits until another group shows that group sync has run since.
    async fn sync_past(&self, group: &str, offset: i64) {
        self.commits(group, ORDERS, offset).await;
        self.commits("witness", ORDERS, offset).await;
        self.farshore
            .carries_exactly("witness", ORDERS, offset)
            .await;
    }

    async fn stays(&self, group: &str, state: &str, offset: i64) {
        let is_so = |c: &Carried| c.state == state;
        let carried = self.farshore.carries(group, ORDERS, state, is_so).await;
        assert_eq!(carried.target_offset, Some(offset), "{carried:?}");
        assert_eq!(self.committed(group, ORDERS).await, offset);
    }
}

#[tokio::test]
async fn h16_progress_made_on_the_target_is_never_overwritten() {
    let mut setting = setting().await;
    let oslo = setting.oslo.bootstrap();
    setting.sync_past("batch", 10).await;
    setting.sync_past("nightly", 10).await;
    setting.farshore.carries_exactly("batch", ORDERS, 10).await;

    // A consumer that assigns its own partitions leaves the group without members.
    groups::commit(&oslo, "batch", &[("orders", 0, 42)]).await;
    setting.sync_past("batch", 50).await;
    setting.stays("batch", "released", 42).await;

    // Even without a look in between: progress while the process was killed, and even back to an earlier offset.
    setting.farshore.kill9();
    groups::commit(&oslo, "nightly", &[("orders", 0, 5)]).await;
    setting.farshore.start().await;
    setting.sync_past("nightly", 60).await;
    setting.stays("nightly", "released", 5).await;
    setting.sync_past("batch", 70).await;
    setting.stays("batch", "released", 42).await;

    // Even if it coincides with what the link would have written.
    groups::commit(&oslo, "batch", &[("orders", 0, 10)]).await;
    setting.sync_past("batch", 80).await;
    setting.stays("batch", "released", 10).await;
    is_left_out_of_a_move(&setting).await;
}

/// Checks that a plan leaves the group out, reports it, and has nothing else to do.
async fn is_left_out_of_a_move(setting: &Setting) {
    let (code, plan) = setting.farshore.plan("failover", "nightly").await;
    assert_eq!(code, Some(3));
    assert_eq!(plan.groups, []);
    assert_eq!(plan.blockers[0].code, "nothing_to_move", "{plan:?}");
    let is_told = |warning: &String| warning.contains("nightly was already moved on to 5");
    assert!(plan.warnings.iter().any(is_told), "{plan:?}");
    setting.stays("nightly", "released", 5).await;
}

#[tokio::test]
async fn h16_a_group_with_members_on_the_target_is_left_to_them() {
    let setting = setting().await;
    setting.sync_past("live", 10).await;
    setting.farshore.carries_exactly("live", ORDERS, 10).await;
    let member = Member::join(&setting.oslo.bootstrap(), "live", "orders").await;
    setting.sync_past("live", 20).await;
    setting.stays("live", "active_on_target", 10).await;
    let (code, plan) = setting.farshore.plan("switchover", "live").await;
    assert_eq!(code, Some(3));
    assert_eq!(plan.blockers[0].code, "group_active", "{plan:?}");

    // The member committed nothing, so there is nothing to protect once it has left.
    drop(member);
    setting.farshore.carries_exactly("live", ORDERS, 20).await;
}
