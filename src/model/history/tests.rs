use super::*;

fn stretch(kind: StretchKind, from: i64, until: i64) -> Stretch {
    Stretch { kind, from, until }
}

#[test]
fn stretches_are_found_on_their_side_and_counted_by_kind() {
    let mut history = History::default();
    history.note(stretch(StretchKind::Lost, 10, 15));
    history.note(stretch(StretchKind::Adopted, 12, 14));
    history.note(stretch(StretchKind::Skipped, 20, 21));
    history.note(stretch(StretchKind::Former, 0, 4));
    let source = |offset| history.at_source(SourceOffset(offset)).map(|it| it.kind);
    let target = |offset| history.at_target(TargetOffset(offset)).map(|it| it.kind);
    assert_eq!(
        [source(9), source(15), source(12)],
        [None, None, Some(StretchKind::Lost)]
    );
    assert_eq!([target(14), target(13)], [None, Some(StretchKind::Adopted)]);
    let passed = [9, 10, 15, 20].map(|offset| history.passed(SourceOffset(offset)).get());
    assert_eq!(passed, [9, 15, 15, 21]);
    let totals = history.totals;
    assert_eq!(
        [
            totals.lost,
            totals.skipped,
            totals.adopted,
            totals.target_only
        ],
        [5, 1, 2, 4]
    );
}

#[test]
fn what_comes_anew_is_forgotten_and_its_count_is_not() {
    let mut history = History::default();
    history.note(stretch(StretchKind::Lost, 10, 15));
    history.note(stretch(StretchKind::Lost, 30, 31));
    history.note(stretch(StretchKind::TargetOnly, 5, 9));
    history.forget_source_from(SourceOffset(20));
    assert_eq!(history.stretches.len(), 2);
    history.forget_target_from(TargetOffset(8));
    assert_eq!(history.stretches.len(), 1);
    history.forget_source();
    assert!(history.stretches.is_empty());
    assert_eq!(history.totals.lost, 6);
}

#[test]
fn the_oldest_stretches_give_way() {
    let mut history = History::default();
    for at in 0..300 {
        history.note(stretch(StretchKind::Skipped, at, at + 1));
    }
    assert_eq!(history.stretches.len(), STRETCHES_LIMIT);
    assert_eq!(history.totals.skipped, 300);
    assert_eq!(history.at_source(SourceOffset(43)), None);
    assert!(history.at_source(SourceOffset(44)).is_some());
    assert_eq!(history.forgotten_below(true), 44);
    assert_eq!(history.forgotten_below(false), 0);
}
