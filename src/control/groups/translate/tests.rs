use proptest::prelude::*;

use super::*;

fn placed(
    committed: i64,
    found: Result<Translation, Untranslatable>,
    log_start: i64,
) -> (i64, i64, Fit) {
    let place = place(SourceOffset(committed), found, TargetOffset(log_start)).unwrap();
    (place.offset.get(), place.stands_for.get(), place.fit)
}

fn exact(source: i64, target: i64) -> Translation {
    Translation {
        source_offset: SourceOffset(source),
        target_offset: TargetOffset(target),
        exact: true,
        reason: None,
    }
}

#[test]
fn a_mapped_offset_is_exact() {
    let mapped = Ok(exact(10, 7));
    assert_eq!(placed(10, mapped, 7), (7, 10, Fit::Exact));
}

#[test]
fn an_offset_beyond_the_frontier_is_held_there() {
    let beyond = Err(Untranslatable::BeyondFrontier {
        frontier: SourceOffset(80),
        target_end: TargetOffset(75),
    });
    let held = Fit::Held {
        frontier: SourceOffset(80),
        records: 20,
    };
    assert_eq!(placed(100, beyond, 0), (75, 80, held));
}

#[test]
fn an_offset_below_the_targets_log_start_is_clamped_and_counted() {
    let mapped = Ok(exact(10, 7));
    let clamped = Fit::Clamped { records: 13 };
    assert_eq!(placed(10, mapped, 20), (20, 10, clamped));
}

#[test]
fn an_offset_before_the_map_counts_what_was_never_mirrored_and_what_is_gone_since() {
    let before = || {
        Err(Untranslatable::BeforeMap {
            source: SourceOffset(50),
            target: TargetOffset(0),
        })
    };
    assert_eq!(
        placed(10, before(), 0),
        (0, 10, Fit::Clamped { records: 40 })
    );
    assert_eq!(
        placed(10, before(), 5),
        (5, 10, Fit::Clamped { records: 45 })
    );
}

#[test]
fn there_is_no_place_where_nothing_is_mirrored_or_known() {
    for why in [
        Untranslatable::UnknownPartition,
        Untranslatable::NotReady("loading".into()),
    ] {
        let place = place(SourceOffset(1), Err(why.clone()), TargetOffset(0));
        assert_eq!(place.unwrap_err(), why);
    }
}

proptest! {
    #[test]
    fn a_place_is_never_below_the_log_start_and_exact_only_where_the_map_says(
        committed in 0..100_i64, target in 0..100_i64, log_start in 0..100_i64,
    ) {
        let (offset, stands_for, fit) = placed(committed, Ok(exact(committed, target)), log_start);
        prop_assert!(offset >= log_start);
        prop_assert_eq!(stands_for, committed);
        prop_assert_eq!(fit.is_exact(), offset == target);
    }
}
