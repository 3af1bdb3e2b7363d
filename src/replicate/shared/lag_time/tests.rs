use super::*;

#[test]
fn a_mirror_that_keeps_up_is_as_late_as_its_last_milestone_however_much_is_written() {
    let mut milestones = Milestones::default();
    assert!(milestones.hear(0, 0, 1_000));
    // Ten records every 100 ms, each of which arrives 250 ms later.
    for step in 1..100 {
        let now = 1_000 + 100 * step;
        assert!(!milestones.hear(10 * (step - 3).max(0), 10 * step, now));
        let reached = milestones.reach(10 * (step - 2).max(0));
        let expected = (step > 2).then_some(now - 200);
        assert_eq!(reached, expected, "{step}");
    }
}

#[test]
fn the_last_time_at_which_an_end_was_heard_counts_and_the_first_at_which_it_was_missing() {
    let mut milestones = Milestones::default();
    for (end, at) in [(10, 1_000), (10, 2_000), (20, 3_000), (20, 9_000)] {
        assert!(!milestones.hear(5, end, at));
    }
    assert_eq!(milestones.noticed_ms(), Some(1_000));
    assert_eq!(milestones.reach(9), None);
    assert_eq!(milestones.reach(10), Some(2_000));
    assert_eq!(milestones.noticed_ms(), Some(3_000));
    assert_eq!(milestones.reach(25), Some(9_000));
    assert_eq!(milestones.noticed_ms(), None);
    assert!(milestones.hear(25, 25, 10_000));
}

#[test]
fn milestones_are_few_and_those_forgotten_make_the_lag_longer_and_never_shorter() {
    let mut milestones = Milestones::default();
    for end in 1..=1_000 {
        milestones.hear(0, end, end);
    }
    assert!(milestones.0.len() <= MILESTONES);
    assert_eq!(milestones.noticed_ms(), Some(1));
    let mut steps = 0;
    for position in 1..=1_000 {
        if let Some(reached) = milestones.reach(position) {
            assert!(reached <= position, "{reached} at {position}");
            steps += 1;
        }
    }
    assert!(steps > MILESTONES / 2 - 2, "{steps}");
}

#[test]
fn a_log_that_ends_before_what_was_mirrored_proves_nothing() {
    let mut milestones = Milestones::default();
    assert!(!milestones.hear(100, 90, 1_000));
    assert_eq!(milestones.reach(100), None);
    // Ends that it lost don't have to be reached.
    milestones.hear(100, 150, 2_000);
    milestones.hear(100, 120, 3_000);
    assert_eq!(milestones.reach(120), Some(3_000));
}

#[test]
fn the_first_missing_record_is_as_old_as_it_can_be() {
    let since = missing_since;
    for (complete, first, noticed, expected) in [
        // Between the two, its timestamp is believed.
        (Some(1_000), Some(1_500), Some(2_000), Some(1_500)),
        // A producer with a wrong clock, or records copied from elsewhere.
        (Some(1_000), Some(500), Some(2_000), Some(1_000)),
        (Some(1_000), Some(9_000), Some(2_000), Some(1_000)),
        (Some(1_000), None, Some(2_000), Some(1_000)),
        (Some(1_000), None, None, Some(1_000)),
        // After the loss of the checkpoint DB.
        (None, Some(500), Some(2_000), Some(500)),
        (None, Some(9_000), Some(2_000), Some(2_000)),
        (None, Some(-1), Some(2_000), Some(2_000)),
        (None, None, Some(2_000), None),
        (None, None, None, None),
    ] {
        assert_eq!(
            since(complete, first, noticed),
            expected,
            "{complete:?} {first:?} {noticed:?}"
        );
    }
}
