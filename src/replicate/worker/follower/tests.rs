//! A leader that names a follower to a client in its rack, and a follower that serves what it is made to.

use std::sync::Arc;

use futures_util::StreamExt;

use crate::checkpoint::MemoryStore;
use crate::kafka::testing::FakeLog;
use crate::kafka::testing::near::{Follower, NearLog};
use crate::model::SourceOffset;
use crate::replicate::fetch::budget::SentFetch;
use crate::replicate::fetch::buffer::FetchedBatch;
use crate::replicate::partition::replica::Replica;
use crate::replicate::testing::{LANE, LANES, answered, batches_at, flowing, link, source_batch};

use super::super::event::Event;
use super::*;

/// The end of the leader's log.
const END: i64 = 9;

/// A worker near broker 2, the follower of the only partition, which flows from its leader, broker 1.
struct Bench {
    worker: Worker,
    source: NearLog,
}

impl Bench {
    fn new(follower: Follower) -> Self {
        let (log, source) = NearLog::new([0, 3, 6].map(source_batch).into(), follower);
        let (_, target) = FakeLog::new("t");
        let store = Arc::new(MemoryStore::default());
        let mut worker = flowing(link(store, source, target), &[LANES]);
        worker.mirrors[0].leader_epoch = LeaderEpoch(3);
        worker.join(0, LANE);
        Self {
            worker,
            source: log,
        }
    }

    /// Fetches until everything has arrived.
    async fn fetch_all(&mut self) {
        for _ in 0..30 {
            if self.mirror().fetch_next == SourceOffset(END) {
                return;
            }
            self.step().await;
        }
        panic!("{:?} {:?}", self.mirror().replica, self.source.fetches());
    }

    /// Starts fetches, and handles one event.
    async fn step(&mut self) {
        self.worker.fetch();
        match self.worker.events.next().await.expect("an event") {
            Event::IntakeUp(lane, source) => self.worker.intake_up(lane, source),
            Event::Fetched {
                lane,
                asked,
                answer,
            } => self.worker.fetched(lane, &asked, answer),
            _ => panic!("nothing else was started"),
        }
    }

    fn mirror(&self) -> &Mirror {
        &self.worker.mirrors[0]
    }

    /// The source offsets that wait to be sent, in order.
    fn held(&mut self) -> Vec<i64> {
        let mirror = &mut self.worker.mirrors[0];
        let staged = mirror.staged.iter();
        let runs = staged.flat_map(|it| it.produce_batch.runs.clone());
        let mut held: Vec<i64> = runs
            .flat_map(|run| run.source.get()..run.source_end().get())
            .collect();
        while let Some(fetched) = mirror.fetch_buffer.unload() {
            held.extend(fetched.from.get()..fetched.until().get());
        }
        held
    }

    fn read_from(&self) -> Option<i32> {
        let read_from = self.mirror().tracked.lock().figures.read_from;
        read_from.map(|broker| broker.0)
    }
}

#[tokio::test]
async fn a_leader_that_is_told_the_rack_names_a_follower_that_serves_everything() {
    let mut bench = Bench::new(Follower::Serves);
    bench.fetch_all().await;
    assert_eq!(bench.source.fetches(), [(1, 0, true), (2, 0, true)]);
    assert_eq!(bench.read_from(), Some(2));
    assert!(bench.held().into_iter().eq(0..END));
    let known = bench.mirror().tracked.lock();
    assert_eq!(known.figures.source_high_watermark, END);
}

/// Hazard: a follower's log may end, begin, have gaps and be damaged where the leader's is not.
#[tokio::test]
async fn whatever_a_follower_cannot_serve_is_asked_of_the_leader_before_anything_follows() {
    // Out of range, unknown, not leader or follower, not available, fenced, unknown epoch and id, offset not available,
    // not permitted, corrupt, and whatever else.
    let codes = [1, 2, 3, 6, 9, 29, 56, 74, 76, 78, 100, -1];
    let odd = [
        Follower::Diverges,
        Follower::HasGap,
        Follower::IsDamaged,
        Follower::Names(1),
        Follower::Names(2),
        Follower::HangsUp,
        Follower::IsGone,
    ];
    for follower in codes.map(Follower::Refuses).into_iter().chain(odd) {
        let mut bench = Bench::new(follower);
        bench.fetch_all().await;
        let replica = bench.mirror().replica;
        assert!(
            matches!(replica, Replica::LeaderOnly { failures: 1, .. }),
            "{follower:?}: {replica:?}"
        );
        assert!(bench.held().into_iter().eq(0..END), "{follower:?}");
        assert_eq!(bench.read_from(), None, "{follower:?}");
        assert_eq!(
            bench.mirror().life.lanes(),
            Some(LANES),
            "{follower:?}: no resync"
        );
        assert!(bench.mirror().damages.proven().is_none());
        let last = bench.source.fetches().pop();
        let (broker, _, has_rack) = last.expect("fetches");
        assert_eq!((broker, has_rack), (1, false), "{follower:?}");
        let known = bench.mirror().tracked.lock();
        assert_eq!(known.figures.source_log_start, 0, "{follower:?}");
    }
}

/// A batch that ends before what was asked for is a log that was truncated, or nothing at all.
#[tokio::test]
async fn a_follower_that_serves_earlier_batches_is_left() {
    let mut bench = Bench::new(Follower::IsBehind);
    bench.fetch_all().await;
    assert!(bench.held().into_iter().eq(0..END));
    let fetches = bench.source.fetches();
    let at_follower = fetches.iter().filter(|it| it.0 == 2).count();
    assert_eq!(at_follower, 2, "{fetches:?}");
}

