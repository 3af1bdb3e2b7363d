use crate::model::ProducerId;
use crate::replicate::testing::{header, identity, run, tail};

use super::*;

fn check(tail: &Tail, acknowledged: Option<TargetOffset>) -> Result<(), Reason> {
    check_tail(
        &identity(),
        OffsetsMode::Translate,
        tail,
        acknowledged,
        None,
    )
}

#[test]
fn where_offsets_are_preserved_sequences_count_records_and_the_end_is_the_position() {
    let own = identity().producer_id(0);
    let check = |tail: &Tail| check_tail(&identity(), OffsetsMode::Preserve, tail, None, None);
    let counted = tail(10, Some(header(7, 3, own, 2)));
    assert_eq!(check(&counted), Ok(()));
    let foreign = tail(10, Some(header(7, 3, ProducerId(4), 7)));
    assert_eq!(check(&foreign).unwrap_err().code, HaltCode::ForeignWrite);
    for (known, runs) in [(None, vec![run(0, 0, 10)]), (Some(run(0, 0, 4)), vec![])] {
        let explained = super::identity(known, TargetOffset(10));
        let position = SourceOffset(10);
        assert_eq!(explained, Explanation { runs, position });
    }
}

#[test]
fn records_of_another_link_are_not_to_be_adopted() {
    let other = LinkIdentity {
        link: "other".into(),
        ..identity()
    };
    let remedy = |producer| {
        let foreign = tail(10, Some(header(7, 3, producer, 7)));
        check(&foreign, None).unwrap_err().remedy
    };
    assert!(remedy(ProducerId(4)).contains("adopt"));
    for incarnation in [0, 300] {
        let remedy = remedy(other.producer_id(incarnation));
        assert!(remedy.contains("Another link"), "{remedy}");
        assert!(!remedy.contains("adopt"), "{remedy}");
    }
}

#[test]
fn own_tail_passes_and_everything_else_is_named() {
    let own = identity().producer_id(0);
    let ours = tail(10, Some(header(7, 3, own, 7)));
    assert_eq!(check(&ours, Some(TargetOffset(4))), Ok(()));

    let foreign = tail(10, Some(header(7, 3, ProducerId(-1), -1)));
    let code = check(&foreign, None).unwrap_err().code;
    assert_eq!(code, HaltCode::ForeignWrite);

    let shifted = tail(10, Some(header(7, 3, own, 5)));
    let code = check(&shifted, None).unwrap_err().code;
    assert_eq!(code, HaltCode::ForeignWrite);

    let lost = check(&ours, Some(TargetOffset(11))).unwrap_err();
    assert_eq!(lost.code, HaltCode::TargetTruncated);
}

#[test]
fn an_empty_log_has_to_end_where_the_checkpoint_does() {
    let mut empty = tail(11, None);
    empty.log_start = TargetOffset(11);
    assert!(check(&empty, Some(TargetOffset(11))).is_ok());
    assert!(check(&empty, None).is_err());
    assert!(check(&tail(0, None), None).is_ok());
}

#[test]
fn the_last_run_reaches_up_to_the_end_where_no_plan_begins_below_it() {
    let found = explanations(
        Some(run(100, 0, 5)),
        &[vec![run(200, 50, 1)]],
        TargetOffset(50),
    );
    assert_eq!(
        found,
        [Explanation {
            runs: vec![],
            position: SourceOffset(150)
        }]
    );
}

#[test]
fn a_plan_below_the_end_is_believed_before_the_bare_map() {
    let found = explanations(
        Some(run(100, 0, 50)),
        &[vec![run(200, 50, 1)]],
        TargetOffset(60),
    );
    assert_eq!(
        found[0],
        Explanation {
            runs: vec![run(200, 50, 10)],
            position: SourceOffset(210)
        }
    );
    assert_eq!(
        found[1],
        Explanation {
            runs: vec![],
            position: SourceOffset(160)
        }
    );
}

#[test]
fn an_older_plan_stays_a_candidate() {
    // Hazard H8 (a): one plan says 200 -> 50, the other 205 -> 50; only the content shows which one landed.
    let plans = [vec![run(200, 50, 1)], vec![run(205, 50, 1)]];
    let positions: Vec<_> = explanations(Some(run(100, 0, 50)), &plans, TargetOffset(60))
        .into_iter()
        .map(|it| it.position.get())
        .collect();
    assert_eq!(positions, [215, 210, 160]);
}

