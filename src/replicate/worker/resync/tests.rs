use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use crate::checkpoint::MemoryStore;
use crate::kafka::testing::{FakeLog, LandsAfter};
use crate::model::{SourceOffset, TargetOffset};
use crate::replicate::fetch::buffer::FetchedBatch;
use crate::replicate::partition::phase::StartPosition;
use crate::replicate::testing::{LANES, link, run, sent_batch, source_batch, worker};

use super::*;

/// A partition with six records, mirrored at the same offsets.
struct Bench {
    source: FakeLog,
    target: FakeLog,
    worker: Worker,
}

impl Bench {
    fn new() -> Self {
        let (source, source_cluster) = FakeLog::new("t");
        let (target, target_cluster) = FakeLog::new("t");
        for first in [0, 3] {
            source.hold(source_batch(first));
            target.append(&sent_batch(first, first));
        }
        let store = Arc::new(MemoryStore::default());
        let worker = worker(link(store, source_cluster, target_cluster), 1);
        let tracked = &worker.mirrors[0].tracked;
        tracked
            .lock()
            .landed(&[run(0, 0, 6)], SourceOffset(6))
            .unwrap();
        Self {
            source,
            target,
            worker,
        }
    }

    /// Reads both logs and applies the result.
    async fn resync(&mut self) {
        self.worker.live(0, Event::Due);
        self.ends().await;
    }

    /// Lets a second pass before the resync has its turn, with `meanwhile` at its end; returns how long it takes from then on.
    async fn resync_late(&mut self, meanwhile: impl AsyncFnOnce(&Self)) -> Duration {
        let link = Arc::clone(&self.worker.link);
        let turns = link.resync_permits.available_permits();
        let taken = link.resync_permits.acquire_many(turns.try_into().unwrap());
        let taken = taken.await.unwrap();
        self.worker.live(0, Event::Due);
        let early = timeout(Duration::from_secs(1), self.worker.events.next());
        assert!(early.await.is_err(), "a resync went ahead of its turn");
        meanwhile(self).await;
        let begun = Instant::now();
        drop(taken);
        self.ends().await;
        begun.elapsed()
    }

    /// Applies the result of the resync under way.
    async fn ends(&mut self) {
        let event = self.worker.events.next().await;
        let Some(WorkerEvent::Resynced {
            ticket,
            target,
            result,
        }) = event
        else {
            panic!("another event came first");
        };
        self.worker.resynced(ticket, target.as_deref(), result);
    }

    fn mirror(&self) -> &Mirror {
        &self.worker.mirrors[0]
    }

    /// Returns the frontier, the acknowledged end and the number of runs.
    fn known(&self) -> (i64, i64, u64) {
        let known = self.mirror().tracked.lock();
        let record = &known.record;
        let ends = (record.frontier.get(), record.acked_end.get());
        (ends.0, ends.1, known.map.run_count())
    }
}

#[tokio::test(start_paused = true)]
async fn a_resync_resumes_behind_the_last_record_of_the_target() {
    let mut bench = Bench::new();
    // Landed, but the answer was lost.
    bench.source.hold(source_batch(6));
    bench.target.append(&sent_batch(6, 6));
    bench.resync().await;
    let mirror = bench.mirror();
    assert_eq!(mirror.life.lanes(), Some(LANES));
    assert_eq!(mirror.fetch_next, SourceOffset(9));
    assert_eq!(mirror.course.target, TargetOffset(9));
    assert_eq!(mirror.course.source, Some(SourceOffset(9)));
    assert_eq!(bench.known(), (9, 9, 1));
}

