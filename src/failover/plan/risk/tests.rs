use super::*;

#[test]
fn what_is_not_known_exceeds_any_limit_and_without_a_limit_nothing_does() {
    let limit = |records, ms| LossLimit { records, ms };
    for (records, ms, allowed, blockers) in [
        (Some(5), Some(900), limit(None, None), 0),
        (None, None, limit(None, None), 0),
        (Some(5), Some(900), limit(Some(5), Some(900)), 0),
        (Some(6), Some(900), limit(Some(5), Some(900)), 1),
        (Some(6), Some(901), limit(Some(5), Some(900)), 2),
        (None, Some(900), limit(Some(u64::MAX), Some(900)), 1),
        (Some(0), None, limit(Some(0), Some(u64::MAX)), 1),
        (Some(0), Some(0), limit(Some(0), Some(0)), 0),
    ] {
        let found = Risk { records, ms }.beyond(allowed);
        assert_eq!(found.len(), blockers, "{records:?} {ms:?} {allowed:?}");
        assert!(
            found
                .iter()
                .all(|it| it.code == BlockerCode::LossExceedsLimit)
        );
    }
}
