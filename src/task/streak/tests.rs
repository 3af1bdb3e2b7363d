use super::*;

#[test]
fn a_streak_is_measured_from_its_first_failure_and_a_success_ends_it() {
    let begun = Instant::now();
    let at = |seconds| begun + Duration::from_secs(seconds);
    let mut streak = Streak::default();
    assert_eq!(streak.failed(at(500)), Duration::ZERO);
    assert_eq!(streak.failed(at(530)), Duration::from_secs(30));
    assert_eq!(streak.failed(at(619)), Duration::from_secs(119));
    streak.end();
    assert_eq!(streak.failed(at(700)), Duration::ZERO);
    assert_eq!(streak.failed(at(699)), Duration::ZERO);
}
