use super::*;

const KEPT: i64 = 86_400_000;
const NOW: i64 = 1_700_000_000_000;

fn compacted() -> Deletions {
    let mut deletions = Deletions::default();
    assert!(deletions.keep(Some(KEPT)));
    deletions
}

fn cleaned(deletions: &mut Deletions, from: i64, until: i64, now_ms: i64) -> bool {
    deletions.cleaned(SourceOffset(from), SourceOffset(until), now_ms)
}

#[test]
fn a_mirror_that_was_away_too_long_may_have_missed_deletions() {
    let mut deletions = compacted();
    deletions.note(true, NOW);
    assert!(!cleaned(&mut deletions, 10, 15, NOW + KEPT));
    assert_eq!(deletions.missed(), None);
    assert!(cleaned(&mut deletions, 20, 25, NOW + KEPT + 1));
    assert!(cleaned(&mut deletions, 40, 41, NOW + KEPT + 2));
    let missed = Missed {
        from: SourceOffset(20),
        until: SourceOffset(41),
    };
    assert_eq!(deletions.missed(), Some(missed));
    // Catching up doesn't bring back what was missed.
    deletions.note(true, NOW + 2 * KEPT);
    assert!(!cleaned(&mut deletions, 50, 60, NOW + 2 * KEPT + 5));
    assert_eq!(deletions.missed(), Some(missed));
}

#[test]
fn the_first_copy_counts_from_its_begin() {
    let mut deletions = compacted();
    assert!(deletions.note(false, NOW));
    assert!(!deletions.note(false, NOW + 9));
    assert!(!cleaned(&mut deletions, 5, 9, NOW + KEPT));
    assert!(cleaned(&mut deletions, 9, 12, NOW + KEPT + 1));
}

#[test]
fn topics_without_compaction_miss_nothing() {
    let mut deletions = compacted();
    deletions.note(true, NOW);
    deletions.keep(None);
    assert!(!cleaned(&mut deletions, 0, 5, NOW + 9 * KEPT));
    assert!(!deletions.note(true, NOW + 9 * KEPT));
}

#[test]
fn the_time_is_stored_now_and_then() {
    let mut deletions = compacted();
    let stored: Vec<bool> = [0, 1_000, 3_599_999, 3_600_000, 3_600_001]
        .map(|after| deletions.note(true, NOW + after))
        .to_vec();
    assert_eq!(stored, [true, false, false, true, false]);
    let json = serde_json::to_string(&deletions).unwrap();
    let mut read: Deletions = serde_json::from_str(&json).unwrap();
    assert!(!cleaned(&mut read, 0, 1, NOW + KEPT));
    assert!(cleaned(&mut read, 0, 1, NOW + KEPT + 3_600_002));
}
