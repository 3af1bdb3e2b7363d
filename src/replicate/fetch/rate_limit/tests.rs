use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_answer_larger_than_a_second_makes_everybody_wait_for_all_of_it() {
    let mut rate_limit = RateLimit::new(1000);
    assert_eq!(rate_limit.portion(), 250);
    rate_limit.spend(5000, SECOND);
    assert_eq!(rate_limit.wait(Rank::Behind, SECOND), 5 * SECOND);
    assert_eq!(rate_limit.wait(Rank::Live, SECOND), SECOND * 19 / 4);
    assert_eq!(rate_limit.wait(Rank::Behind, 6 * SECOND), Duration::ZERO);
    rate_limit.give_back(4000);
    assert_eq!(rate_limit.wait(Rank::Behind, SECOND), SECOND);
    // Nothing is saved up while nothing is fetched.
    rate_limit.spend(1000, 60 * SECOND);
    assert_eq!(rate_limit.wait(Rank::Behind, 60 * SECOND), SECOND);
}

proptest! {
    /// Fetching as early as allowed, with answers of any size, exceeds the rate by no more than the last answers.
    #[test]
    fn the_rate_holds_over_any_time(
        rate in 1000_u64..10_000_000,
        fetches in prop::collection::vec((any::<bool>(), 0_usize..4, 0_u64..50), 1..200),
    ) {
        let mut rate_limit = RateLimit::new(rate);
        let (mut now, mut total, mut largest) = (Duration::ZERO, 0_u64, 0);
        for (live, size, rest) in fetches {
            let rank = if live { Rank::Live } else { Rank::Behind };
            now += rate_limit.wait(rank, now) + Duration::from_millis(rest);
            let asked = rate_limit.portion();
            let bytes = asked * size / 2;
            rate_limit.spend(asked, now);
            rate_limit.give_back(asked.saturating_sub(bytes));
            rate_limit.spend(bytes.saturating_sub(asked), now);
            total += bytes as u64;
            largest = largest.max(bytes as u64);
            let earned = u128::from(rate) * now.as_nanos() / 1_000_000_000;
            let most = earned + u128::from(largest) + rate_limit.portion() as u128 + 1000;
            prop_assert!(u128::from(total) <= most, "{total} bytes in {now:?}");
        }
    }
}

fn at(ms: u64) -> Monotonic {
    Monotonic(Duration::from_millis(ms))
}

#[test]
fn waits_at_the_same_time_count_once_and_are_shown_a_little_longer() {
    let figures = RateFigures::default();
    assert!(!figures.limits(at(0)) && !figures.limits(at(100_000)));
    figures.note(at(100_000), Duration::from_millis(300));
    figures.note(at(100_100), Duration::from_millis(100));
    figures.note(at(100_200), Duration::from_millis(200));
    assert_eq!(figures.waited_ms(), 400);
    assert!(figures.limits(at(101_300)));
    assert!(!figures.limits(at(101_400)));
    figures.note(at(200_000), Duration::from_secs(1));
    assert_eq!(figures.waited_ms(), 1_400);
}
