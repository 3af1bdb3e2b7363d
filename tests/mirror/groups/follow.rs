//! Groups are followed wherever they move on the source, as far as the target has the records they read next.

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::operator::Carried;
use crate::support::topics;

const ORDERS: (&str, i32) = ("orders", 0);
/// The source has 300 records when mirroring begins, without the first 100: on the raw path target offsets are smaller by
/// 100.
const SHIFT: i64 = 100;
const RECORDS: i64 = 300;

async fn setting() -> Setting {
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"200ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..RECORDS).await;
    topics::delete_records(&setting.paris.bootstrap(), "orders", 0, SHIFT).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    setting
}

/// Commits an offset with metadata on the source.
async fn commit(setting: &Setting, offset: i64, text: &str) {
    let offsets = [(ORDERS.0, ORDERS.1, offset)];
    let paris = setting.paris.bootstrap();
    groups::commit_with_texts(&paris, "clerks", &offsets, &[text]).await;
}

/// The target offset of the record at a source offset.
async fn image(setting: &Setting, offset: i64) -> i64 {
    setting.image(ORDERS, offset, offset - SHIFT).await
}

/// The offset committed on the target, with its metadata.
async fn found(setting: &Setting) -> (i64, String) {
    let oslo = setting.oslo.bootstrap();
    let found = groups::committed_with_texts(&oslo, "clerks", &[ORDERS]).await;
    found.into_values().next().expect("a committed offset")
}

#[tokio::test]
async fn a_group_is_followed_forwards_backwards_and_up_to_the_frontier() {
    let setting = setting().await;
    commit(&setting, 250, "first").await;
    setting
        .farshore
        .carries_exactly("clerks", ORDERS, 250)
        .await;
    let expected = (image(&setting, 250).await, "first".into());
    assert_eq!(found(&setting).await, expected);

    // Reset by its owner.
    commit(&setting, 120, "again").await;
    setting
        .farshore
        .carries_exactly("clerks", ORDERS, 120)
        .await;
    let expected = (image(&setting, 120).await, "again".into());
    assert_eq!(found(&setting).await, expected);

    let end = image(&setting, RECORDS).await;
    // Beyond the end of the source, and so beyond what can be mirrored.
    commit(&setting, RECORDS + 60, "beyond").await;
    let is_held = |c: &Carried| c.state == "held" && c.target_offset == Some(end);
    let carried = setting.farshore.carries("clerks", ORDERS, "held", is_held);
    let carried = carried.await;
    assert!(
        !carried.exact && carried.detail.contains("60"),
        "{carried:?}"
    );
    assert_eq!(found(&setting).await, (end, "beyond".into()));

    setting.write("orders", 0, RECORDS..RECORDS + 100).await;
    setting
        .farshore
        .carries_exactly("clerks", ORDERS, RECORDS + 60)
        .await;
    let expected = (image(&setting, RECORDS + 60).await, "beyond".into());
    assert_eq!(found(&setting).await, expected);
}

#[tokio::test]
async fn h18_an_offset_below_the_target_log_start_is_clamped_and_counted() {
    let setting = setting().await;
    setting.commits("clerks", ORDERS, 110).await;
    setting
        .farshore
        .carries_exactly("clerks", ORDERS, 110)
        .await;
    let expected = image(&setting, 110).await;
    assert_eq!(setting.committed("clerks", ORDERS).await, expected);

    let log_start = image(&setting, 160).await;
    topics::delete_records(&setting.oslo.bootstrap(), "orders", 0, log_start).await;
    let is_clamped = |c: &Carried| c.state == "clamped";
    let carried = setting
        .farshore
        .carries("clerks", ORDERS, "clamped", is_clamped);
    let carried = carried.await;
    assert!(!carried.exact, "{carried:?}");
    assert_eq!(carried.target_offset, Some(log_start));
    assert!(carried.detail.starts_with("50 "), "{carried:?}");
    assert_eq!(setting.committed("clerks", ORDERS).await, log_start);

    let plan = setting.farshore.clear_plan("failover", "clerks").await;
    let planned = &plan.groups[0];
    assert_eq!((planned.target_offset, planned.exact), (log_start, false));
    assert!(planned.detail.starts_with("50 "), "{planned:?}");
    let read = setting.next_on_target("clerks", "orders", 1).await;
    assert_eq!(read, [setting.next_on_source("orders", 0, 160).await]);

    setting.commits("clerks", ORDERS, 200).await;
    setting
        .farshore
        .carries_exactly("clerks", ORDERS, 200)
        .await;
}
