mod shares;

use super::*;

#[test]
fn it_is_live_while_little_is_missing_and_stays_so_a_while() {
    let mut demand = Demand::default();
    assert_eq!(demand.rank(), Rank::Live);
    demand.serve(0, 1000, 100);
    let mut late = demand;
    late.judge(101, 1000);
    assert_eq!(late.rank(), Rank::Behind, "it never was live");
    for (offsets, rank) in [
        (100, Rank::Live),
        (400, Rank::Live),
        (401, Rank::Behind),
        (101, Rank::Behind),
        (100, Rank::Live),
    ] {
        demand.judge(offsets, 1000);
        assert_eq!(demand.rank(), rank, "{offsets}");
    }
}

#[test]
fn what_an_offset_weighs_is_learned() {
    let mut demand = Demand::default();
    demand.serve(0, 100_000, 10);
    for (offsets, rank) in [(2, Rank::Behind), (1, Rank::Live)] {
        demand.judge(offsets, 10_000);
        assert_eq!(demand.rank(), rank, "{offsets}");
    }
}

#[test]
fn who_was_served_most_is_last_and_nothing_is_saved_up() {
    let mut demand = Demand::default();
    assert_eq!(demand.serve(0, 100, 1), 0);
    assert_eq!(demand.serve(50, 100, 1), 100);
    assert_eq!(demand.served(), 200);
    assert_eq!(demand.serve(5_000, 100, 1), 5_000);
    demand.judge(100, 100);
    assert_eq!((demand.rank(), demand.served()), (Rank::Behind, 0));
}