/// Hazard H9: behind the last record a marker may have moved the frontier, and the source may have removed both since.
#[tokio::test(start_paused = true)]
async fn a_resync_never_resumes_before_the_frontier() {
    let mut bench = Bench::new();
    bench.mirror().tracked.pass(SourceOffset(7));
    bench.source.start_at(7);
    bench.resync().await;
    assert_eq!(bench.mirror().life.lanes(), Some(LANES));
    assert_eq!(bench.mirror().fetch_next, SourceOffset(7));
    assert_eq!(bench.known(), (7, 6, 1));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_removed_what_was_not_mirrored_halts() {
    let mut bench = Bench::new();
    bench.source.start_at(7);
    bench.resync().await;
    let phase = format!("{:?}", bench.mirror().life.phase());
    assert!(phase.contains("SourceGap"), "{phase}");
}

/// No checksum covers the offset under which the source serves its record.
#[tokio::test(start_paused = true)]
async fn what_only_one_look_shows_halts_nothing() {
    for by in [1, 2] {
        let mut bench = Bench::new();
        bench.source.hold(source_batch(6));
        bench.source.misplace_next(by);
        bench.resync().await;
        assert_eq!(bench.mirror().life.lanes(), Some(LANES), "{by}");
        assert_eq!(bench.mirror().fetch_next, SourceOffset(6));
    }
}

#[tokio::test(start_paused = true)]
async fn an_offset_that_cannot_be_right_is_asked_for_again() {
    for by in [-1, 4] {
        let mut bench = Bench::new();
        bench.source.misplace_next(by);
        bench.resync().await;
        let phase = format!("{:?}", bench.mirror().life.phase());
        assert!(phase.contains("Resting"), "{phase}");
    }
}

/// Hazard H8: a plan that was given up may still have landed, so the next one is another.
#[tokio::test(start_paused = true)]
async fn behind_a_resync_runs_belong_to_a_new_plan() {
    let mut bench = Bench::new();
    let tracked = Arc::clone(&bench.mirror().tracked);
    tracked.lock().plan(&[run(20, 6, 1)], true);
    bench.worker.mirrors[0].new_plan = false;
    bench.resync().await;
    for (first, target) in [(30, 6), (40, 9)] {
        bench.worker.mirrors[0].fetch_buffer.load(FetchedBatch {
            batch: source_batch(first),
            from: SourceOffset(first),
            intact: true,
        });
        bench.worker.touch(0);
        bench.worker.mirrors[0].staged.clear();
        assert_eq!(bench.mirror().course.target, TargetOffset(target + 3));
    }
    let plans = &tracked.lock().record.plans;
    let expected = [vec![run(20, 6, 1)], vec![run(30, 6, 3), run(40, 9, 3)]];
    assert_eq!(*plans, expected);
}

/// Without the source only the stored runs tell what landed: two plans leave it open.
#[tokio::test(start_paused = true)]
async fn without_the_source_what_landed_is_believed_if_there_was_one_plan() {
    for (plans, known) in [(1, (23, 9, 2)), (2, (6, 6, 1))] {
        let mut bench = Bench::new();
        for (number, first) in (0..plans).zip([20, 30]) {
            let run = run(first, 6, 3);
            bench.mirror().tracked.lock().plan(&[run], number > 0);
        }
        bench.target.append(&sent_batch(20, 6));
        bench.source.stop();
        bench.resync().await;
        assert_eq!(bench.known(), known, "{plans} plans");
        assert_eq!(bench.mirror().life.lanes(), None);
    }
}

/// Hazard H5: a request that was given up may land while the log is being read.
#[tokio::test(start_paused = true)]
async fn what_lands_late_is_counted_while_requests_may_be_in_flight() {
    for (uncertain, lands, end) in [
        (true, LandsAfter::AskedForEnd, 9),
        (false, LandsAfter::Fetched, 6),
    ] {
        let mut bench = Bench::new();
        bench.source.hold(source_batch(6));
        bench.worker.mirrors[0].uncertain = uncertain;
        bench.target.land_after(lands, sent_batch(6, 6));
        bench.resync().await;
        assert_eq!(bench.target.end(), 9);
        let mirror = bench.mirror();
        assert_eq!(mirror.course.target, TargetOffset(end));
        assert_eq!(
            (mirror.window.is_sure(), mirror.uncertain),
            (!uncertain, false)
        );
    }
}

/// How long an end has to stay the same (H5).
const STABLE_FOR: Duration = Duration::from_millis(250);

#[tokio::test(start_paused = true)]
async fn the_time_for_which_an_end_has_to_stay_the_same_counts_from_before_a_resyncs_turn() {
    let mut bench = Bench::new();
    let took = bench.resync_late(async |_| ()).await;
    assert_eq!(took, Duration::ZERO);
    assert_eq!(bench.known(), (6, 6, 1));
    assert_eq!(bench.mirror().life.lanes(), Some(LANES));
}

#[tokio::test(start_paused = true)]
async fn an_end_that_moved_before_a_resyncs_turn_has_to_stay_the_same_from_then_on() {
    let mut bench = Bench::new();
    bench.source.hold(source_batch(6));
    let lands = async |bench: &Bench| {
        bench.target.append(&sent_batch(6, 6));
    };
    let took = bench.resync_late(lands).await;
    assert!(took >= STABLE_FOR, "{took:?}");
    assert_eq!(bench.known(), (9, 9, 1));
}

/// A new leader may lack what the former one had, and get what was sent to it.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_former_leader_counts_for_nothing() {
    let mut bench = Bench::new();
    let elected = async |bench: &Bench| {
        bench.target.elect();
        let target = &bench.worker.link.target;
        target.refresh(target.metadata().generation).await.unwrap();
    };
    let took = bench.resync_late(elected).await;
    assert!(took >= STABLE_FOR, "{took:?}");
    assert_eq!(bench.mirror().life.lanes(), Some(LANES));
}