#[test]
fn a_chain_is_stretched_from_run_to_run() {
    let plan = vec![run(10, 0, 1), run(20, 4, 1), run(30, 9, 1)];
    let found = explanations(None, &[plan], TargetOffset(9));
    assert_eq!(found[0].runs, [run(10, 0, 4), run(20, 4, 5)]);
    assert_eq!(found[0].position, SourceOffset(25));
    assert_eq!(
        found[0].source_of(None, TargetOffset(8)),
        Some(SourceOffset(24))
    );
    assert_eq!(
        found.len(),
        1,
        "without a map and a plan nothing explains records"
    );
}

#[test]
fn nothing_explains_records_nobody_planned() {
    assert_eq!(explanations(None, &[], TargetOffset(9)), []);
    // Everything up to the end is in the map already: the map alone is the explanation.
    let found = explanations(Some(run(0, 0, 9)), &[], TargetOffset(9));
    assert_eq!(found[0].position, SourceOffset(9));
}

#[test]
fn epochs_are_known_only_as_far_as_they_were_noted() {
    let epochs = [
        (LeaderEpoch(0), SourceOffset(0)),
        (LeaderEpoch(3), SourceOffset(100)),
    ];
    let before = |position| epoch_before(&epochs, SourceOffset(200), SourceOffset(position)).0;
    assert_eq!(
        [before(0), before(1), before(100), before(101), before(200)],
        [-1, 0, 0, 3, 3]
    );
    // An epoch that began after what was noted would be missed: a stale one looks like a truncation.
    assert_eq!(before(201), -1);
}

#[test]
fn where_the_map_goes_on_nothing_before_is_continued() {
    // The map ends at 10, others wrote up to 15, and source offset 10 is next.
    let begun = Some(run(10, 15, 0));
    let explain = |plans: &[Vec<Run>], end| explanations(begun, plans, TargetOffset(end));
    let explained = |runs: &[Run], position| Explanation {
        runs: runs.to_vec(),
        position: SourceOffset(position),
    };
    assert_eq!(explain(&[], 15), [explained(&[], 10)]);
    assert_eq!(explain(&[], 18), [explained(&[run(10, 15, 3)], 13)]);
    let behind_a_gap = vec![run(12, 15, 1)];
    assert_eq!(
        explain(std::slice::from_ref(&behind_a_gap), 15),
        [explained(&[], 10)]
    );
    assert_eq!(
        explain(&[behind_a_gap], 18),
        [
            explained(&[run(12, 15, 3)], 15),
            explained(&[run(10, 15, 3)], 13)
        ]
    );
    let later = vec![run(20, 17, 1)];
    assert_eq!(
        explain(&[later], 18)[0],
        explained(&[run(10, 15, 2), run(20, 17, 1)], 21)
    );
}

#[test]
fn a_tail_judged_before_is_not_judged_again_and_what_follows_is() {
    let foreign = tail(15, Some(header(10, 5, ProducerId(-1), -1)));
    let end = Some(TargetOffset(15));
    assert_eq!(
        check_tail(&identity(), OffsetsMode::Translate, &foreign, end, end),
        Ok(())
    );
    let more = tail(18, Some(header(15, 3, ProducerId(-1), -1)));
    let reason = check_tail(&identity(), OffsetsMode::Translate, &more, end, end).unwrap_err();
    assert_eq!(
        (reason.code, reason.target_offset),
        (HaltCode::ForeignWrite, end)
    );
    let lost = check_tail(
        &identity(),
        OffsetsMode::Translate,
        &tail(12, None),
        end,
        end,
    )
    .unwrap_err();
    assert_eq!(lost.code, HaltCode::TargetTruncated);
}

#[test]
fn a_tail_of_another_owner_of_the_same_link_is_told() {
    let written = |incarnation, end| {
        let id = identity().producer_id(incarnation);
        tail(
            end,
            Some(header(end - 3, 3, id, i32::try_from(end - 3).unwrap())),
        )
    };
    let check = |incarnation, end, acknowledged: Option<i64>| {
        let tail = written(incarnation, end);
        let acknowledged = acknowledged.map(TargetOffset);
        let checked = check_incarnation(&identity(), &tail, acknowledged, 2);
        checked.err().map(|reason| reason.code)
    };
    assert_eq!(check(2, 20, Some(10)), None);
    assert_eq!(check(1, 20, Some(20)), None);
    assert_eq!(check(1, 20, Some(10)), Some(HaltCode::ForeignWrite));
    assert_eq!(check(3, 20, Some(20)), Some(HaltCode::MapUnknown));
    assert_eq!(check(3, 20, None), None);
    let foreign = tail(20, Some(header(17, 3, ProducerId(0x7ff), 0)));
    let end = Some(TargetOffset(20));
    assert_eq!(check_incarnation(&identity(), &foreign, end, 2), Ok(()));
}
