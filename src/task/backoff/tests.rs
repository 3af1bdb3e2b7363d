use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn delays_stay_under_a_doubling_capped_ceiling(
        seed: u64, base in 1_u64..10_000, cap in 1_u64..100_000, count in 1_usize..80
    ) {
        let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap));
        let mut backoff = Backoff::with_random(base, cap, fastrand::Rng::with_seed(seed));
        for n in 0..count {
            let ceiling = base.saturating_mul(1 << n.min(31)).min(cap);
            prop_assert!(backoff.next() <= ceiling);
        }
        backoff.reset();
        prop_assert!(backoff.next() <= base);
    }
}

#[test]
fn delays_grow_and_spread() {
    let (base, cap) = (Duration::from_millis(100), Duration::from_secs(10));
    let draw = |seed| {
        let mut backoff = Backoff::with_random(base, cap, fastrand::Rng::with_seed(seed));
        (0..10).map(|_| backoff.next()).collect::<Vec<_>>()
    };
    let later: Vec<Duration> = (0..200).map(|seed| draw(seed)[9]).collect();
    assert!(later.iter().any(|delay| *delay > cap.mul_f64(0.9)));
    assert!(later.iter().any(|delay| *delay < cap.mul_f64(0.1)));
}