/// Takes over an answer to a fetch of `round`, with these batches.
fn answer(worker: &mut Worker, lane: Lane, round: u32, answer: FetchedPartition) {
    let asked = SentFetch {
        bytes: 0,
        paid: 0,
        behind: false,
        at: Duration::ZERO,
    };
    worker.fetched(lane, &asked, Ok(vec![((0, round), answer)]));
}

fn names(broker: i32) -> FetchedPartition {
    FetchedPartition {
        preferred: Some(BrokerId(broker)),
        ..answered(Vec::new())
    }
}

#[tokio::test]
async fn an_answer_to_a_fetch_before_a_move_is_ignored_also_after_a_move_back() {
    let mut bench = Bench::new(Follower::Serves);
    let worker = &mut bench.worker;
    let follower = Lane {
        broker: BrokerId(2),
        ..LANE
    };
    let members = |worker: &Worker, lane: Lane| {
        let members = worker.intakes.get(&lane).map(|it| it.members.len());
        members.unwrap_or(0)
    };
    let next = |worker: &Worker| worker.mirrors[0].fetch_next.get();
    answer(worker, LANE, 1, names(2));
    assert_eq!((members(worker, LANE), members(worker, follower)), (0, 1));
    answer(worker, LANE, 1, answered(batches_at(&[0, 3])));
    assert_eq!(next(worker), 0, "the leader was asked before");
    answer(worker, follower, 2, answered(batches_at(&[0])));
    assert_eq!(next(worker), 3);
    // A fetch is in flight at the follower when its lease ends, and when the leader names it again.
    let now = worker.link.now().monotonic;
    worker.review_followers(now.plus(Duration::from_mins(6)));
    assert_eq!((members(worker, LANE), members(worker, follower)), (1, 0));
    answer(worker, LANE, 3, names(2));
    answer(worker, follower, 2, answered(batches_at(&[3])));
    assert_eq!(next(worker), 3, "the follower was asked before");
    answer(worker, follower, 4, answered(batches_at(&[3])));
    assert_eq!(next(worker), 6);
    assert!(bench.held().into_iter().eq(0..6));
}

#[tokio::test]
async fn a_silent_follower_and_one_of_a_former_leader_are_left() {
    for is_silent in [true, false] {
        let mut bench = Bench::new(Follower::Serves);
        bench.step().await;
        bench.step().await;
        assert_eq!(bench.read_from(), Some(2));
        let worker = &mut bench.worker;
        let now = worker.link.now();
        worker.review_followers(now.monotonic);
        assert!(worker.mirrors[0].replica.is_follower());
        let lane = worker.mirrors[0].intake().unwrap();
        let begun = now.monotonic.plus(SILENCE);
        if is_silent {
            worker.intakes.get_mut(&lane).unwrap().waits_since = Some(now);
        } else {
            worker.mirrors[0].leader_epoch = LeaderEpoch(2);
        }
        worker.review_followers(begun);
        assert_eq!(bench.read_from(), None, "{is_silent}");
        let worker = &mut bench.worker;
        worker.review_followers(now.monotonic.plus(Duration::from_secs(60)));
        assert_eq!(
            worker.mirrors[0].intake(),
            Some(LANE),
            "the rack is offered again"
        );
    }
}

#[tokio::test]
async fn what_stops_a_partition_lets_it_begin_at_the_leader_again() {
    let mut bench = Bench::new(Follower::Serves);
    bench.step().await;
    bench.step().await;
    assert_eq!(bench.read_from(), Some(2));
    let worker = &mut bench.worker;
    let error = Error::new(Kind::Invalid, "x");
    worker.trouble(0, Trouble::retry(&error), false);
    assert_eq!(worker.mirrors[0].replica, Replica::default());
    assert!(worker.intakes.values().all(|it| it.members.is_empty()));
    assert_eq!(bench.read_from(), None);
}

/// The leader is asked for its ends again and again, so that they are never those of a follower that is behind.
#[tokio::test]
async fn a_follower_that_stays_behind_its_leader_is_left() {
    let mut bench = Bench::new(Follower::Serves);
    bench.fetch_all().await;
    let lane = bench.mirror().intake().unwrap();
    let mut now = bench.worker.link.now();
    for (end, stays) in [(END, true), (END + 5, true), (END + 5, false)] {
        let worker = &mut bench.worker;
        now.monotonic = now.monotonic.plus(Duration::from_secs(4));
        worker.intakes.get_mut(&lane).unwrap().heard = Some(now);
        let ends = SourceEnds {
            log_start: 0,
            stable: end,
            high_watermark: end,
        };
        worker.hear_leader(0, ends, now);
        assert_eq!(worker.mirrors[0].replica.is_follower(), stays, "{end}");
        let known = worker.mirrors[0].tracked.lock();
        assert_eq!(known.figures.source_high_watermark, end);
    }
}

/// A batch with a sound checksum that can't be decoded halts a partition, but only if the leader served it.
#[tokio::test]
async fn what_cannot_be_decoded_is_given_up_only_if_the_leader_served_it() {
    for (followed_until, proven) in [(3, false), (0, true)] {
        let mut bench = Bench::new(Follower::Serves);
        let worker = &mut bench.worker;
        worker.mirrors[0].fetch_buffer.load(FetchedBatch {
            batch: source_batch(0),
            from: SourceOffset(0),
            intact: false,
        });
        worker.mirrors[0].followed_until = SourceOffset(followed_until);
        let given_up = worker.give_up_batch(0, BatchError::UnknownCodec(7));
        assert_eq!(given_up.is_ok(), proven);
        assert_eq!(worker.mirrors[0].damages.proven().is_some(), proven);
        let lane = worker.mirrors[0].intake();
        let expected = if proven { LANE } else { LANE.without_rack() };
        assert_eq!(lane, Some(expected));
    }
}
