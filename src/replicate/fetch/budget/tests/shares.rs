use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::replicate::fetch::queue::{FetchQueue, QueuePlace};

use crate::replicate::fetch::budget::{Brought, Clocks, Demand, Rank, *};

const SHARE: usize = 100;
/// Brokers return whole batches.
const BATCH: usize = 10;

fn means(live: usize, behind: usize, taken: usize) -> ByteBudget {
    ByteBudget {
        live,
        behind,
        partition: SHARE,
        taken,
        together: false,
    }
}

fn shares(behind: usize, share: usize, bytes: usize) -> Shares {
    Shares {
        behind,
        share,
        bytes,
    }
}

#[test]
fn what_live_partitions_leave_is_for_as_many_as_it_holds_shares() {
    assert_eq!(
        divide(false, 20, means(1000, 800, 0), false),
        Some(shares(8, SHARE, 800))
    );
    for (taken, fitting) in [(0, 7), (150, 5), (300, 4), (999, 4)] {
        let divided = divide(true, 20, means(1000, 800, taken), false).unwrap();
        assert_eq!((divided.behind, divided.bytes), (fitting, 800), "{taken}");
    }
    assert_eq!(
        divide(true, 3, means(1000, 800, 0), false),
        Some(shares(3, SHARE, 800))
    );
    assert_eq!(
        divide(true, 3, means(160, 160, 160), false),
        Some(shares(1, 80, 160))
    );
    let together = ByteBudget {
        together: true,
        ..means(1000, 800, 0)
    };
    assert_eq!(
        divide(true, 20, together, false),
        Some(shares(20, SHARE, 800))
    );
}

#[test]
fn where_there_is_not_enough_only_live_ones_are_asked_for() {
    assert_eq!(
        divide(true, 5, means(1000, 0, 0), false),
        Some(shares(0, SHARE, 1000))
    );
    assert_eq!(divide(true, 5, means(0, 0, 0), true), None);
    assert_eq!(divide(false, 5, means(1000, 0, 0), false), None);
    assert_eq!(divide(false, 0, means(1000, 1000, 0), true), None);
    assert_eq!(
        divide(true, 5, means(150, 0, 0), true),
        Some(shares(1, 75, 150))
    );
    assert_eq!(
        divide(false, 5, means(150, 0, 0), true),
        Some(shares(1, SHARE, 150))
    );
}

/// A broker fills answers in the order of its session: new partitions come last, and served ones go to the end (KIP-227).
#[derive(Default)]
struct Session(Vec<usize>);

impl Session {
    fn answer(
        &mut self,
        wanted: &BTreeSet<usize>,
        bytes: usize,
        most: impl Fn(usize) -> usize,
    ) -> Vec<(usize, usize)> {
        self.0.retain(|it| wanted.contains(it));
        let known: BTreeSet<usize> = self.0.iter().copied().collect();
        self.0.extend(wanted.difference(&known));
        let mut room = bytes;
        let mut given = Vec::new();
        for &index in &self.0 {
            // The first batch is returned whole even if it is larger (KIP-74).
            let least = if given.is_empty() { BATCH } else { 0 };
            let bytes = (most(index).min(room) / BATCH * BATCH).max(least.min(most(index)));
            room = room.saturating_sub(bytes);
            if bytes > 0 {
                given.push((index, bytes));
            }
        }
        let served: Vec<usize> = given.iter().map(|it| it.0).collect();
        self.0.retain(|it| !served.contains(it));
        self.0.extend(served);
        given
    }
}

proptest! {
    /// Those behind share equally, every live one gets something, and neither kind takes everything.
    #[test]
    fn nobody_starves(
        busy in 1_usize..6,
        idle in 0_usize..4,
        late in 1_usize..6,
        bytes in SHARE..4 * SHARE,
        spare in prop_oneof![Just(0), SHARE / 2..4 * SHARE],
    ) {
        let late_from = busy + idle;
        let mut demands = vec![Demand::default(); late_from + late];
        for demand in &mut demands[late_from..] {
            demand.judge(i64::MAX, SHARE);
        }
        let mut got = vec![0; demands.len()];
        let (mut clocks, mut credit, mut fetch_queue) = (Clocks::default(), FairnessCredit::default(), FetchQueue::default());
        let (mut session, mut taken) = (Session::default(), 0);
        let lives: BTreeSet<usize> = (0..late_from).collect();
        for &index in &lives {
            fetch_queue.put(index, QueuePlace::Live);
        }
        for index in late_from..demands.len() {
            fetch_queue.put(index, QueuePlace::Behind { served: 0 });
        }
        for _ in 0..2000 {
            let favour = credit.is_out(SHARE);
            let divided = divide(fetch_queue.has_live(), fetch_queue.behind(), means(bytes, bytes.min(spare), taken), favour).unwrap();
            let choice = fetch_queue.choose(divided.behind);
            let wanted = lives.iter().chain(&choice.asked).copied().collect();
            let most = |index| match index {
                _ if index < busy => SHARE,
                _ if index < late_from => 0,
                _ => divided.share,
            };
            let mut brought = Brought::default();
            for (index, bytes) in session.answer(&wanted, divided.bytes, most) {
                got[index] += bytes;
                clocks.serve(&mut demands[index], &mut brought, (bytes, 1));
                if index >= late_from {
                    fetch_queue.put(index, QueuePlace::Behind { served: demands[index].served() });
                }
            }
            clocks.go_on(&brought);
            taken = brought.bytes(Rank::Live);
            credit.pass(taken);
            credit.serve(brought.bytes(Rank::Behind));
        }
        let (lives, lates) = (&got[..busy], &got[late_from..]);
        prop_assert!(lives.iter().all(|it| *it > 0), "{lives:?}");
        let (least, most) = (lates.iter().min().unwrap(), lates.iter().max().unwrap());
        prop_assert!(most - least <= 4 * SHARE, "{lates:?}");
        let (lives, lates) = (lives.iter().sum::<usize>(), lates.iter().sum::<usize>());
        // What live ones leave to those behind may be as little as one batch of each answer.
        prop_assert!(lates * 50 + 8 * SHARE >= lives, "{lives} {lates}");
        prop_assert!(lives * 2 >= lates || busy * SHARE < bytes, "{lives} {lates}");
    }
}
