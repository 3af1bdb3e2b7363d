//! What is left to be moved, and how much may be lost.

use super::*;

#[test]
fn groups_that_were_moved_before_are_named_and_alone_they_leave_nothing_to_move() {
    let mut situation = situation(MoveKind::Failover, mapped());
    let moved = (0..7).map(|number| (format!("g-{number}").as_str().into(), "o-1".to_owned()));
    situation.moved = moved.collect();
    let with_others = plan(&situation, "p".to_owned(), NOW);
    assert_eq!(with_others.blockers, []);
    let told = with_others
        .warnings
        .iter()
        .find(|it| it.contains("moved before"));
    let told = told.expect("a warning");
    assert!(
        told.contains("g-0 by o-1") && told.contains("and 2 more"),
        "{told}"
    );

    situation.groups.clear();
    let alone = plan(&situation, "p".to_owned(), NOW);
    let codes: Vec<_> = alone.blockers.iter().map(|it| it.code).collect();
    assert_eq!(codes, [BlockerCode::NothingToMove]);
    situation.asked_topics.insert("orders".into());
    let drains = plan(&situation, "p".to_owned(), NOW);
    assert_eq!(drains.blockers, [], "its topics are still drained");
}

#[test]
fn a_plan_whose_offsets_were_all_committed_by_others_moves_nothing() {
    let progress = CommitSituation {
        progress: Some(TargetOffset(70)),
        ..mapped()
    };
    let empty = plan(
        &situation(MoveKind::Failover, progress),
        "p".to_owned(),
        NOW,
    );
    assert_eq!(empty.blockers[0].code, BlockerCode::NothingToMove);
}

#[test]
fn what_a_failover_would_lose_is_limited_by_what_is_allowed() {
    let mut situation = failover(mapped());
    let mirrored = situation.partitions.get_mut(&partition()).unwrap();
    mirrored.source_high_watermark = SourceOffset(130);
    mirrored.at_risk_since_ms = Some(NOW.as_millisecond() - 700);
    let at_risk = planned(&situation).at_risk.unwrap();
    assert_eq!((at_risk.records, at_risk.ms), (Some(30), Some(700)));
    let mut limited = |records, ms| {
        situation.allow_loss = Some(LossLimit { records, ms });
        codes(&situation)
    };
    assert_eq!(limited(Some(30), Some(700)), []);
    assert_eq!(
        limited(Some(29), Some(700)),
        [BlockerCode::LossExceedsLimit]
    );
    assert_eq!(limited(None, Some(699)), [BlockerCode::LossExceedsLimit]);
    let unknown = |change: &dyn Fn(&mut MirroredPartition)| {
        let mut situation = failover(mapped());
        change(situation.partitions.get_mut(&partition()).unwrap());
        planned(&situation).at_risk.unwrap()
    };
    assert_eq!(unknown(&|it| it.frontier = None).records, None);
    assert_eq!(unknown(&|it| it.at_risk_since_ms = None).ms, None);
    let negative = |it: &mut MirroredPartition| it.source_high_watermark = SourceOffset(-1);
    assert_eq!(unknown(&negative).records, None);
    let mut switchover = situation.clone();
    switchover.kind = MoveKind::Switchover;
    assert_eq!(planned(&switchover).at_risk, None);
}
