//! The last look before offsets are committed.

use super::*;

#[test]
fn the_last_look_finds_members_progress_divergence_and_a_log_that_moved() {
    let moves = planned(&failover(mapped())).groups;
    let key = ("billing".into(), partition());
    let look = |active: bool, found: Option<i64>, mirrored: MirroredPartition| {
        let found = found.map(|offset| TargetCommit {
            offset: TargetOffset(offset),
            metadata: None,
        });
        let written = Written {
            last: Some(TargetOffset(40)),
            ..Written::default()
        };
        let active = BTreeMap::from([("billing".into(), active)]);
        let present = BTreeMap::from([(key.clone(), (found, written))]);
        let partitions = BTreeMap::from([(partition(), mirrored)]);
        let blockers = conditions(&moves, &active, &present, &partitions);
        blockers.iter().map(|b| b.code).collect::<Vec<_>>()
    };
    let live = || mirrored(PartitionState::Live);
    for fine in [None, Some(40), Some(45)] {
        assert_eq!(look(false, fine, live()), []);
    }
    assert_eq!(look(true, None, live()), [BlockerCode::GroupActive]);
    assert_eq!(
        look(false, Some(44), live()),
        [BlockerCode::ProgressOnTarget]
    );
    let diverged = mirrored(PartitionState::Diverged);
    assert_eq!(
        look(false, None, diverged),
        [BlockerCode::PartitionDiverged]
    );
    let mut paused = mirrored(PartitionState::Paused);
    paused.reason = Some(Reason::new(HaltCode::TargetTruncated, "its tail is lost"));
    assert_eq!(look(false, None, paused), [BlockerCode::PartitionDiverged]);
    let mut retained = live();
    retained.target_log_start = TargetOffset(46);
    assert_eq!(look(false, None, retained), [BlockerCode::OutsideLog]);
    let mut truncated = live();
    truncated.target_end = TargetOffset(44);
    assert_eq!(look(false, None, truncated), [BlockerCode::OutsideLog]);
    let nothing_mirrored = conditions(&moves, &BTreeMap::new(), &BTreeMap::new(), &BTreeMap::new());
    assert_eq!(nothing_mirrored[0].code, BlockerCode::UnknownTopic);
}
