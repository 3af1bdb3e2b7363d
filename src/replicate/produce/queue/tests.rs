use proptest::prelude::*;

use super::*;

const SHARE: usize = 100;

#[test]
fn live_ones_go_first_and_the_others_are_not_forgotten() {
    let mut ready = Ready::default();
    ready.push(0, Rank::Behind);
    ready.push(1, Rank::Behind);
    let mut order = Vec::new();
    for _ in 0..16 {
        ready.push(7, Rank::Live);
        let (index, rank) = ready.pop(SHARE, true).unwrap();
        ready.sent(rank, SHARE);
        order.push(index);
    }
    assert_eq!(order, [7, 7, 7, 7, 7, 7, 7, 0, 7, 7, 7, 7, 7, 7, 7, 1]);
    assert_eq!(ready.take(), [7, 7]);
    assert!(ready.is_empty());
}

#[test]
fn nothing_is_passed_over_while_nobody_waits() {
    let mut ready = Ready::default();
    for _ in 0..20 {
        ready.push(7, Rank::Live);
        let (_, rank) = ready.pop(SHARE, true).unwrap();
        ready.sent(rank, SHARE);
    }
    ready.push(0, Rank::Behind);
    ready.push(7, Rank::Live);
    assert_eq!(ready.pop(SHARE, true), Some((7, Rank::Live)));
    assert_eq!(ready.pop(SHARE, false), None);
    assert_eq!(ready.pop(SHARE, true), Some((0, Rank::Behind)));
    assert_eq!(ready.pop(SHARE, true), None);
}

proptest! {
    #[test]
    fn answers_have_their_turns_whatever_order_they_arrive_in(
        order in Just((0..20_u64).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let mut responses = ResponseOrder::default();
        for number in 0..20 {
            prop_assert_eq!(responses.send(), number);
        }
        let mut seen = Vec::new();
        for number in order {
            seen.extend(responses.arrive(number, number));
            prop_assert_eq!(responses.outstanding(), 20 - seen.len() as u64);
        }
        prop_assert_eq!(seen, (0..20).collect::<Vec<_>>());
    }
}
