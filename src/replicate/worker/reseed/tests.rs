use std::collections::BTreeMap;
use std::sync::Arc;

use crate::checkpoint::testing::FailingStore;
use crate::checkpoint::{Space, Store};
use crate::kafka::client::testing::FakeNet;
use crate::model::{MirrorSet, Run};
use crate::replicate::testing::{LANES, flowing, link, tracked};

use super::*;

/// The number of runs of a former mirror partition: more than one block of them.
const RUNS: i64 = 600;

fn load(store: &Arc<FailingStore>) -> TrackedPartition {
    tracked(Arc::<FailingStore>::clone(store))
}

/// Returns a partition with a map, stored.
async fn mapped(store: &Arc<FailingStore>) -> TrackedPartition {
    let tracked = load(store);
    let runs: Vec<Run> = (0..RUNS)
        .map(|n| Run::new(SourceOffset(2 * n), TargetOffset(n), 1))
        .collect();
    {
        let mut known = tracked.lock();
        known.begun = true;
        known.record.history.totals.lost = 3;
        known.landed(&runs, SourceOffset(2 * RUNS)).unwrap();
    }
    let mut update = Update::new();
    let receipt = tracked.save(&mut update).unwrap();
    store.commit(update).await.unwrap();
    tracked.lock().stored(receipt);
    tracked
}

/// Returns whether a partition has begun, the last target offset of its map, and the number of entries stored for it.
fn held(tracked: &TrackedPartition, store: &FailingStore) -> (bool, Option<i64>, usize) {
    let entries = [Space::Partitions, Space::Runs, Space::RunsBySource];
    let entries = entries.map(|it| store.scan_from(it, b"", b"", usize::MAX).unwrap().len());
    let known = tracked.lock();
    let last = SourceOffset(2 * RUNS - 2);
    let image = known.map.to_target(last, &tracked.runs()).unwrap();
    let exact = (known.map.run_count() > 0).then(|| image.or_next().get());
    (known.begun, exact, entries.iter().sum())
}

#[tokio::test]
async fn a_former_mirror_is_given_up_whole_or_not_at_all() {
    let ids = Ids {
        source: TopicId(uuid::Uuid::from_u128(1)),
        target: TopicId(uuid::Uuid::from_u128(2)),
    };
    let store = Arc::new(FailingStore::default());
    let tracked = mapped(&store).await;
    let before = held(&tracked, &store);
    assert!(before.0 && before.1 == Some(RUNS - 1) && before.2 > 3);

    store.fail_after(0);
    let mut update = Update::new();
    tracked.give_up(ids, &mut update).unwrap();
    assert!(store.commit(update).await.is_err());
    // A crash here restarts with the former map, which is then given up again because of the topic's new id.
    assert_eq!(held(&load(&store), &store), before);
    // Without a crash the state is read again before anything else uses it.
    tracked.lock().stale = true;
    tracked.freshen().unwrap();
    assert_eq!(held(&tracked, &store), before);

    for _ in 0..2 {
        let mut update = Update::new();
        tracked.give_up(ids, &mut update).unwrap();
        store.commit(update).await.unwrap();
        assert_eq!(held(&tracked, &store), (false, None, 0));
        assert_eq!(held(&load(&store), &store), (false, None, 0));
    }
    assert_eq!(tracked.lock().record.history.totals.lost, 3);
}

/// Discovery may not have noticed yet that the topic will be deleted.
#[tokio::test]
async fn nothing_flows_into_a_mirror_topic_that_is_about_to_be_recreated() {
    let ids = [1, 2].map(|number| TopicId(uuid::Uuid::from_u128(number)));
    for (former, awaits) in [(ids[0], true), (ids[1], false), (TopicId::NONE, false)] {
        let net = FakeNet::default();
        let cluster = || net.cluster(&["a:1"]);
        let store = Arc::new(FailingStore::default());
        let mut worker = flowing(link(store, cluster(), cluster()), &[LANES]);
        worker.mirrors[0].route.target_id = ids[0];
        worker.reseeds.insert("t".into(), former);
        let mirrored = MirroredTopic {
            source_id: TopicId::NONE,
            target_name: "t".into(),
            target_id: ids[0],
            partitions: 1,
            initial_partitions: 1,
            reseeded: None,
            keeps_tombstones_ms: None,
            conflict: None,
        };
        worker.take_set(&MirrorSet {
            confirmed: false,
            topics: [("t".into(), mirrored)].into(),
            unmirrored: BTreeMap::new(),
        });
        let life = &worker.mirrors[0].life;
        assert_eq!(life.lanes().is_none(), awaits);
        assert_eq!(life.conflict().cloned(), awaits.then(being_recreated));
    }
}
