//! Another client writes into mirror partitions, and its records are adopted (H3).

use super::told::{content, decisions, has_no_image, is_mapped, without_image};
use crate::hazards::late::behind_proxy;
use crate::hazards::sight::caught_up;
use crate::hazards::write_batches;
use crate::setting::Setting;
use crate::support::write::{Record, Writer};

/// The partitions of `shared`, named for what happens to them.
const WHILE_DOWN: i32 = 0;
const BEFORE_A_LATE_REQUEST: i32 = 1;
const WHILE_UP: i32 = 2;
const FROM_THE_START: i32 = 3;

async fn write_foreign(setting: &Setting, topic: &str, partition: i32, count: usize) {
    let writer = Writer::new(&setting.oslo.bootstrap(), topic, &[]);
    writer
        .write((0..count).map(move |n| Record::new(partition, format!("foreign{n}"), "v")))
        .await;
}

#[tokio::test]
async fn foreign_records_stay_and_every_own_record_is_there_once() {
    let link = "topics = [\"shared\", \"used\"]\non_foreign_write = \"adopt\"";
    let (mut setting, proxy) = behind_proxy(link).await;
    setting.topic("shared", 4, &[]).await;
    setting.topic("used", 1, &[]).await;
    for partition in 0..4 {
        write_batches(&setting, "shared", partition, [0..10], 20).await;
    }
    write_batches(&setting, "used", 0, [0..10], 20).await;
    // A topic of that name already exists, with an application's records.
    crate::support::topics::create(&setting.oslo.bootstrap(), "used", 1, 1, &[]).await;
    write_foreign(&setting, "used", 0, 4).await;
    setting.farshore.start().await;
    for partition in 0..4 {
        caught_up(&setting.farshore, ("shared", partition), 10).await;
    }
    caught_up(&setting.farshore, ("used", 0), 10).await;

    // farshore dies with a request in flight, which lands behind an application's records.
    proxy.keep_produce(1);
    write_batches(&setting, "shared", BEFORE_A_LATE_REQUEST, [10..15], 20).await;
    proxy.wait_kept(1).await;
    setting.farshore.kill9();
    write_foreign(&setting, "shared", WHILE_DOWN, 3).await;
    write_foreign(&setting, "shared", BEFORE_A_LATE_REQUEST, 5).await;
    proxy.deliver_kept();
    for partition in 0..4 {
        write_batches(&setting, "shared", partition, [15..25], 20).await;
    }
    proxy.open();
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("shared", WHILE_DOWN), 20).await;
    caught_up(&setting.farshore, ("shared", BEFORE_A_LATE_REQUEST), 25).await;
    caught_up(&setting.farshore, ("shared", WHILE_UP), 20).await;

    // Twice: the second foreign write goes to a partition that was adopted before.
    for round in 0..2 {
        write_foreign(&setting, "shared", WHILE_UP, 5).await;
        for partition in 0..4 {
            let first = 25 + round * 10;
            write_batches(&setting, "shared", partition, [first..first + 10], 20).await;
        }
        let ends = [20, 25, 20, 20].map(|end| end + 10 * (round as i64 + 1));
        for (partition, end) in (0..).zip(ends) {
            caught_up(&setting.farshore, ("shared", partition), end).await;
        }
    }
    is_adopted(&setting).await;
}

/// Checks content, translation and audit log of every partition.
async fn is_adopted(setting: &Setting) {
    for (partition, records, foreign) in [
        (WHILE_DOWN, 40, 3),
        (BEFORE_A_LATE_REQUEST, 45, 5),
        (WHILE_UP, 40, 10),
        (FROM_THE_START, 40, 0),
    ] {
        let on_target = content(&setting.oslo.bootstrap(), "shared", partition).await;
        assert_eq!(on_target.len(), records + foreign, "partition {partition}");
        assert_eq!(is_mapped(setting, "shared", partition, &[]).await, records);
        let counted = without_image(&setting.farshore, "shared", partition).await;
        assert_eq!(counted, [0, 0, foreign as u64, 0], "partition {partition}");
    }
    has_no_image(setting, ("shared", WHILE_DOWN), 10..13).await;
    has_no_image(setting, ("shared", BEFORE_A_LATE_REQUEST), 10..15).await;
    let decided = decisions(&setting.farshore, "shared").await;
    let late = decided
        .iter()
        .find(|it| it.partition == i64::from(BEFORE_A_LATE_REQUEST));
    let late = late.expect("a decision");
    assert_eq!(late.stretches, [("adopted".to_owned(), 10, 15)]);
    // The late request's five records are where they landed, and aren't mirrored again.
    assert_eq!((late.source_offset, late.target_offset), (15, 20));
    has_no_image(setting, ("used", 0), 0..4).await;
    assert_eq!(is_mapped(setting, "used", 0, &[]).await, 10);
}
