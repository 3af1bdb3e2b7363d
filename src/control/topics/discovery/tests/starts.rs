//! Where the partitions that the first look finds start (H10).

use super::*;
use crate::checkpoint::starts::{StartRecord, starts_of};
use crate::checkpoint::testing::FailingStore;
use crate::model::SourceOffset;

const TOPICS: [&str; 3] = ["orders0", "orders1", "orders2"];

/// Three topics of two partitions that end at offset 70; the target creates none of them yet.
fn bench() -> Bench {
    let bench = Bench::new();
    for topic in TOPICS {
        bench.source.put(topic, 2);
    }
    ends(&bench, 70);
    bench.target.set(|inner| inner.quota = Some(0));
    bench
}

fn ends(bench: &Bench, end: i64) {
    let ends = TOPICS.map(|topic| (topic.into(), end));
    bench.source.set(|inner| inner.ends = BTreeMap::from(ends));
}

fn starts(bench: &Bench) -> Vec<StartRecord> {
    let stored = starts_of(bench.store.as_ref(), &"paris-oslo".into()).unwrap();
    stored.into_values().collect()
}

fn offsets(bench: &Bench) -> Vec<Option<i64>> {
    let starts = starts(bench).into_iter();
    starts.map(|it| it.offset.map(SourceOffset::get)).collect()
}

#[tokio::test(start_paused = true)]
async fn starts_are_stored_before_the_first_topic_is_created() {
    let mut bench = bench();
    let watched = Some(Arc::clone(&bench.store));
    bench.target.set(|inner| inner.watched = watched);
    bench.target.set(|inner| inner.quota = None);
    bench.round().await;
    assert_eq!(
        bench.target.set(|inner| inner.starts_at_creation.clone()),
        [6]
    );
    assert_eq!(offsets(&bench), [Some(70); 6]);
    for (start, topic) in starts(&bench).chunks(2).zip(TOPICS) {
        let id = bench
            .source
            .set(|inner| inner.topics[&TopicName::from(topic)].0.id);
        assert!(start.iter().all(|it| it.source_topic_id == id));
        assert!(start.iter().all(|it| it.time_ms.is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_stays_where_it_is_however_often_the_process_dies_before_the_topic_is_created() {
    let mut bench = bench();
    for end in [70, 80, 90] {
        ends(&bench, end);
        bench.round().await;
        bench.round().await;
        assert_eq!(bench.set().topics.len(), 0);
        assert_eq!(offsets(&bench), [Some(70); 6]);
        bench = bench.restarted();
    }
    assert_eq!(bench.source.set(|inner| inner.starts_asked), 6);
    bench.source.put("orders3", 1);
    bench.source.change("orders0", |topic| topic.partitions = 3);
    bench.round().await;
    assert_eq!(offsets(&bench), [Some(70); 6], "others appeared later");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_while_the_starts_cannot_be_stored() {
    let mut bench = bench();
    bench.target.set(|inner| inner.quota = None);
    let failing = Arc::new(FailingStore::default());
    failing.fail_after(0);
    let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&failing);
    bench = Bench::over(bench.source, bench.target, store);
    let failed = bench.discovery.round().await.unwrap_err();
    assert_eq!(failed.kind(), Kind::Store);
    assert_eq!(bench.target.set(|inner| inner.requests.len()), 0);
    ends(&bench, 80);
    bench.round().await;
    assert_eq!(bench.set().topics.len(), 3);
    assert_eq!(offsets(&bench), [Some(80); 6]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_leader_holds_nothing_up_and_the_time_of_the_look_is_kept() {
    let mut bench = bench();
    bench.target.set(|inner| inner.quota = None);
    let silent = TopicName::from("orders1");
    bench.source.set(|inner| inner.ends.remove(&silent));
    bench.round().await;
    assert_eq!(bench.set().topics.len(), 3);
    let some = Some(70);
    assert_eq!(offsets(&bench), [some, some, None, None, some, some]);
    let looked_at = starts(&bench)[2].looked_at_ms;
    let mut bench = bench.restarted();
    ends(&bench, 80);
    bench.round().await;
    assert_eq!(
        offsets(&bench)[2],
        None,
        "the worker finds the first record since then"
    );
    assert_eq!(starts(&bench)[2].looked_at_ms, looked_at);
}

#[tokio::test(start_paused = true)]
async fn earliest_is_not_asked_for_and_another_start_is_resolved_anew() {
    let mut bench = bench();
    bench.discovery.config.start = Start::Earliest;
    bench.round().await;
    assert_eq!(starts(&bench), []);
    let mut bench = bench.restarted();
    bench.discovery.config.start = Start::At(5);
    bench.round().await;
    assert!(starts(&bench).iter().all(|it| it.time_ms == Some(5)));
    let mut bench = bench.restarted();
    ends(&bench, 90);
    bench.round().await;
    assert!(starts(&bench).iter().all(|it| it.time_ms.is_none()));
    assert_eq!(offsets(&bench), [Some(90); 6]);
}
