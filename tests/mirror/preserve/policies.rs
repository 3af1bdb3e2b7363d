//! The policies with preserved offsets: whatever is lost or refused, all other records keep their offsets.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "each range is the offsets of one batch"
)]

use super::{Isolation, assert_same, ends_meet, preserving, read, says};
use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::truncated::cut;
use crate::hazards::{broker, numbered, write_batches};
use crate::histories::discard::to_discard;
use crate::histories::told::{decisions, resolve, without_image};
use crate::histories::truncated::lose_tails;
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::write::{Record, Writer};

const LINK: &str = "topics = [\".*\"]\nrefresh_interval = \"500ms\"\non_gap = \"follow\"\non_recreate = \"reseed\"\n\
    on_truncate = \"reseed\"\non_target_truncate = \"follow\"\non_refused = \"skip_with_receipt\"\non_foreign_write = \"adopt\"";
const TOPICS: [&str; 5] = ["gap", "refused", "again", "short", "lost"];
/// Offsets of records that the target refuses.
const HUGE: [i64; 2] = [5, 16];

/// Checks that from `from` on the target has each record at its source offset, except for refused ones.
async fn is_the_same_from(setting: &Setting, topic: &str, from: i64) {
    let of = async |bootstrap: String| {
        let mut found = read(&bootstrap, topic, 0, Isolation::Committed).await;
        found.retain(|it| it.offset >= from);
        found
    };
    let mut source = of(setting.paris.bootstrap()).await;
    let target = of(setting.oslo.bootstrap()).await;
    if topic == "refused" {
        source.retain(|it| !HUGE.contains(&it.offset));
    }
    assert_same(&source, &target);
    ends_meet(setting, topic, 0).await;
}

/// Writes seventeen records to each topic. The mirror of `refused` accepts no large ones, but still has the last offset.
async fn write_first(setting: &Setting) {
    for topic in TOPICS {
        setting.topic(topic, 1, &[]).await;
    }
    for topic in ["gap", "again", "short"] {
        write_batches(setting, topic, 0, [0..10, 10..17], 20).await;
    }
    write_batches(setting, "lost", 0, [0..10], 20).await;
    let huge = || Record::new(0, "huge", vec![b'v'; 30_000]);
    let writer = Writer::new(&setting.paris.bootstrap(), "refused", &[]);
    let mixed = numbered(0, 0..5, 20).chain([huge()]);
    writer.write(mixed.chain(numbered(0, 6..16, 20))).await;
    writer.write([huge()]).await;
    let configs = [("retention.ms", "-1"), ("max.message.bytes", "20000")];
    broker::configure(&setting.paris.bootstrap(), "refused", &configs).await;
    topics::create(&setting.oslo.bootstrap(), "refused", 1, 1, &configs).await;
}

/// Causes every event that a history can have, while farshore is down.
async fn everything_happens(setting: &mut Setting) {
    write_batches(setting, "gap", 0, [17..40], 20).await;
    let paris = setting.paris.bootstrap();
    topics::delete_records(&paris, "gap", 0, 30).await;
    topics::delete(&paris, "again").await;
    setting.topic("again", 1, &[]).await;
    write_batches(setting, "again", 0, [100..140], 20).await;
    setting.paris.kill(1);
    cut(&setting.paris.data_dir(1), "short", 10);
    setting.paris.restart(1).await;
    topics::wait_led(&paris, "short", 1).await;
    write_batches(setting, "short", 0, [100..140], 20).await;
    setting.oslo.kill(1);
    cut(&setting.oslo.data_dir(1), "lost", 10);
    setting.oslo.restart(1).await;
}

