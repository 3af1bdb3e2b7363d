use crate::checkpoint::Update;
use crate::checkpoint::records::{Reseed, put_reseed, reseeds_of};
use crate::checkpoint::testing::FailingStore;

use super::*;

/// Stores the decision to reseed, as the worker does.
pub(super) async fn decide_reseed(store: &Arc<dyn Store>, former: TopicId) {
    let mut update = Update::new();
    let (link, topic) = ("paris-oslo".into(), "orders".into());
    put_reseed(&mut update, &link, &topic, Reseed { former });
    store.commit(update).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_mirror_is_created_anew_once_wherever_the_store_fails_on_the_way() {
    let mut failed = 0;
    for updates in 0..4 {
        let failing = Arc::new(FailingStore::default());
        let store: Arc<dyn Store> = Arc::<FailingStore>::clone(&failing);
        let mut bench = Bench::over(Arc::default(), Arc::default(), store);
        bench.source.put("orders", 3);
        let topic = TopicName::from("orders");
        let former = bench.round().await.topics[&topic].target_id;
        decide_reseed(&bench.store, former).await;
        failing.fail_after(updates);
        for _ in 0..6 {
            if let Err(error) = bench.discovery.round().await {
                assert_eq!(error.kind(), Kind::Store);
                failed += 1;
                bench = bench.restarted();
            }
        }
        let present = bench.set().topics[&topic].clone();
        assert_eq!(present.conflict, None);
        assert_ne!(present.target_id, former);
        // Exactly two were created: the former topic and the present one.
        assert_eq!(bench.target.set(|inner| inner.ids), 2);
        let there = bench
            .target
            .set(|inner| inner.topics[&present.target_name].0.id);
        assert_eq!(there, present.target_id);
        let left = reseeds_of(bench.store.as_ref(), &"paris-oslo".into()).unwrap();
        assert_eq!(left.len(), 0);
        // A worker that starts now finds it in the checkpoint DB.
        let stored = load_topic(bench.store.as_ref(), &"paris-oslo".into(), &topic).unwrap();
        assert_eq!(stored.unwrap().reseeded, Some(present.target_id));
    }
    assert!(failed > 0, "no update was made to fail");
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_may_not_be_deleted_is_told_with_the_reason() {
    let mut bench = Bench::new();
    bench.source.put("orders", 3);
    let topic = TopicName::from("orders");
    let former = bench.round().await.topics[&topic].target_id;
    decide_reseed(&bench.store, former).await;
    bench.target.set(|inner| inner.delete_refused = Some(29));
    for _ in 0..3 {
        bench.round().await;
    }
    let told = bench.set().topics[&topic].conflict.clone().unwrap();
    assert_eq!(told.code, HaltCode::TargetTopicMissing);
    let expected = "the mirror topic is being created anew, as decided; refused";
    assert!(told.message.starts_with(expected), "{told:?}");
    assert!(told.remedy.starts_with("Grant the operation"), "{told:?}");
    bench.target.set(|inner| inner.delete_refused = None);
    for _ in 0..3 {
        bench.round().await;
    }
    assert_eq!(bench.conflict(), None);
    assert_ne!(bench.set().topics[&topic].target_id, former);
}
