//! The loop against a target that answers, or doesn't.

use crate::checkpoint::testing::FailingStore;
use crate::kafka::testing::FakeLog;
use crate::model::{HaltCode, Reason, SourceOffset, TargetOffset, TopicId};
use crate::replicate::fetch::buffer::FetchedBatch;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::decision::follow_recreation;
use crate::replicate::testing::{LANE, LANES, flowing, link, source_batch};

use super::*;

/// A partition of which nothing is mirrored yet, connected to its target.
struct Bench {
    target: FakeLog,
    store: Arc<FailingStore>,
    worker: Worker,
}

impl Bench {
    async fn new() -> Self {
        let ((_, source), (target, cluster)) = (FakeLog::new("t"), FakeLog::new("t"));
        let store = Arc::new(FailingStore::default());
        let link = link(Arc::<FailingStore>::clone(&store), source, cluster);
        let mut worker = flowing(link, &[LANES]);
        let sink = worker.link.open_sink(LANE).await.unwrap();
        worker.outlets.entry(LANE).or_default().sink = Some(sink);
        Self {
            target,
            store,
            worker,
        }
    }

    /// Takes three records of the source from offset `first` on, and starts whatever can be started.
    fn fetched(&mut self, first: i64) {
        self.worker.mirrors[0].fetch_buffer.load(FetchedBatch {
            batch: source_batch(first),
            from: SourceOffset(first),
            intact: true,
        });
        self.worker.touch(0);
        self.worker.issue();
    }

    /// Handles the next event.
    async fn handle_next(&mut self) {
        let event = self.worker.events.next().await.unwrap();
        self.worker.handle(event);
        self.worker.issue();
    }

    fn requests(&self) -> u64 {
        self.worker.outlets[&LANE].requests.outstanding()
    }

    fn frontier(&self) -> i64 {
        self.worker.mirrors[0].tracked.lock().record.frontier.get()
    }
}

/// The rule that all offsets rest on: what lies on the target is explained by runs that were durable before it was sent.
#[tokio::test]
async fn what_opens_a_run_is_sent_once_the_run_is_durable() {
    let mut bench = Bench::new().await;
    for (first, opens) in [(5, true), (8, false), (20, true)] {
        bench.store.be_slow();
        bench.fetched(first);
        assert_eq!(bench.requests(), u64::from(!opens), "{first}");
        bench.store.finish();
        while bench.frontier() < first + 3 {
            bench.handle_next().await;
        }
        assert_eq!(bench.requests(), 0);
    }
}

#[tokio::test]
async fn what_opens_a_run_that_could_not_be_stored_is_not_sent() {
    let mut bench = Bench::new().await;
    bench.store.fail_after(0);
    bench.fetched(5);
    bench.handle_next().await;
    assert_eq!((bench.requests(), bench.frontier()), (0, 0));
    assert!(bench.worker.mirrors[0].staged.is_empty());
}

/// Hazard H20: a request that was abandoned may still land, so the next owner has to wait for the end of the lease.
#[tokio::test(start_paused = true)]
async fn a_stop_with_a_request_unanswered_keeps_the_lease() {
    for answers in [true, false] {
        let mut bench = Bench::new().await;
        if !answers {
            bench.target.be_stuck();
        }
        bench.fetched(5);
        while bench.requests() == 0 {
            bench.handle_next().await;
        }
        let ownership = bench.worker.link.ownership.clone();
        bench.worker.drain().await.unwrap();
        assert_eq!(ownership.may_be_released(), answers);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_with_a_receipt_on_its_way_keeps_the_lease() {
    let mut bench = Bench::new().await;
    bench.worker.mirrors[0].underway.receipt = true;
    bench.worker.events.push(Box::pin(std::future::pending()));
    let ownership = bench.worker.link.ownership.clone();
    bench.worker.drain().await.unwrap();
    assert!(!ownership.may_be_released());
}

/// What it was before would be taken for trouble by the next resync.
#[tokio::test]
async fn a_stored_decision_counts_for_the_partition_from_then_on() {
    let mut bench = Bench::new().await;
    let id = TopicId(uuid::Uuid::from_u128(9));
    let reason = Reason::new(HaltCode::SourceRecreated, "another topic");
    let decision = follow_recreation(reason, id, SourceOffset(4), TargetOffset(0));
    bench.store.be_slow();
    let decided = Trouble::Decided(Box::new(decision));
    bench.worker.trouble(0, decided, false);
    assert_eq!(bench.worker.mirrors[0].route.source_id, TopicId::NONE);
    bench.store.finish();
    bench.handle_next().await;
    let mirror = &bench.worker.mirrors[0];
    assert_eq!(mirror.route.source_id, id);
    let known = mirror.tracked.lock();
    let owner = bench
        .worker
        .link
        .identity
        .producer_id(known.record.incarnation);
    assert_eq!(
        (mirror.course.producer_id, known.record.frontier),
        (owner, SourceOffset(4))
    );
}
