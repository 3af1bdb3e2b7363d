//! A source topic is deleted and created again under its name, with fewer or more partitions.

use super::told::{content, decisions, has_no_image, is_mapped, mapped_to, resolve, without_image};
use crate::hazards::sight::{Sight, caught_up, stands_still, until};
use crate::hazards::{between, spec, write_batches};
use crate::setting::Setting;
use crate::support::topics;

async fn create_again(setting: &Setting, topic: &str, partitions: i32) {
    topics::delete(&setting.paris.bootstrap(), topic).await;
    setting.topic(topic, partitions, &[]).await;
}

/// Checks that a partition holds the records of a former topic, followed by those of the present one.
async fn is_behind_the_former(
    setting: &Setting,
    (topic, partition): (&str, i32),
    former: i64,
    present: i64,
) {
    let on_target = content(&setting.oslo.bootstrap(), topic, partition).await;
    assert_eq!(
        on_target.len() as i64,
        former + present,
        "{topic}-{partition}"
    );
    let mapped = is_mapped(setting, topic, partition, &[]).await;
    assert_eq!(mapped as i64, present, "{topic}-{partition}");
    let first = mapped_to(setting, (topic, partition), 0, former).await;
    has_no_image(setting, (topic, partition), 0..first).await;
    assert_eq!(on_target.range(..first).count() as i64, former);
    let counted = without_image(&setting.farshore, topic, partition).await;
    assert_eq!(counted, [0, 0, 0, u64::try_from(first).expect("a count")]);
}

#[tokio::test]
async fn another_topic_of_the_same_name_is_appended_behind_the_former() {
    let link = "topics = [\"fewer\", \"more\", \"down\", \"halted\"]\ngroups = [\"g\"]\nrefresh_interval = \"1s\"\n\
        on_recreate = \"follow\"\n[[links.paris-oslo.overrides]]\ntopics = [\"halted\"]\non_recreate = \"halt\"";
    let mut setting = between(spec(), spec(), link).await;
    let topics = [("fewer", 3), ("more", 1), ("down", 1), ("halted", 1)];
    for (topic, partitions) in topics {
        setting.topic(topic, partitions, &[]).await;
        for partition in 0..partitions {
            write_batches(&setting, topic, partition, [0..10], 20).await;
        }
    }
    setting.commits("g", ("fewer", 0), 7).await;
    setting.farshore.start().await;
    for (topic, partitions) in topics {
        for partition in 0..partitions {
            caught_up(&setting.farshore, (topic, partition), 10).await;
        }
    }
    setting.farshore.carries_exactly("g", ("fewer", 0), 7).await;
    let former = setting.image(("fewer", 0), 7, 7).await;

    topics_are_created_again(&setting).await;
    // The group's offset in the former topic means nothing in the present one: it stays where it was.
    assert_eq!(setting.committed("g", ("fewer", 0)).await, former);
    let (state, reason) = stands_still(&setting.farshore, ("halted", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("halted", "source_recreated")
    );
    assert_eq!(
        resolve(&setting.farshore, "halted", &["follow"]).await,
        Some(0)
    );
    caught_up(&setting.farshore, ("halted", 0), 15).await;

    // The same while farshore is down, with a new topic longer than the old one.
    setting.farshore.kill9();
    create_again(&setting, "down", 1).await;
    write_batches(&setting, "down", 0, [100..120], 20).await;
    write_batches(&setting, "halted", 0, [115..120], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("down", 0), 20).await;
    caught_up(&setting.farshore, ("halted", 0), 20).await;
    until(&setting.farshore, ("fewer", 2), "is gone", gone).await;
    is_behind_the_former(&setting, ("fewer", 0), 10, 25).await;
    is_behind_the_former(&setting, ("fewer", 1), 10, 25).await;
    is_behind_the_former(&setting, ("more", 0), 10, 4).await;
    is_behind_the_former(&setting, ("more", 1), 0, 4).await;
    is_behind_the_former(&setting, ("down", 0), 10, 20).await;
    is_behind_the_former(&setting, ("halted", 0), 10, 20).await;
    for topic in ["down", "halted"] {
        is_on_record(&setting, topic).await;
    }
    setting.commits("g", ("fewer", 0), 20).await;
    let carried = setting
        .farshore
        .carries_exactly("g", ("fewer", 0), 20)
        .await;
    let image = mapped_to(&setting, ("fewer", 0), 20, 30).await;
    assert_eq!(carried.target_offset, Some(image));
}

/// Whether a partition has stopped because the source no longer has it.
fn gone(sight: &Sight) -> bool {
    let reason = sight.reason.as_ref();
    reason.is_some_and(|it| it.code == "source_topic_missing")
}

/// Creates three topics again with other sizes, and waits until farshore follows where it should.
async fn topics_are_created_again(setting: &Setting) {
    create_again(setting, "fewer", 2).await;
    create_again(setting, "more", 3).await;
    create_again(setting, "halted", 1).await;
    for partition in 0..2 {
        write_batches(setting, "fewer", partition, [100..125], 20).await;
    }
    for partition in 0..3 {
        write_batches(setting, "more", partition, [100..104], 20).await;
    }
    write_batches(setting, "halted", 0, [100..115], 20).await;
    for partition in 0..2 {
        caught_up(&setting.farshore, ("fewer", partition), 25).await;
    }
    until(&setting.farshore, ("fewer", 2), "is gone", gone).await;
    for partition in 0..3 {
        caught_up(&setting.farshore, ("more", partition), 4).await;
    }
}

/// Checks what is reported about a topic whose former records are the first ten.
async fn is_on_record(setting: &Setting, topic: &str) {
    let decided = decisions(&setting.farshore, topic).await;
    let [decided] = &decided[..] else {
        panic!("{topic}: {decided:?}");
    };
    assert_eq!(decided.code, "source_recreated");
    let first = mapped_to(setting, (topic, 0), 0, 10).await;
    assert_eq!(decided.stretches, [("former".to_owned(), 0, first)]);
    assert_eq!((decided.source_offset, decided.target_offset), (0, first));
}
