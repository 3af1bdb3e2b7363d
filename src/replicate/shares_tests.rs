use proptest::prelude::*;

use super::super::demand::{Brought, Clocks};
use super::*;

const SHARE: usize = 100;

fn means(live: usize, behind: usize) -> Means {
    Means {
        live,
        behind,
        partition: SHARE,
    }
}

fn live(index: usize, served: u64) -> Candidate {
    Candidate {
        index,
        rank: Rank::Live,
        served,
    }
}

fn behind(index: usize, served: u64) -> Candidate {
    Candidate {
        rank: Rank::Behind,
        ..live(index, served)
    }
}

fn indexes(shares: &Shares) -> Vec<usize> {
    shares.wanted.iter().map(|it| it.0).collect()
}

#[test]
fn live_partitions_come_first_and_then_who_got_least() {
    let all = vec![behind(0, 1), live(1, 9), behind(2, 0), live(3, 4)];
    let shares = divide(all, means(1000, 800), false).unwrap();
    assert_eq!(indexes(&shares), [3, 1, 2, 0]);
    assert_eq!((shares.bytes, shares.behind), (800, true));
}

#[test]
fn where_there_is_not_enough_only_live_ones_are_asked_for() {
    let all = vec![behind(0, 0), live(1, 9)];
    let shares = divide(all.clone(), means(1000, 0), false).unwrap();
    assert_eq!((indexes(&shares), shares.bytes), (vec![1], 1000));
    assert_eq!(divide(all.clone(), means(0, 0), true), None);
    assert_eq!(divide(vec![behind(0, 0)], means(1000, 0), false), None);
    let favoured = divide(all, means(150, 0), true).unwrap();
    assert_eq!(favoured.wanted, [(0, 75), (1, 100)]);
}

/// A broker that has endless records of some partitions fills an answer in order.
fn answer(shares: &Shares, endless: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut room = shares.bytes;
    let mut given = Vec::new();
    for &(index, most) in &shares.wanted {
        let bytes = if endless(index) { most.min(room) } else { 0 };
        room -= bytes;
        given.push((index, bytes));
    }
    given
}

proptest! {
    /// Whoever wants all there is gets as much as its like, and those behind get a part of what live ones get.
    #[test]
    fn nobody_starves(
        busy in 1_usize..6,
        idle in 0_usize..4,
        late in 1_usize..6,
        bytes in SHARE..4 * SHARE,
        spare in prop_oneof![Just(0), SHARE / 2..4 * SHARE],
    ) {
        let mut demands = vec![Demand::default(); busy + idle + late];
        for demand in &mut demands[..busy + idle] {
            demand.judge(0, SHARE);
        }
        let mut got = vec![0; busy + idle + late];
        let mut clocks = Clocks::default();
        let mut patience = Patience::default();
        for _ in 0..2000 {
            let all = demands.iter().enumerate().map(|(index, demand)| Candidate::new(index, demand));
            let means = means(bytes, bytes.min(spare));
            let shares = divide(all.collect(), means, patience.is_out(SHARE)).unwrap();
            let mut brought = Brought::default();
            for (index, bytes) in answer(&shares, |index| !(busy..busy + idle).contains(&index)) {
                got[index] += bytes;
                clocks.serve(&mut demands[index], &mut brought, (bytes, 1));
            }
            clocks.go_on(&brought);
            patience.pass(brought.bytes(Rank::Live));
            patience.serve(brought.bytes(Rank::Behind));
        }
        let (lives, lates) = (&got[..busy], &got[busy + idle..]);
        for class in [lives, lates] {
            let (least, most) = (class.iter().min().unwrap(), class.iter().max().unwrap());
            prop_assert!(most - least <= 4 * SHARE, "{class:?}");
        }
        let (lives, lates) = (lives.iter().sum::<usize>(), lates.iter().sum::<usize>());
        prop_assert!(lates * 8 + 8 * SHARE >= lives, "{lives} {lates}");
        // Live ones have what those behind leave only where they want no more.
        prop_assert!(lives >= lates || busy * SHARE < bytes, "{lives} {lates}");
    }

    /// While any live partition can be asked for it is, before those behind but for the one whose turn it is.
    #[test]
    fn live_ones_are_always_asked_for(
        ranks in prop::collection::vec((any::<bool>(), 0_u64..5), 1..20),
        spare in 0_usize..1000,
        favour in any::<bool>(),
    ) {
        let all: Vec<Candidate> = ranks
            .iter()
            .enumerate()
            .map(|(index, (is_live, served))| if *is_live { live(index, *served) } else { behind(index, *served) })
            .collect();
        if let Some(shares) = divide(all.clone(), means(1000, spare), favour) {
            let order = indexes(&shares);
            let lives = all.iter().filter(|it| it.rank == Rank::Live).count();
            let leading = order.iter().take(lives + 1).filter(|&&index| all[index].rank == Rank::Live);
            prop_assert_eq!(leading.count(), lives);
            prop_assert!(shares.bytes <= 1000);
        } else {
            prop_assert!(all.iter().all(|it| it.rank == Rank::Behind) && !favour && spare == 0);
        }
    }
}
