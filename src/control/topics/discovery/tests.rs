use std::time::Duration;

use super::*;
use crate::checkpoint::MemoryStore;
use crate::config::{GroupFilter, Naming, Otherwise, PreserveLimits, Start, TopicFilter};
use crate::control::topics::configs::TopicConfigs;
use crate::model::{DataPath, HaltCode, Intent, Obstacle, OffsetsMode, Partition, TopicId};

mod configs;
mod intents;
mod namesakes;
mod reseeds;
mod rows;
mod site;
mod starts;

use site::FakeSite;

struct Bench {
    source: Arc<FakeSite>,
    target: Arc<FakeSite>,
    store: Arc<dyn Store>,
    discovery: Discovery,
}

impl Bench {
    fn new() -> Self {
        Self::over(Arc::default(), Arc::default(), Arc::new(MemoryStore::new()))
    }

    fn over(source: Arc<FakeSite>, target: Arc<FakeSite>, store: Arc<dyn Store>) -> Self {
        let discovery = Discovery::new(
            config(),
            Arc::<FakeSite>::clone(&source),
            Arc::<FakeSite>::clone(&target),
            Arc::clone(&store),
        );
        Self {
            source,
            target,
            store,
            discovery: discovery.unwrap(),
        }
    }

    fn restarted(self) -> Self {
        Self::over(self.source, self.target, self.store)
    }

    async fn round(&mut self) -> Arc<MirrorSet> {
        self.discovery.round().await.unwrap();
        self.set()
    }

    fn set(&self) -> Arc<MirrorSet> {
        Arc::clone(&self.discovery.watch().borrow())
    }

    fn obstacle(&self, topic: &str) -> Option<Obstacle> {
        let set = self.set();
        let unmirrored = set.unmirrored.get(&TopicName::from(topic))?;
        Some(unmirrored.obstacle.clone())
    }

    fn refusal(&self, topic: &str) -> Option<HaltCode> {
        match self.obstacle(topic)? {
            Obstacle::Refused(reason) => Some(reason.code),
            Obstacle::Awaited(_) | Obstacle::Held | Obstacle::Absent(_) => None,
        }
    }

    fn conflict(&self) -> Option<HaltCode> {
        let topic = self.set().topics.get(&TopicName::from("orders")).cloned()?;
        topic.conflict.as_ref().map(|reason| reason.code)
    }
}

fn config() -> LinkConfig {
    LinkConfig {
        policies: crate::config::PolicyRules::default(),
        quarantine_topic: "farshore-quarantine-l".into(),
        name: "paris-oslo".into(),
        source: "paris".into(),
        target: "oslo".into(),
        topics: TopicFilter::new(&["orders.*"], &[] as &[&str]).unwrap(),
        groups: GroupFilter::new(&[".*"], &[] as &[&str]).unwrap(),
        start: Start::Latest,
        path: DataPath::Raw,
        offsets: OffsetsMode::Translate,
        preserve: PreserveLimits {
            max_prefix: 0,
            max_markers: 0,
            otherwise: Otherwise::Refuse,
        },
        allow_mirrored_source: false,
        naming: Naming::Prefix,
        replication_factor: None,
        excluded_settings: crate::config::ExcludedSettings::default(),
        journal: false,
        refresh_interval: Duration::from_secs(5),
        group_sync_interval: Duration::from_secs(1),
        acls: crate::config::AclRules::default(),
        fetch_connections: None,
        produce_connections: 1,
        max_in_flight_bytes: 1,
        fetch_max_bytes: 1,
        partition_max_bytes: 1,
        max_bytes_per_second: None,
        request_timeout: Duration::from_secs(1),
        verify: crate::config::VerifyConfig::default(),
    }
}

#[tokio::test(start_paused = true)]
async fn matching_topics_get_mirrors_and_are_told_in_the_same_round() {
    let mut bench = Bench::new();
    bench.source.put("orders", 3);
    bench.source.put("other", 3);
    bench.target.set(|inner| inner.shows_after = 5);
    let set = bench.round().await;
    assert!(set.confirmed);
    assert_eq!(set.topics.len(), 1);
    let topic = &set.topics[&TopicName::from("orders")];
    assert_eq!(
        (topic.target_name.as_str(), topic.partitions),
        ("paris.orders", 3)
    );
    assert!(topic.target_id.is_known() && topic.is_initial(Partition(2)));
    let configs = bench
        .target
        .set(|inner| inner.topics[&topic.target_name].1.clone());
    assert_eq!(configs["message.timestamp.type"], "CreateTime");
}

#[tokio::test(start_paused = true)]
async fn a_topic_and_partitions_that_appear_while_running_are_picked_up_from_their_beginning() {
    let mut bench = Bench::new();
    bench.source.put("orders", 1);
    bench.round().await;
    bench.source.put("orders2", 1);
    bench.source.change("orders", |topic| topic.partitions = 4);
    let set = bench.round().await;
    let orders = &set.topics[&TopicName::from("orders")];
    assert_eq!((orders.partitions, orders.initial_partitions), (4, 1));
    assert_eq!(
        set.topics[&TopicName::from("orders2")].initial_partitions,
        0
    );
}

