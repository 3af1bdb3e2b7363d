use super::reseeds::decide_reseed;
use super::*;
use crate::checkpoint::records::first_look;
use crate::control::testing::FakeMirror;
use crate::control::topics::cluster::SeenTopic;
use crate::task::InFlight;

/// A bench whose discovery follows the link's intents.
fn bench() -> (Bench, Arc<FakeMirror>) {
    let mirror = Arc::new(FakeMirror::at(0));
    let mut bench = Bench::new();
    let hearing: Arc<dyn Mirrored> = Arc::<FakeMirror>::clone(&mirror);
    bench.discovery = bench.discovery.hearing(hearing, InFlight::default());
    (bench, mirror)
}

fn on_target(bench: &Bench) -> BTreeMap<TopicName, (SeenTopic, TopicConfigs)> {
    bench.target.set(|inner| inner.topics.clone())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_created_grown_or_altered_while_it_is_not_to_be_written_to() {
    for held in [Intent::Paused, Intent::Sealed, Intent::Open] {
        let (mut bench, mirror) = bench();
        bench.source.put("orders", 1);
        let before = bench.round().await;
        let target = on_target(&bench);
        mirror.want(held);
        bench.source.put("orders2", 1);
        bench.source.change("orders", |seen| seen.partitions = 4);
        bench.source.set(|inner| {
            let configs = &mut inner.topics.get_mut(&TopicName::from("orders")).unwrap().1;
            configs.insert("retention.ms".into(), "-1".into());
        });
        let set = bench.round().await;
        assert_eq!(set.topics, before.topics, "{held}");
        for topic in ["orders", "orders2"] {
            assert_eq!(bench.obstacle(topic), Some(Obstacle::Held), "{held}");
        }
        assert_eq!(on_target(&bench), target, "{held}");
        mirror.want(Intent::Mirror);
        let after = bench.round().await;
        assert_eq!(after.topics.len(), 2);
        assert_eq!(after.topics[&TopicName::from("orders")].partitions, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_while_paused_creates_nothing_and_goes_by_the_first_look_when_resumed() {
    let (mut bench, mirror) = bench();
    mirror.want(Intent::Paused);
    bench.source.put("orders", 2);
    let set = bench.round().await;
    assert!(set.confirmed && set.topics.is_empty());
    assert!(on_target(&bench).is_empty());
    mirror.want(Intent::Mirror);
    bench.source.put("orders2", 1);
    let set = bench.round().await;
    let initial = |name: &str| set.topics[&TopicName::from(name)].initial_partitions;
    assert_eq!((initial("orders"), initial("orders2")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_first_look_counts_also_for_a_process_that_resumes_later() {
    let (mut bench, mirror) = bench();
    bench.source.put("orders", 2);
    mirror.want(Intent::Paused);
    bench.round().await;
    for _ in 0..2 {
        bench = bench.restarted();
        let hearing: Arc<dyn Mirrored> = Arc::<FakeMirror>::clone(&mirror);
        bench.discovery = bench.discovery.hearing(hearing, InFlight::default());
        bench.source.put("orders2", 1);
        bench.source.change("orders", |seen| seen.partitions = 3);
        assert!(bench.round().await.topics.is_empty());
    }
    mirror.want(Intent::Mirror);
    let of = |set: &MirrorSet, name: &str| set.topics[&TopicName::from(name)].initial_partitions;
    let set = bench.round().await;
    assert_eq!((of(&set, "orders"), of(&set, "orders2")), (2, 0));
    let left = first_look(bench.store.as_ref(), &"paris-oslo".into());
    assert_eq!(left.unwrap(), Some(BTreeMap::new()));
    let set = bench.restarted().round().await;
    assert_eq!((of(&set, "orders"), of(&set, "orders2")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_is_to_be_created_anew_waits_until_it_may_be_written_to() {
    let (mut bench, mirror) = bench();
    bench.source.put("orders", 1);
    let topic = TopicName::from("orders");
    let former = bench.round().await.topics[&topic].target_id;
    mirror.want(Intent::Paused);
    decide_reseed(&bench.store, former).await;
    for _ in 0..3 {
        let set = bench.round().await;
        assert_eq!(set.topics[&topic].target_id, former);
    }
    assert_eq!(on_target(&bench).len(), 1);
    mirror.want(Intent::Mirror);
    // The worker, which writes to the topic, is notified first.
    bench.round().await;
    assert_eq!(on_target(&bench).len(), 1);
    assert_eq!(bench.conflict(), Some(HaltCode::TargetTopicMissing));
    for _ in 0..4 {
        bench.round().await;
    }
    let anew = bench.set().topics[&topic].target_id;
    assert!(anew.is_known() && anew != former);
    assert_eq!(bench.conflict(), None);
}

#[tokio::test(start_paused = true)]
async fn an_open_topic_is_not_judged() {
    let (mut bench, mirror) = bench();
    bench.source.put("orders", 1);
    bench.round().await;
    let anew = bench
        .target
        .set(|inner| inner.new_topic(7, TopicConfigs::new()));
    bench
        .target
        .set(|inner| inner.topics.insert("paris.orders".into(), anew));
    bench.round().await;
    assert_eq!(bench.conflict(), Some(HaltCode::TargetRecreated));
    mirror.want(Intent::Sealed);
    bench.round().await;
    assert_eq!(bench.conflict(), Some(HaltCode::TargetRecreated));
    mirror.want(Intent::Open);
    bench.round().await;
    assert_eq!(bench.conflict(), None);
}

#[tokio::test(start_paused = true)]
async fn what_stays_as_it_was_is_not_written_to_the_store_again() {
    let (mut bench, mirror) = bench();
    bench.source.put("orders", 1);
    bench.round().await;
    let record = || {
        let found = load_topic(bench.store.as_ref(), &"paris-oslo".into(), &"orders".into());
        found.unwrap().unwrap()
    };
    assert!(record().created);
    mirror.want(Intent::Paused);
    bench.discovery.round().await.unwrap();
    assert!(record().created);
}
