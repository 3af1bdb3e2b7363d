use std::sync::Arc;
use std::time::Duration;

use crate::checkpoint::MemoryStore;
use crate::kafka::client::Leader;
use crate::model::{BrokerId, LeaderEpoch, Monotonic, TopicId};
use crate::replicate::resync::explain::Tail;
use crate::replicate::resync::input::TargetSide;
use crate::replicate::testing::{self, tracked};

use super::*;

const NOW: i64 = 1_000_000;
const MOMENT: Moment = Moment {
    wall_ms: NOW,
    monotonic: Monotonic(Duration::ZERO),
};
const END: i64 = 30;

fn leader() -> Leader {
    Leader {
        broker: BrokerId(1),
        epoch: LeaderEpoch(0),
        topic_id: TopicId::NONE,
        generation: 1,
    }
}

/// A preserved partition that ends at 30; `uncertain` is whether requests may still be in flight.
fn mirror(uncertain: bool) -> Mirror {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut mirror = testing::mirror(Arc::new(tracked), OffsetsMode::Preserve);
    mirror.course.target = TargetOffset(END);
    resync(&mut mirror, uncertain, 3);
    mirror
}

/// Resyncs again, with the leader remembering `epoch`.
fn resync(mirror: &mut Mirror, uncertain: bool, epoch: i16) {
    let resync_result = ResyncResult {
        target: TargetSide {
            leader: leader(),
            tail: Tail {
                end: TargetOffset(END),
                data_end: TargetOffset(END),
                log_start: TargetOffset(0),
                last: None,
            },
            last: None,
            explanations: Vec::new(),
            producer_status: Some(ProducerStatus {
                epoch,
                last_sequence: 9,
                last_timestamp: NOW,
            }),
            foreign: None,
        },
        runs: Vec::new(),
        position: SourceOffset(END),
        next: SourceOffset(END),
        origin: SourceOffset(0),
        offsets: OffsetsMode::Preserve,
        source_leader: leader(),
        source_log_start: SourceOffset(0),
        fetched_epoch: LeaderEpoch::UNKNOWN,
    };
    mirror.window = mirror.window.renewed(NOW, uncertain, MOMENT);
    mirror.keep_offsets(&resync_result, MOMENT);
    let preserving = mirror.preserve.as_deref_mut().unwrap();
    preserving.chore = Some(Chore::due(Task::Fill(TargetOffset(END + 10))));
}

fn order(mirror: &mut Mirror) -> Order {
    assert_eq!(mirror.before_markers(), Before::Nothing);
    mirror.set_stage(MarkerStage::Queued);
    mirror.order_markers(MOMENT, 1_000).unwrap()
}

#[test]
fn what_may_still_land_is_shut_out_under_an_epoch_that_is_stored_first() {
    let mut mirror = mirror(true);
    assert_eq!(mirror.before_markers(), Before::Store);
    assert_eq!(mirror.tracked.lock().record.fence_epoch, 4);
    mirror.set_stage(MarkerStage::Queued);
    assert!(
        mirror.order_markers(MOMENT, 1_000).is_none(),
        "it isn't stored"
    );
    mirror.set_stage(MarkerStage::Storing(4));
    mirror.fence_stored();
    let order = order(&mut mirror);
    assert_eq!((order.epoch, order.count), (4, 1));
    // The outcome is unknown, so the next fence has another epoch, even in another process.
    resync(&mut mirror, true, 3);
    assert_eq!(mirror.before_markers(), Before::Store);
    assert_eq!(mirror.tracked.lock().record.fence_epoch, 5);
}

#[test]
fn an_epoch_under_which_nothing_was_written_is_used_later() {
    let mut mirror = mirror(true);
    assert_eq!(mirror.before_markers(), Before::Store);
    mirror.fence_stored();
    assert_eq!(order(&mut mirror).epoch, 4);
    mirror.unfilled();
    resync(&mut mirror, true, 3);
    assert_eq!(order(&mut mirror).epoch, 4);
    mirror.unfilled();
    resync(&mut mirror, true, 4);
    assert_eq!(mirror.before_markers(), Before::Store, "it was passed");
}

#[test]
fn a_settling_that_is_certain_doesnt_end_the_doubt_of_an_earlier_one() {
    let mut mirror = mirror(true);
    resync(&mut mirror, false, 3);
    assert_eq!(mirror.before_markers(), Before::Store);
}

#[test]
fn where_nothing_may_land_markers_have_the_producers_epoch() {
    let mut mirror = mirror(false);
    let order = order(&mut mirror);
    assert_eq!((order.epoch, order.count), (3, 9));
}

#[test]
fn after_the_last_epoch_another_producer_takes_over() {
    let mut mirror = mirror(true);
    resync(&mut mirror, true, i16::MAX);
    assert_eq!(mirror.before_markers(), Before::Renew);
}