#[tokio::test]
async fn every_record_that_can_keeps_its_offset() {
    let mut setting = preserving(LINK).await;
    write_first(&setting).await;
    setting.farshore.start().await;
    // Two batches on the target, so that there is a boundary to cut at.
    caught_up(&setting.farshore, ("lost", 0), 10).await;
    write_batches(&setting, "lost", 0, [10..17], 20).await;
    for topic in TOPICS {
        caught_up(&setting.farshore, (topic, 0), 17).await;
        is_the_same_from(&setting, topic, 0).await;
    }
    setting.farshore.sigterm().await;
    everything_happens(&mut setting).await;
    setting.farshore.start().await;
    let ends = [40, 17, 40, 50, 17];
    for (topic, end) in TOPICS.into_iter().zip(ends) {
        caught_up(&setting.farshore, (topic, 0), end).await;
    }
    for round in 0..2 {
        for topic in TOPICS {
            let from = if topic == "gap" { 30 } else { 0 };
            is_the_same_from(&setting, topic, from).await;
            let preserved = |it: &serde_json::Value| it["offsets"] == "preserve";
            says(&setting, (topic, 0), "is preserved", preserved).await;
        }
        setting.farshore.kill9();
        for topic in TOPICS {
            write_batches(&setting, topic, 0, [200..205], 20).await;
        }
        setting.farshore.start().await;
        for (topic, end) in TOPICS.into_iter().zip(ends) {
            caught_up(&setting.farshore, (topic, 0), end + 5 * (round + 1)).await;
        }
    }
    are_on_record(&setting).await;
    cannot_be_adopted(&setting).await;
}

async fn are_on_record(setting: &Setting) {
    for (topic, code, count) in [
        ("gap", "source_gap", 1),
        ("refused", "record_refused", 2),
        ("again", "source_recreated", 1),
        ("short", "source_truncated", 1),
        ("lost", "target_truncated", 1),
    ] {
        let decided = decisions(&setting.farshore, topic).await;
        assert_eq!(decided.len(), count, "{topic}: {decided:?}");
        assert!(decided.iter().all(|it| it.code == code), "{decided:?}");
    }
    let [gap] = &decisions(&setting.farshore, "gap").await[..] else {
        panic!("one decision");
    };
    assert_eq!(gap.stretches, [("lost".to_owned(), 17, 30)]);
    assert_eq!(
        without_image(&setting.farshore, "gap", 0).await,
        [13, 0, 0, 0]
    );
    assert_eq!(
        without_image(&setting.farshore, "refused", 0).await,
        [0, 2, 0, 0]
    );
}

/// Has a topic mirrored anew, and deletes with its mirror what exists only there.
async fn reseeds(farshore: &Farshore, topic: &str) {
    let number = to_discard(farshore, topic).await;
    assert_ne!(number, "0");
    let rest = ["reseed", "--discard", &number];
    assert_eq!(resolve(farshore, topic, &rest).await, Some(0));
}

/// Whatever occupies the offset of a record can't be passed under any policy: only a new mirror topic helps.
async fn cannot_be_adopted(setting: &Setting) {
    let stranger = Writer::new(&setting.oslo.bootstrap(), "gap", &[]);
    stranger.write(numbered(0, 0..3, 20)).await;
    write_batches(setting, "gap", 0, [300..305], 20).await;
    let (state, reason) = stands_still(&setting.farshore, ("gap", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("diverged", "foreign_write")
    );
    assert_eq!(resolve(&setting.farshore, "gap", &["adopt"]).await, Some(3));
    reseeds(&setting.farshore, "gap").await;
    caught_up(&setting.farshore, ("gap", 0), 55).await;
    is_the_same_from(setting, "gap", 0).await;
}

/// Brokers up to 3.9 keep the leader epoch when a lone broker comes back without its last records.
#[tokio::test]
async fn a_tail_lost_without_a_new_epoch_is_found_by_content() {
    let link = "topics = [\"t\"]\noffsets = \"preserve\"\nrefresh_interval = \"500ms\"";
    let paris = Spec::new(KafkaVersion::V3_9);
    let mut setting = lose_tails(paris, link, (&["t"], &[]), &["t"]).await;
    setting.farshore.start().await;
    let (state, reason) = stands_still(&setting.farshore, ("t", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("diverged", "source_truncated")
    );
    assert_eq!(reason.source_offset, Some(10), "{reason:?}");
    assert_eq!(resolve(&setting.farshore, "t", &["follow"]).await, Some(3));
    reseeds(&setting.farshore, "t").await;
    caught_up(&setting.farshore, ("t", 0), 30).await;
    is_the_same_from(&setting, "t", 0).await;
}
