//! `start = "latest"` means the end at the link's first start (H10): what is written while farshore is down isn't skipped.

use std::fs;

use super::sight::{Sight, caught_up, until};
use super::{between, spec, write_batches};
use crate::network::quota::hold_back;
use crate::setting::Setting;
use crate::support::compare;
use crate::support::read::Partition;
use crate::support::topics;

#[tokio::test]
async fn latest_is_worked_out_once_and_for_what_was_there() {
    let link = "topics = [\"old\", \"new\"]\nstart = \"latest\"\nrefresh_interval = \"500ms\"";
    let mut setting = between(spec(), spec(), link).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    setting.topic("old", 1, &[]).await;
    write_batches(&setting, "old", 0, [0..100], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("old", 0), 100).await;
    setting.farshore.kill9();

    write_batches(&setting, "old", 0, [100..150], 20).await;
    setting.topic("new", 1, &[]).await;
    write_batches(&setting, "new", 0, [0..30], 20).await;
    topics::grow(&paris, "old", 2).await;
    write_batches(&setting, "old", 1, [0..20], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("old", 0), 150).await;
    caught_up(&setting.farshore, ("new", 0), 30).await;
    caught_up(&setting.farshore, ("old", 1), 20).await;
    setting.holds("old", 0, 0..50).await;
    let isolation = setting.path.isolation();
    let source = Partition::new(&paris, "old", 0).from(100);
    let target = Partition::new(&oslo, "old", 0).seen(isolation);
    let compared = compare::partitions(&source, &target, |_, _| {}).await;
    assert_eq!(compared.map(|it| it.records), Ok(50));
    assert_eq!(setting.compare("new", 1).await, 30);
    let (source, target) = (
        Partition::new(&paris, "old", 1),
        Partition::new(&oslo, "old", 1).seen(isolation),
    );
    let compared = compare::partitions(&source, &target, |_, _| {}).await;
    assert_eq!(compared.map(|it| it.records), Ok(20));
}

/// The last of the topics, which are created in the order of their names.
const LAST: &str = "topic-49";
const LINK: &str = "topics = [\"topic-.*\"]\nstart = \"latest\"\nrefresh_interval = \"1s\"";

fn names() -> Vec<String> {
    (0..50).map(|number| format!("topic-{number:02}")).collect()
}

/// More topics than the target's quota lets the link create for a while, with records in the last one. farshore has taken
/// its first look, and doesn't run any more; the last topic has no mirror yet.
async fn killed_while_topics_are_created() -> Setting {
    let mut setting = between(spec(), spec(), LINK).await;
    let paris = setting.paris.bootstrap();
    let names = names();
    topics::create_many(&paris, &names, &[]).await;
    topics::wait_led(&paris, LAST, 1).await;
    write_batches(&setting, LAST, 0, [0..100], 20).await;
    hold_back(&setting.oslo, "controller_mutation_rate", 1).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, (&names[0], 0), 0).await;
    setting.farshore.kill9();
    has_no_mirror_yet(&setting).await;
    write_batches(&setting, LAST, 0, [100..130], 20).await;
    setting
}

async fn has_no_mirror_yet(setting: &Setting) {
    let present = topics::names(&setting.oslo.bootstrap()).await;
    let present = present.expect("the names of the topics");
    assert!(!present.iter().any(|name| name == LAST), "{present:?}");
}

/// Checks that exactly what was written after the first look is mirrored.
async fn holds_all_since_the_first_look(setting: &Setting, records: i64) {
    caught_up(&setting.farshore, (LAST, 0), 100 + records).await;
    setting.arrives(LAST, 1, records).await;
    setting.holds(LAST, 0, 0..records).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let source = Partition::new(&paris, LAST, 0).from(100);
    let target = Partition::new(&oslo, LAST, 0).seen(setting.path.isolation());
    let compared = compare::partitions(&source, &target, |_, _| {}).await;
    let records = records.unsigned_abs();
    assert_eq!(compared.map(|it| it.records), Ok(records));
}

#[tokio::test]
async fn latest_is_the_first_look_however_long_creating_the_topics_takes() {
    let mut setting = killed_while_topics_are_created().await;
    setting.farshore.start().await;
    write_batches(&setting, LAST, 0, [130..150], 20).await;
    holds_all_since_the_first_look(&setting, 50).await;
}

#[tokio::test]
async fn latest_is_the_first_look_even_if_the_checkpoint_db_is_lost_before_a_record_is_mirrored() {
    let mut setting = killed_while_topics_are_created().await;
    fs::remove_dir_all(setting.farshore.checkpoint_path()).expect("the checkpoint DB");
    setting.farshore.start().await;
    holds_all_since_the_first_look(&setting, 30).await;
}

/// The leader of the last topic hears nobody while farshore takes its first look, and is back before its mirror exists.
#[tokio::test]
async fn what_is_written_after_the_first_look_is_mirrored_even_where_the_leader_was_silent() {
    let mut setting = between(spec().brokers(2), spec(), LINK).await;
    let paris = setting.paris.bootstrap();
    let names = names();
    for name in &names {
        let leader = if name == LAST { 2 } else { 1 };
        topics::create_assigned(&paris, name, &[&[leader]]).await;
    }
    write_batches(&setting, LAST, 0, [0..100], 20).await;
    hold_back(&setting.oslo, "controller_mutation_rate", 1).await;
    setting.paris.pause(2);
    setting.farshore.start().await;
    caught_up(&setting.farshore, (&names[0], 0), 0).await;
    setting.paris.resume(2);
    topics::wait_led(&paris, LAST, 1).await;
    write_batches(&setting, LAST, 0, [100..130], 20).await;
    has_no_mirror_yet(&setting).await;
    let log = setting.farshore.process().stderr();
    assert!(log.contains("whose leaders don't answer"), "{log}");
    holds_all_since_the_first_look(&setting, 30).await;
}

#[tokio::test]
async fn records_behind_a_start_that_are_gone_before_the_mirror_begins_are_a_gap() {
    let mut setting = killed_while_topics_are_created().await;
    topics::delete_records(&setting.paris.bootstrap(), LAST, 0, 110).await;
    setting.farshore.start().await;
    let is_gap = |it: &Sight| {
        // The lag is known as soon as the source's end was heard.
        let is_known = it.lag_records >= 0;
        is_known && it.reason.as_ref().is_some_and(|it| it.code == "source_gap")
    };
    let halted = until(&setting.farshore, (LAST, 0), "has a gap", is_gap).await;
    assert_eq!((halted.position, halted.lag_records), (100, 30));
}
