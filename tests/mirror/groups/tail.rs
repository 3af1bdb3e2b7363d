//! The target loses an acknowledged tail (H13): groups in it are lowered to the end of the log, and none is carried into it
//! until it is mirrored again, and then exactly.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "each range is the offsets of one batch"
)]

use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::truncated::cut;
use crate::hazards::{between, spec, write_batches};
use crate::histories::told::resolve;
use crate::support::{groups, topics};

const PARTITION: (&str, i32) = ("t", 0);

#[tokio::test]
async fn groups_stand_at_the_end_until_a_lost_tail_is_mirrored_again() {
    let mut setting = between(spec(), spec(), "topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    write_batches(&setting, "t", 0, [0..10], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, PARTITION, 10).await;
    write_batches(&setting, "t", 0, [10..17], 20).await;
    caught_up(&setting.farshore, PARTITION, 17).await;
    for (group, offset) in [("g", 15), ("before", 8), ("theirs", 12)] {
        setting.commits(group, PARTITION, offset).await;
        let carried = setting.farshore.carries_exactly(group, PARTITION, offset);
        let image = setting.image(PARTITION, offset, offset).await;
        assert_eq!(carried.await.target_offset, Some(image));
    }
    let (before, end) = (
        setting.image(PARTITION, 8, 8).await,
        setting.image(PARTITION, 10, 10).await,
    );
    let theirs = setting.image(PARTITION, 13, 13).await;

    setting.farshore.sigterm().await;
    setting.oslo.kill(1);
    cut(&setting.oslo.data_dir(1), "t", end);
    setting.oslo.restart(1).await;
    topics::wait_led(&setting.oslo.bootstrap(), "t", 1).await;
    let oslo = setting.oslo.bootstrap();
    groups::commit(&oslo, "theirs", &[("t", 0, theirs)]).await;
    setting.farshore.start().await;
    let (state, reason) = stands_still(&setting.farshore, PARTITION).await;
    assert_eq!(state, "diverged");
    assert_eq!(reason.code, "target_truncated");
    // Meanwhile the application continues in the part that the target no longer has.
    setting.commits("g", PARTITION, 16).await;
    let lowered = setting
        .farshore
        .carries("g", PARTITION, "is lowered", |it| {
            it.source_offset == Some(16) && it.state == "clamped"
        });
    assert_eq!(lowered.await.target_offset, Some(end));
    for (group, offset) in [("g", end), ("before", before), ("theirs", theirs)] {
        let committed = setting.committed(group, PARTITION).await;
        assert_eq!(committed, offset, "{group}");
    }

    assert_eq!(resolve(&setting.farshore, "t", &["follow"]).await, Some(0));
    caught_up(&setting.farshore, PARTITION, 17).await;
    let carried = setting.farshore.carries_exactly("g", PARTITION, 16).await;
    let image = setting.image(PARTITION, 16, 16).await;
    assert_eq!(carried.target_offset, Some(image));
    assert_eq!(setting.committed("g", PARTITION).await, image);
    let next = setting.next_on_target("g", "t", 1).await;
    assert_eq!(next, [setting.next_on_source("t", 0, 16).await]);
    assert_eq!(setting.compare("t", 1).await, 17);
}
