use std::sync::Arc;

use crate::checkpoint::Store;
use crate::checkpoint::starts::{StartRecord, load_start, put_start};
use crate::checkpoint::testing::FailingStore;
use crate::model::{LinkName, Run, TopicId, TopicName, TopicPartition};
use crate::offsets::Lookup;
use crate::replicate::LinkView;
use crate::replicate::shared::partition::blank;

use super::*;

struct Bench {
    failing: Arc<FailingStore>,
    view: LinkView,
}

impl Bench {
    /// A link whose only partition has 300 runs, none of them stored yet.
    fn new() -> Self {
        let failing = Arc::new(FailingStore::default());
        let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&failing);
        let view = LinkView::load(&LinkName::new("l"), &store, |_| true).unwrap();
        let bench = Self { failing, view };
        let tracked = bench.tracked();
        let mut known = tracked.lock();
        known.begun = true;
        for n in 0..300 {
            let run = Run::new(SourceOffset(2 * n), TargetOffset(n), 1);
            known.landed(&[run], run.source_end()).unwrap();
        }
        drop(known);
        bench
    }

    fn tracked(&self) -> Arc<TrackedPartition> {
        let (partition, topic) = (TopicPartition::new("t", 0), TopicName::new("t"));
        self.view.track(&partition, &topic).unwrap()
    }

    /// Returns the state a process starting now would find: the frontier, and whether the map has the first and the last
    /// record.
    fn after_a_crash(&self) -> (i64, bool) {
        let tracked = self.tracked();
        let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&self.failing);
        let found = TrackedPartition::new(tracked.key.clone(), "t".into(), store).unwrap();
        let known = found.lock();
        let image = |at| {
            known
                .map
                .to_target(SourceOffset(at), &found.runs())
                .unwrap()
        };
        let ends = [image(0), image(598)];
        let whole = ends == [0, 299].map(|at| Lookup::Exact(TargetOffset(at)));
        (known.record.frontier.get(), whole)
    }
}

#[tokio::test]
async fn what_a_refused_save_had_is_in_the_next_one() {
    let bench = Bench::new();
    bench.failing.fail_after(0);
    assert!(bench.view.persist_frontiers().await.is_err());
    assert_eq!(bench.after_a_crash(), (0, false));
    bench.view.persist_frontiers().await.unwrap();
    assert_eq!(bench.after_a_crash(), (599, true));
    assert!(!bench.tracked().lock().is_unsaved());
}

#[tokio::test]
async fn what_is_on_its_way_counts_as_unsaved_until_it_is_durable() {
    let bench = Bench::new();
    let tracked = bench.tracked();
    let mut update = Update::lazy();
    let receipt = tracked.save(&mut update).unwrap();
    assert!(tracked.lock().is_unsaved());
    bench.failing.commit(update).await.unwrap();
    tracked.lock().advance(SourceOffset(700));
    tracked.lock().stored(receipt);
    assert!(tracked.lock().is_unsaved(), "it has moved on since");
    bench.view.persist_frontiers().await.unwrap();
    assert!(!tracked.lock().is_unsaved());
    assert_eq!(bench.after_a_crash(), (700, true));
}

#[tokio::test]
async fn nothing_of_a_decision_is_saved_before_it_is_durable() {
    let bench = Bench::new();
    let tracked = bench.tracked();
    bench.view.persist_frontiers().await.unwrap();
    let saves_nothing = || {
        let mut update = Update::new();
        assert_eq!(tracked.save(&mut update), None);
        tracked.prune(&mut update).unwrap();
        assert!(update.is_empty());
    };
    // The update that stores it is refused.
    tracked.lock().start_over(blank());
    tracked.lock().advance(SourceOffset(900));
    saves_nothing();
    assert!(bench.view.persist_frontiers().await.is_err());
    tracked.lock().decided(false);
    saves_nothing();
    // Anything that depends on a frontier uses the stored one.
    bench.view.persist_frontiers().await.unwrap();
    assert_eq!(tracked.lock().record.frontier, SourceOffset(599));
    assert_eq!(bench.after_a_crash(), (599, true));
    // It is stored.
    tracked.lock().start_over(blank());
    tracked.lock().decided(true);
    assert!(tracked.save(&mut Update::new()).is_some());
}

/// Its own update has all of it; any other would have a part.
#[tokio::test]
async fn a_decision_on_its_way_keeps_everything_else_from_being_saved() {
    for is_stored in [true, false] {
        let bench = Bench::new();
        let tracked = bench.tracked();
        tracked.save_decision(&mut Update::new());
        assert_eq!(tracked.save(&mut Update::new()), None);
        tracked.lock().decided(is_stored);
        assert_eq!(tracked.save(&mut Update::new()).is_some(), is_stored);
    }
}

#[tokio::test]
async fn the_update_that_stores_where_a_partition_began_removes_its_start() {
    let bench = Bench::new();
    let tracked = bench.tracked();
    let start = StartRecord {
        source_topic_id: TopicId::NONE,
        time_ms: None,
        looked_at_ms: 0,
        offset: Some(SourceOffset(7)),
    };
    let mut update = Update::new();
    put_start(&mut update, &tracked.key, &start);
    bench.view.store().commit(update).await.unwrap();
    tracked.lock().stored_start = Some(start);
    let has_start = || {
        load_start(&*bench.view.store(), &tracked.key)
            .unwrap()
            .is_some()
    };
    // A refused save leaves the start, and the next one removes it.
    for (is_refused, starts) in [(true, true), (false, false)] {
        if is_refused {
            bench.failing.fail_after(0);
        }
        let mut update = Update::new();
        let receipt = tracked.save(&mut update).unwrap();
        let saved = bench.view.store().commit(update).await;
        assert_eq!(saved.is_err(), is_refused);
        if saved.is_ok() {
            tracked.lock().stored(receipt);
        }
        assert_eq!(has_start(), starts);
        assert_eq!(tracked.lock().stored_start.is_some(), starts);
    }
    let mut update = Update::new();
    tracked.save(&mut update);
    let removals = update.changes().iter().filter(|(_, value)| value.is_none());
    assert_eq!(removals.count(), 0, "it is removed once");
}
