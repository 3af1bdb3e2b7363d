//! The final moves of a drained switchover.

use super::*;

#[test]
fn the_final_moves_of_a_switchover_must_be_as_exact_as_its_plan() {
    let promised = planned(&situation(MoveKind::Switchover, mapped())).groups;
    let drained = situation(MoveKind::Switchover, translated(60, 55, None));
    let fixed = final_moves(&promised, &drained).unwrap();
    assert_eq!(fixed[0].target_offset, TargetOffset(55));

    let worse = situation(MoveKind::Switchover, translated(60, 55, Some("why")));
    let blockers = final_moves(&promised, &worse).unwrap_err();
    assert_eq!(
        (blockers[0].code, blockers.len()),
        (BlockerCode::NotExact, 1)
    );
    let promised_worse = planned(&worse).groups;
    assert_eq!(final_moves(&promised_worse, &worse).unwrap().len(), 1);
    let mut moved_on = mapped();
    moved_on.progress = Some(TargetOffset(47));
    let moved_on = situation(MoveKind::Switchover, moved_on);
    let blockers = final_moves(&promised, &moved_on).unwrap_err();
    assert_eq!(blockers[0].code, BlockerCode::ProgressOnTarget);
    assert_eq!(final_moves(&[], &moved_on).unwrap(), []);
}
