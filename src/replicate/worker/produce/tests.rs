use crate::checkpoint::MemoryStore;
use crate::model::{
    Intent, OffsetsMode, Policies, ProducerId, Run, SourceOffset, TopicId, TopicPartition,
};
use crate::replicate::partition::route::Route;
use crate::replicate::testing::tracked;

use super::*;

/// A partition with a batch of `records` records in flight, from source offset 25 to target offset 20.
fn with_in_flight(records: i64) -> Mirror {
    let partition = TopicPartition::new("t", 0);
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let route = Route {
        source: partition.clone(),
        target: partition,
        source_id: TopicId::NONE,
        target_id: TopicId::NONE,
    };
    let (id, offsets) = (ProducerId(7), OffsetsMode::Translate);
    let wanted = (Policies::HALT, Intent::Mirror);
    let mut mirror = Mirror::new(route, Arc::new(tracked), id, None, offsets, wanted);
    let run = Run::new(SourceOffset(25), TargetOffset(20), records);
    mirror.window.sent(SentBatch {
        target: run.target,
        records,
        frontier: run.source_end(),
        max_timestamp: 0,
        bytes: 100,
        runs: vec![run],
        opens: false,
    });
    mirror
}

/// Kafka's codes for a batch refused for its content: too large (10, 18), a timestamp outside the limits (32), a format (43)
/// or codec (76) the topic doesn't accept, a record without a key in a compacted topic (87).
#[test]
fn whatever_is_refused_for_what_it_is_is_cut_down_to_one_record_which_the_policy_is_for() {
    for code in [10, 18, 32, 43, 76, 87].map(BrokerCode) {
        let mut mirror = with_in_flight(10);
        let cut = refusal(&mut mirror, code, None);
        assert!(matches!(cut, Trouble::Retry(_)), "{code:?}: {cut:?}");
        assert_eq!(mirror.course.records_limit, 5);

        let mut mirror = with_in_flight(1);
        let alone = refusal(&mut mirror, code, Some("no such codec"));
        let Trouble::Halt(reason) = alone else {
            panic!("{code:?}: {alone:?}");
        };
        assert_eq!(reason.code, HaltCode::RecordRefused);
        assert_eq!(reason.source_offset, Some(SourceOffset(25)));
        assert_eq!(reason.target_offset, Some(TargetOffset(20)));
        assert!(reason.message.ends_with("(no such codec)"));
    }
}

#[test]
fn what_may_pass_is_no_refusal() {
    // A leader that moved, too few replicas, a full disk, a timeout.
    for code in [6, 19, 20, 56, 7].map(BrokerCode) {
        let mut mirror = with_in_flight(1);
        let trouble = refusal(&mut mirror, code, None);
        assert!(matches!(trouble, Trouble::Retry(_)), "{code:?}");
    }
}