/// Hazard H10: `start` applies to what the first look found, even if the process ends right after it.
#[tokio::test(start_paused = true)]
async fn what_appears_between_two_processes_is_not_initial() {
    let mut bench = Bench::new();
    bench.source.put("orders", 1);
    bench.round().await;
    bench.source.put("orders2", 1);
    bench.source.change("orders", |topic| topic.partitions = 4);
    let mut bench = bench.restarted();
    let set = bench.round().await;
    let initial = |name| set.topics[&TopicName::from(name)].initial_partitions;
    assert_eq!((initial("orders"), initial("orders2")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_cluster_changes_nothing_and_a_restart_begins_with_what_is_remembered() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    let before = bench.round().await;
    bench.source.set(|inner| inner.gone = true);
    assert_eq!(bench.round().await, before);

    let mut bench = bench.restarted();
    let remembered = bench.round().await;
    assert!(!remembered.confirmed);
    let topic = &remembered.topics[&TopicName::from("orders")];
    assert_eq!(
        topic.target_id,
        before.topics[&TopicName::from("orders")].target_id
    );

    bench.source.set(|inner| inner.gone = false);
    assert!(bench.round().await.confirmed);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_gone_is_a_conflict_only_when_two_looks_say_so() {
    for side in ["source", "target"] {
        let mut bench = Bench::new();
        bench.source.put("orders", 2);
        bench.round().await;
        let (site, expected) = if side == "source" {
            (&bench.source, HaltCode::SourceTopicMissing)
        } else {
            (&bench.target, HaltCode::TargetTopicMissing)
        };
        let site = Arc::clone(site);
        let away = site.set(|inner| std::mem::take(&mut inner.topics));
        bench.round().await;
        assert_eq!(bench.conflict(), None, "{side}");
        assert_eq!(bench.set().topics.len(), 1);
        bench.round().await;
        assert_eq!(bench.conflict(), Some(expected));
        site.set(|inner| inner.topics = away);
        bench.round().await;
        assert_eq!(bench.conflict(), None, "{side}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_created_again_stays_a_conflict_after_a_restart() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    bench.round().await;
    bench.source.put("orders", 2);
    bench.round().await;
    assert_eq!(bench.conflict(), Some(HaltCode::SourceRecreated));
    let mut bench = bench.restarted();
    bench.round().await;
    assert_eq!(bench.conflict(), Some(HaltCode::SourceRecreated));
}

#[tokio::test(start_paused = true)]
async fn a_topic_the_brokers_are_unclear_about_stays_as_it_was() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    let before = bench.round().await;
    bench.source.change("orders", |topic| {
        topic.is_clear = false;
        topic.partitions = 0;
    });
    assert_eq!(bench.round().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_the_brokers_call_internal_is_left_out() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    bench
        .source
        .change("orders", |topic| topic.is_internal = true);
    assert_eq!(bench.round().await.topics.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_missing_authorization_is_a_named_conflict_until_it_is_granted() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    bench.target.set(|inner| inner.create_refused = Some(29));
    bench.round().await;
    assert_eq!(bench.refusal("orders"), Some(HaltCode::NotPermitted));
    bench.target.set(|inner| inner.create_refused = None);
    bench.round().await;
    assert_eq!((bench.conflict(), bench.set().topics.len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_may_not_be_seen_is_not_taken_for_a_deleted_one() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    bench.round().await;
    for (site, name) in [
        (Arc::clone(&bench.source), "orders"),
        (Arc::clone(&bench.target), "paris.orders"),
    ] {
        site.hide(name, true);
        bench.round().await;
        bench.round().await;
        assert_eq!(bench.conflict(), Some(HaltCode::NotPermitted), "{name}");
        site.hide(name, false);
        bench.round().await;
        assert_eq!((bench.conflict(), bench.set().topics.len()), (None, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_was_never_seen_is_missing_a_right_and_not_a_topic() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    bench.target.put("paris.orders", 2);
    bench.target.hide("paris.orders", true);
    bench.round().await;
    bench.round().await;
    assert_eq!(bench.refusal("orders"), Some(HaltCode::NotPermitted));
    bench.target.hide("paris.orders", false);
    bench.round().await;
    assert_eq!((bench.conflict(), bench.set().topics.len()), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_cannot_be_configured_now_is_not_told_before_it_is() {
    let mut bench = Bench::new();
    bench.source.put("orders", 2);
    bench.target.put("paris.orders", 2);
    bench.target.set(|inner| inner.alter_refused = Some(7));
    bench.round().await;
    assert_eq!(bench.set().topics.len(), 0);
    bench.target.set(|inner| inner.alter_refused = Some(29));
    bench.round().await;
    assert_eq!(bench.conflict(), Some(HaltCode::NotPermitted));
    bench.target.set(|inner| inner.alter_refused = None);
    bench.round().await;
    assert_eq!((bench.conflict(), bench.set().topics.len()), (None, 1));
}
