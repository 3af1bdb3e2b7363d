//! A failover before everything had arrived: what is missing is counted, and nothing is skipped.

use crate::setting::{Path, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::operator::{Carried, Plan, Planned};

const ORDERS: (&str, i32) = ("orders", 0);
/// The number of records on the mirror when it is cut off.
const MIRRORED: i64 = 100;
/// The number of records on the source when it is lost.
const WRITTEN: i64 = 130;

async fn setting() -> Setting {
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"\nrequest_timeout = \"2s\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    for topic in ["orders", "invoices"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..MIRRORED).await;
    }
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    setting.mirrored("invoices", 1).await;
    for group in ["ahead", "behind"] {
        setting.commits(group, ORDERS, 10).await;
        setting.farshore.carries_exactly(group, ORDERS, 10).await;
    }
    setting
}

impl Setting {
    /// Writes what the target won't get, advances both groups, and waits until farshore has seen it.
    async fn goes_on_without_the_target(&self) {
        self.write("orders", 0, MIRRORED..WRITTEN).await;
        // An application's output for these orders; no group reads it.
        self.write("invoices", 0, MIRRORED..WRITTEN).await;
        self.commits("behind", ORDERS, 90).await;
        self.commits("ahead", ORDERS, 120).await;
        for (group, offset) in [("behind", 90), ("ahead", 120)] {
            let is_seen = |c: &Carried| c.source_offset == Some(offset);
            let seen = self.farshore.carries(group, ORDERS, "seen", is_seen);
            seen.await;
        }
    }
}

fn of<'a>(plan: &'a Plan, group: &str) -> &'a Planned {
    let found = plan.groups.iter().find(|planned| planned.group == group);
    found.expect("the group is in the plan")
}

#[tokio::test]
async fn records_that_had_not_reached_the_target_are_counted() {
    let mut setting = setting().await;
    let image = setting.image(ORDERS, 90, 90).await;
    let end = setting.image(ORDERS, MIRRORED, MIRRORED).await;
    setting.farshore.set_paused(true).await;
    setting.goes_on_without_the_target().await;
    setting.paris.kill(1);
    let plan = setting.farshore.clear_plan("failover", ".*").await;
    let behind = of(&plan, "behind");
    assert_eq!((behind.target_offset, behind.exact), (image, true));
    let ahead = of(&plan, "ahead");
    assert_eq!((ahead.target_offset, ahead.exact), (end, false));
    assert!(
        ahead.detail.starts_with("the group is 20 offsets beyond"),
        "{ahead:?}"
    );
    for planned in &plan.groups {
        assert_eq!(
            planned.unreachable_records,
            WRITTEN - MIRRORED,
            "{planned:?}"
        );
    }
    let is_told = |warning: &String| warning.contains("invoices-0 goes to 130");
    assert!(plan.warnings.iter().any(is_told), "{plan:?}");
    setting.farshore.moves(&plan).await;
    assert_eq!(setting.committed("ahead", ORDERS).await, end);
    assert_eq!(setting.committed("behind", ORDERS).await, image);
}

/// The target is frozen when the last records and offsets come; then the source and farshore disappear together.
#[tokio::test]
async fn offsets_group_sync_had_not_carried_yet_are_moved_from_the_last_sight_of_the_source() {
    let mut setting = setting().await;
    let image = setting.image(ORDERS, 90, 90).await;
    let before = setting.image(ORDERS, 10, 10).await;
    setting.oslo.pause(1);
    setting.goes_on_without_the_target().await;
    setting.paris.kill(1);
    setting.farshore.kill9();
    setting.oslo.resume(1);
    assert_eq!(setting.committed("behind", ORDERS).await, before);

    setting.farshore.start().await;
    let plan = setting.farshore.clear_plan("failover", ".*").await;
    let behind = of(&plan, "behind");
    assert_eq!((behind.target_offset, behind.exact), (image, true));
    // Requests in flight when the target froze may have landed; in that case these records are there.
    let shown = setting.shown("orders", 1).await.expect("the records");
    let ahead = of(&plan, "ahead");
    if setting.path == Path::Raw {
        assert!(ahead.target_offset <= shown.min(120), "{ahead:?}");
        assert_eq!(ahead.exact, ahead.target_offset == 120, "{ahead:?}");
    }
    assert!(
        ahead.unreachable_records >= WRITTEN - shown,
        "{ahead:?} of {shown}"
    );
    setting.farshore.moves(&plan).await;
    assert_eq!(setting.committed("behind", ORDERS).await, image);
    assert_eq!(
        setting.committed("ahead", ORDERS).await,
        ahead.target_offset
    );
    // It skips nothing, and re-reads nothing where the plan calls it exact.
    let read = setting.next_on_target("ahead", "orders", 1).await;
    let read = i64::try_from(read[0].len()).expect("a small number");
    let left = (shown - 120).max(0);
    assert!(read >= left, "{read} of {left}: {ahead:?}");
    assert!(read == left || !ahead.exact, "{read} of {left}: {ahead:?}");
}
