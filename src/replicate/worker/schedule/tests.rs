use std::sync::Arc;

use crate::checkpoint::MemoryStore;
use crate::model::{LeaderEpoch, OffsetsMode, SourceOffset};
use crate::replicate::testing::{mirror, route, tracked};

use super::*;

/// Hazard H11: by the epoch of the last fetched record a broker tells a log that was truncated and has grown again.
#[test]
fn a_fetch_names_the_next_offset_and_the_epochs_it_is_based_on() {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut mirror = mirror(Arc::new(tracked), OffsetsMode::Translate);
    mirror.fetch_round = 4;
    mirror.fetch_next = SourceOffset(7);
    (mirror.leader_epoch, mirror.fetched_epoch) = (LeaderEpoch(3), LeaderEpoch(2));
    let FetchChange::Want(ticket, wanted) = want(5, &mirror, 100) else {
        panic!("it is wanted");
    };
    assert_eq!(ticket, (5, 4));
    let expected = FetchPartition {
        partition: route(0).source,
        topic_id: route(0).source_id,
        offset: SourceOffset(7),
        max_bytes: 100,
        leader_epoch: LeaderEpoch(3),
        fetched_epoch: LeaderEpoch(2),
    };
    assert_eq!(wanted, expected);
}
