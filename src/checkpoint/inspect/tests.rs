use super::*;
use crate::checkpoint::records::{put_link, put_partition};
use crate::checkpoint::testing::link_record;
use crate::checkpoint::{MemoryStore, StoredRuns, Update};
use crate::model::{
    DataPath, History, OffsetsMode, SourceOffset, TargetOffset, TopicId, TopicPartition,
};
use crate::offsets::RunMap;

const RUNS: i64 = 600;

fn key() -> PartitionKey {
    PartitionKey::new(&"l".into(), &TopicPartition::new("t", 0))
}

/// A link with one partition whose map has several blocks.
async fn filled(acked_end: i64) -> MemoryStore {
    let store = MemoryStore::new();
    let mut update = Update::new();
    put_link(&mut update, &link_record(false));
    let record = PartitionRecord {
        source_topic_id: TopicId::NONE,
        target_topic_id: TopicId::NONE,
        origin: SourceOffset(0),
        frontier: SourceOffset(acked_end * 2),
        acked_end: TargetOffset(acked_end),
        epochs: Vec::new(),
        plans: Vec::new(),
        incarnation: 0,
        history: History::default(),
        offsets: OffsetsMode::Translate,
        fence_epoch: 0,
        path: DataPath::Raw,
        complete_ms: None,
    };
    put_partition(&mut update, &key(), &record);
    let mut map = RunMap::empty(SourceOffset(0), TargetOffset(0));
    for number in 0..RUNS {
        let run = Run::new(SourceOffset(number * 2), TargetOffset(number), 1);
        map.append(run).unwrap();
    }
    StoredRuns::new(&store, &key()).apply(&mut update, map.take_changes().blocks);
    store.commit(update).await.unwrap();
    store
}

async fn problems(store: &MemoryStore, break_it: impl FnOnce(&mut Update)) -> Vec<String> {
    let mut update = Update::new();
    break_it(&mut update);
    store.commit(update).await.unwrap();
    inspect(store).unwrap().problems
}

#[tokio::test]
async fn what_fits_is_counted() {
    let found = inspect(&filled(RUNS).await).unwrap();
    let runs = usize::try_from(RUNS).unwrap();
    assert_eq!(
        found,
        Inspection {
            links: 1,
            partitions: 1,
            runs,
            problems: vec![],
        }
    );
}

#[tokio::test]
async fn what_does_not_fit_is_told() {
    let at = |offset| keys::at_offset(&keys::partition(&key()), offset);
    let lost = problems(&filled(RUNS).await, |update| {
        update.delete(Space::RunsBySource, at(512));
    })
    .await;
    let lost = lost.join("\n");
    assert!(lost.contains("not found by its source offset"), "{lost}");
    assert!(
        lost.contains("3 blocks of runs and 2 index entries"),
        "{lost}"
    );
    let garbled = problems(&filled(RUNS).await, |update| {
        update.put(Space::Runs, at(256), vec![1, 2]);
    })
    .await;
    assert!(garbled[0].contains("cut short or garbled"));
    let store = filled(RUNS).await;
    let first = store.get(Space::Runs, &at(0)).unwrap().unwrap();
    let twice = problems(&store, |update| update.put(Space::Runs, at(256), first)).await;
    assert!(twice.iter().any(|it| it.contains("overlaps")), "{twice:?}");
    let ahead = problems(&filled(5).await, |_| {}).await;
    assert!(ahead[0].contains("begins past what is known"), "{ahead:?}");
}
