//! A mirror topic that another client wrote to or created anew (H3, H4): its partitions stop, the others continue.

use super::late::behind_proxy;
use super::sight::{caught_up, stands_still};
use super::write_batches;
use crate::setting::Setting;
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::write::{Record, Writer};

/// The partitions of `shared`, named for what happens to them.
const WHILE_DOWN: i32 = 0;
const BEFORE_A_LATE_REQUEST: i32 = 1;
const WHILE_UP: i32 = 2;
const NEVER: i32 = 3;

/// Writes to a mirror topic as an application would.
async fn write_foreign(setting: &Setting, partition: i32, count: usize) {
    let writer = Writer::new(&setting.oslo.bootstrap(), "shared", &[]);
    writer
        .write((0..count).map(move |n| Record::new(partition, format!("foreign{n}"), "v")))
        .await;
}

async fn has_diverged(farshore: &Farshore, (topic, partition): (&str, i32), code: &str) {
    let (state, reason) = stands_still(farshore, (topic, partition)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("diverged", code),
        "{topic}-{partition}: {reason:?}"
    );
}

async fn end(setting: &Setting, topic: &str, partition: i32) -> i64 {
    let bootstrap = setting.oslo.bootstrap();
    topics::watermarks(&bootstrap, topic, partition).await.1
}

#[tokio::test]
async fn a_mirror_others_wrote_to_or_created_anew_stands_still_alone() {
    // The request to hold back must be one with data.
    let link = "topics = [\"shared\", \"anew\"]\njournal = false";
    let (mut setting, proxy) = behind_proxy(link).await;
    setting.topic("shared", 4, &[]).await;
    setting.topic("anew", 1, &[]).await;
    for partition in 0..4 {
        write_batches(&setting, "shared", partition, [0..10], 20).await;
    }
    write_batches(&setting, "anew", 0, [0..10], 20).await;
    setting.farshore.start().await;
    for partition in 0..4 {
        caught_up(&setting.farshore, ("shared", partition), 10).await;
    }
    caught_up(&setting.farshore, ("anew", 0), 10).await;

    // farshore dies with a request in flight, which lands behind an application's records.
    proxy.keep_produce(1);
    write_batches(&setting, "shared", BEFORE_A_LATE_REQUEST, [10..15], 20).await;
    proxy.wait_kept(1).await;
    setting.farshore.kill9();
    write_foreign(&setting, WHILE_DOWN, 3).await;
    write_foreign(&setting, BEFORE_A_LATE_REQUEST, 5).await;
    proxy.deliver_kept();
    assert_eq!(end(&setting, "shared", BEFORE_A_LATE_REQUEST).await, 20);
    let oslo = setting.oslo.bootstrap();
    topics::delete(&oslo, "anew").await;
    topics::create(&oslo, "anew", 1, 1, &[]).await;
    for partition in 0..4 {
        write_batches(&setting, "shared", partition, [15..25], 20).await;
    }
    proxy.open();
    setting.farshore.start().await;
    let farshore = &setting.farshore;
    has_diverged(farshore, ("shared", WHILE_DOWN), "foreign_write").await;
    has_diverged(farshore, ("shared", BEFORE_A_LATE_REQUEST), "foreign_write").await;
    has_diverged(farshore, ("anew", 0), "target_recreated").await;
    caught_up(farshore, ("shared", WHILE_UP), 20).await;
    caught_up(farshore, ("shared", NEVER), 20).await;

    write_foreign(&setting, WHILE_UP, 5).await;
    for partition in 0..4 {
        write_batches(&setting, "shared", partition, [25..35], 20).await;
    }
    has_diverged(farshore, ("shared", WHILE_UP), "foreign_write").await;
    caught_up(farshore, ("shared", NEVER), 30).await;
    assert_eq!(end(&setting, "shared", WHILE_DOWN).await, 13);
    assert_eq!(end(&setting, "shared", BEFORE_A_LATE_REQUEST).await, 20);
    assert_eq!(end(&setting, "shared", NEVER).await, 30);
    assert_eq!(end(&setting, "anew", 0).await, 0);
}