#[tokio::test(start_paused = true)]
async fn an_empty_log_is_waited_for_only_if_something_may_have_been_sent_to_it() {
    for (start, waits) in [(Some(StartPosition::Earliest), false), (None, true)] {
        let (source, source_cluster) = FakeLog::new("t");
        let (target, target_cluster) = FakeLog::new("t");
        source.hold(source_batch(0));
        let store = Arc::new(MemoryStore::default());
        let worker = worker(link(store, source_cluster, target_cluster), 1);
        let mut bench = Bench {
            source,
            target,
            worker,
        };
        bench.worker.mirrors[0].start = start;
        let begun = Instant::now();
        bench.resync().await;
        assert_eq!(begun.elapsed() >= STABLE_FOR, waits, "{start:?}");
        assert_eq!(bench.mirror().fetch_next, SourceOffset(0));
    }
}

/// Hazard H11: what landed unheard may have been taken back by the source.
#[tokio::test(start_paused = true)]
async fn a_source_that_ends_before_what_landed_was_truncated() {
    let mut bench = Bench::new();
    bench.target.append(&sent_batch(6, 6));
    bench.resync().await;
    let phase = format!("{:?}", bench.mirror().life.phase());
    assert!(phase.contains("SourceTruncated"), "{phase}");
}

/// It would flow in between otherwise, for as long as it takes to find that out again.
#[tokio::test]
async fn a_partition_whose_source_still_shows_nothing_stays_halted() {
    for (hidden_from, halted_at, flows) in [(6, 6, false), (9, 6, true), (6, 3, true)] {
        let mut bench = Bench::new();
        bench.source.hold(source_batch(6));
        bench.source.hide_from(hidden_from);
        let reason = Reason::new(HaltCode::SourceCorrupt, "nothing");
        let reason = reason.at(Some(SourceOffset(halted_at)), Some(TargetOffset(6)));
        bench.worker.mirrors[0].reported = Some(reason);
        bench.resync().await;
        let mirror = bench.mirror();
        assert_eq!(mirror.life.lanes().is_some(), flows, "{hidden_from}");
        let shown = mirror.tracked.lock().figures.reason.clone();
        assert_eq!(shown.is_none(), flows, "{shown:?}");
    }
}
