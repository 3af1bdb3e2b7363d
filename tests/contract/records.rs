//! The typed records and the stored runs, over every implementation of the store.

use farshore::checkpoint::acls::{AclRecord, acls_of, put_acls};
use farshore::checkpoint::records::{
    delete_partition, group_offsets_of, groups_of, links, load_group, load_link, load_partition,
    load_topic, partitions_of, put_group, put_link, put_partition, put_topic, topics_of,
};
use farshore::checkpoint::starts::{StartRecord, delete_start, load_start, put_start, starts_of};
use farshore::checkpoint::{
    GroupRecord, LinkRecord, PartitionKey, PartitionRecord, Space, Store, StoredRuns, TopicRecord,
    Update, dump,
};
use farshore::kafka::acl::AclOperation;
use farshore::kafka::acl::entry::{AclEntry, AclPurpose, AclState, AddedAcl, Permission};
use farshore::model::{
    GroupId, LeaderEpoch, LinkIdentity, LinkName, OffsetsMode, Run, SourceOffset, TargetOffset,
    TopicId, TopicName, TopicPartition,
};
use farshore::offsets::{Lookup, RunMap};

crate::store::for_each_store!(
    links_topics_and_partitions_come_back,
    lists_keep_links_apart_and_are_in_order,
    group_offsets_come_back,
    starts_come_back_until_they_are_removed_and_need_a_later_reader,
    added_acls_come_back_until_none_is_left,
    the_256th_decision_needs_a_later_reader,
    a_map_goes_on_after_a_restart,
    a_pruned_map_answers_for_what_is_left,
    a_damaged_run_block_is_an_error,
);

fn key(link: &str, topic: &str, partition: i32) -> PartitionKey {
    PartitionKey::new(&LinkName::new(link), &TopicPartition::new(topic, partition))
}

fn partition_record(frontier: i64) -> PartitionRecord {
    PartitionRecord {
        source_topic_id: TopicId::NONE,
        target_topic_id: TopicId::NONE,
        frontier: SourceOffset(frontier),
        acked_end: TargetOffset(3),
        epochs: vec![(LeaderEpoch(4), SourceOffset(0))],
        origin: SourceOffset(2),
        plans: vec![vec![Run::new(SourceOffset(9), TargetOffset(3), 1)]],
        incarnation: 2,
        history: farshore::model::History::default(),
        offsets: OffsetsMode::Preserve,
        fence_epoch: 3,
        path: farshore::model::DataPath::Record,
        complete_ms: Some(frontier),
    }
}

async fn links_topics_and_partitions_come_back(store: &dyn Store) {
    let link = LinkName::new("paris-oslo");
    let record = LinkRecord {
        identity: LinkIdentity {
            link: link.clone(),
            source_cluster_id: "s".into(),
            target_cluster_id: "t".into(),
        },
        initialized: true,
        paused: false,
    };
    let (name, topic) = (
        TopicName::new("orders"),
        TopicRecord {
            reseeded: None,
            mirror_topic: TopicName::new("paris.orders"),
            source_topic_id: TopicId::NONE,
            target_topic_id: TopicId::NONE,
            created: true,
            initial_partitions: 3,
        },
    );
    let key = key("paris-oslo", "orders", 3);
    assert_eq!(load_link(store, &link).unwrap(), None);
    assert_eq!(load_topic(store, &link, &name).unwrap(), None);
    assert_eq!(load_partition(store, &key).unwrap(), None);

    let mut update = Update::new();
    put_link(&mut update, &record);
    put_topic(&mut update, &link, &name, &topic);
    put_partition(&mut update, &key, &partition_record(7));
    store.commit(update).await.unwrap();
    assert_eq!(load_link(store, &link).unwrap(), Some(record.clone()));
    assert_eq!(links(store).unwrap(), [(link.clone(), record)]);
    let loaded = load_topic(store, &link, &name).unwrap();
    assert_eq!(loaded, Some(topic.clone()));
    assert_eq!(topics_of(store, &link).unwrap(), [(name, topic)]);
    let loaded = load_partition(store, &key).unwrap();
    assert_eq!(loaded, Some(partition_record(7)));

    let mut update = Update::new();
    delete_partition(&mut update, &key);
    store.commit(update).await.unwrap();
    assert_eq!(load_partition(store, &key).unwrap(), None);
}

async fn the_256th_decision_needs_a_later_reader(store: &dyn Store) {
    let key = key("l", "orders", 3);
    for (incarnation, entries) in [(255, 1), (256, 2)] {
        let record = PartitionRecord {
            incarnation,
            ..partition_record(10)
        };
        let mut update = Update::new();
        put_partition(&mut update, &key, &record);
        store.commit(update).await.unwrap();
        assert_eq!(load_partition(store, &key).unwrap(), Some(record));
        assert_eq!(
            dump::entries(store, Some(&key.link)).unwrap().len(),
            entries
        );
        assert_eq!(topics_of(store, &key.link).unwrap(), []);
    }
}

async fn lists_keep_links_apart_and_are_in_order(store: &dyn Store) {
    let keys = [
        key("a", "b", 0),
        key("a", "b", 10),
        key("a", "long", 2),
        key("a", "z", 1),
        key("ab", "", 0),
        key("ab", "b", 0),
    ];
    let mut update = Update::new();
    for (frontier, key) in (0..).zip(&keys) {
        put_partition(&mut update, key, &partition_record(frontier));
    }
    store.commit(update).await.unwrap();
    let of = |link| partitions_of(store, &LinkName::new(link)).unwrap();
    let stored = |range: std::ops::Range<usize>| {
        let frontiers = (0..).zip(&keys).skip(range.start).take(range.len());
        let records = frontiers.map(|(n, key)| (key.clone(), partition_record(n)));
        records.collect::<Vec<_>>()
    };
    assert_eq!(of("a"), stored(0..4));
    assert_eq!(of("ab"), stored(4..6));
    assert_eq!(of("b"), []);
}

async fn starts_come_back_until_they_are_removed_and_need_a_later_reader(store: &dyn Store) {
    let of = |offset| StartRecord {
        source_topic_id: TopicId::NONE,
        time_ms: Some(7),
        looked_at_ms: 8,
        offset,
    };
    let (one, other) = (key("l", "orders", 0), key("l", "orders", 1));
    assert_eq!(load_start(store, &one).unwrap(), None);
    let mut update = Update::new();
    put_start(&mut update, &one, &of(Some(SourceOffset(5))));
    put_start(&mut update, &other, &of(None));
    put_start(&mut update, &key("lx", "orders", 0), &of(None));
    store.commit(update).await.unwrap();
    let found = starts_of(store, &one.link).unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [
            (one.topic_partition(), of(Some(SourceOffset(5)))),
            (other.topic_partition(), of(None))
        ]
    );
    let mut lines = Vec::new();
    dump::write(&dump::entries(store, None).unwrap(), &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let first = lines.lines().next().unwrap();
    assert_eq!(first, r#"{"layout":3,"oldest_reader":3}"#);
    let mut update = Update::new();
    delete_start(&mut update, &one);
    store.commit(update).await.unwrap();
    assert_eq!(load_start(store, &one).unwrap(), None);
    assert_eq!(load_start(store, &other).unwrap(), Some(of(None)));
}

async fn added_acls_come_back_until_none_is_left(store: &dyn Store) {
    let mirror = TopicName::new("paris.orders");
    let added = |principal: &str, state| AddedAcl {
        acl: AclEntry::on_topic(&mirror, principal, AclOperation::Write, Permission::Deny),
        purpose: AclPurpose::Guard,
        state,
    };
    let record = |entries| AclRecord {
        topic: TopicName::new("orders"),
        entries,
    };
    let (link, other) = (LinkName::new("l"), LinkName::new("lx"));
    let both = record(vec![
        added("User:CN=a b,O=\u{2028}", AclState::Removing),
        added("User:bob", AclState::Adding),
    ]);
    let mut update = Update::new();
    put_acls(&mut update, &link, &mirror, &both);
    put_acls(
        &mut update,
        &other,
        &mirror,
        &record(vec![added("User:bob", AclState::Added)]),
    );
    store.commit(update).await.unwrap();
    let found = acls_of(store, &link).unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [(mirror.clone(), both)]
    );
    let mut update = Update::new();
    put_acls(&mut update, &link, &mirror, &record(Vec::new()));
    store.commit(update).await.unwrap();
    assert!(acls_of(store, &link).unwrap().is_empty());
    assert_eq!(acls_of(store, &other).unwrap().len(), 1);
}

async fn group_offsets_come_back(store: &dyn Store) {
    let link = LinkName::new("l");
    let (billing, other) = (GroupId::new("billing"), GroupId::new("billing\0\0"));
    let at = TopicPartition::new("orders", 1);
    let record = GroupRecord {
        last_written: Some(5),
        metadata: Some("state".into()),
        released: true,
        ..GroupRecord::default()
    };
    assert_eq!(load_group(store, &link, &billing, &at).unwrap(), None);
    let mut update = Update::new();
    put_group(&mut update, &link, &billing, &at, &record);
    put_group(&mut update, &link, &other, &at, &GroupRecord::default());
    store.commit(update).await.unwrap();

    let loaded = load_group(store, &link, &billing, &at).unwrap();
    assert_eq!(loaded, Some(record.clone()));
    let of_billing = ((billing.clone(), at.clone()), record);
    let of = |group| group_offsets_of(store, &link, group).unwrap();
    assert_eq!(of(Some(&billing)), std::slice::from_ref(&of_billing));
    assert_eq!(
        of(None),
        [of_billing, ((other.clone(), at), GroupRecord::default())]
    );
    assert_eq!(groups_of(store, &link).unwrap(), [billing, other]);
}

/// Appends ten records and a marker repeatedly, stored now and then.
async fn fill(store: &dyn Store, key: &PartitionKey, runs: i64) -> RunMap {
    let stored = StoredRuns::new(store, key);
    let mut map = stored.load(SourceOffset(0), TargetOffset(0)).unwrap();
    for number in 0..runs {
        let run = Run::new(SourceOffset(number * 11), TargetOffset(number * 10), 10);
        map.append(run).unwrap();
        if number % 100 == 99 {
            save(store, &stored, &mut map).await;
        }
    }
    save(store, &stored, &mut map).await;
    map
}

async fn save(store: &dyn Store, stored: &StoredRuns<'_>, map: &mut RunMap) {
    let changes = map.take_changes();
    let mut update = Update::new();
    stored.apply(&mut update, changes.blocks);
    store.commit(update).await.unwrap();
    map.stored(changes.receipt);
}

async fn a_map_goes_on_after_a_restart(store: &dyn Store) {
    let (key, neighbour) = (key("l", "orders", 1), key("l", "orders", 2));
    fill(store, &neighbour, 3).await;
    fill(store, &key, 1000).await;
    let stored = StoredRuns::new(store, &key);
    let mut map = stored.load(SourceOffset(5), TargetOffset(5)).unwrap();
    assert_eq!(map.run_count(), 1000);
    map.extend_last_to(TargetOffset(10_020)).unwrap();
    for number in 0..1000 {
        let (source, target) = (SourceOffset(number * 11 + 4), TargetOffset(number * 10 + 4));
        assert_eq!(
            map.to_target(source, &stored).unwrap(),
            Lookup::Exact(target)
        );
        assert_eq!(
            map.to_source(target, &stored).unwrap(),
            Lookup::Exact(source)
        );
        if number < 999 {
            let marker = map
                .to_target(SourceOffset(number * 11 + 10), &stored)
                .unwrap();
            assert_eq!(
                marker,
                Lookup::InGap {
                    next: TargetOffset(number * 10 + 10)
                }
            );
        }
    }
    for below in [-1, i64::MIN] {
        let before = map.to_target(SourceOffset(below), &stored).unwrap();
        assert_eq!(
            before,
            Lookup::BeforeMap {
                first: TargetOffset(0)
            }
        );
        let before = map.to_source(TargetOffset(below), &stored).unwrap();
        assert_eq!(
            before,
            Lookup::BeforeMap {
                first: SourceOffset(0)
            }
        );
    }

    let mut update = Update::new();
    stored.forget(&mut update).unwrap();
    store.commit(update).await.unwrap();
    let emptied = stored.load(SourceOffset(5), TargetOffset(6)).unwrap();
    assert_eq!(
        (emptied.run_count(), emptied.target_end()),
        (0, TargetOffset(6))
    );
    let untouched = StoredRuns::new(store, &neighbour);
    let untouched = untouched.load(SourceOffset(0), TargetOffset(0)).unwrap();
    assert_eq!(untouched.run_count(), 3);
}

async fn a_pruned_map_answers_for_what_is_left(store: &dyn Store) {
    let key = key("l", "orders", 1);
    let mut map = fill(store, &key, 1000).await;
    let stored = StoredRuns::new(store, &key);
    let starts = (SourceOffset(600 * 11), TargetOffset(600 * 10));
    let gone = map.prune(starts.0, starts.1, &stored).unwrap();
    assert_eq!(gone.len(), 2);
    let mut update = Update::new();
    stored.apply(&mut update, gone);
    store.commit(update).await.unwrap();
    for map in [map, stored.load(SourceOffset(0), TargetOffset(0)).unwrap()] {
        assert_eq!(map.run_count(), 1000 - 512);
        let first = TargetOffset(512 * 10);
        let before = map.to_target(SourceOffset(511 * 11), &stored).unwrap();
        assert_eq!(before, Lookup::BeforeMap { first });
        let kept = map.to_target(SourceOffset(512 * 11), &stored).unwrap();
        assert_eq!(kept, Lookup::Exact(first));
    }
}

async fn a_damaged_run_block_is_an_error(store: &dyn Store) {
    let key = key("l", "orders", 1);
    let map = fill(store, &key, 300).await;
    let stored = StoredRuns::new(store, &key);
    let (oldest, bytes) = store.scan(Space::Runs, &[], 1).unwrap().remove(0);
    let mut update = Update::new();
    update.put(Space::Runs, &oldest, bytes[1..].to_vec());
    store.commit(update).await.unwrap();
    let error = map.to_target(SourceOffset(3), &stored).unwrap_err();
    assert!(error.to_string().contains("orders-1"), "{error}");
    let (other, bytes) = store.scan(Space::Runs, &[], 2).unwrap().remove(1);
    assert_ne!(oldest, other);
    let mut update = Update::new();
    update.put(Space::Runs, &oldest, bytes);
    store.commit(update).await.unwrap();
    let error = map.to_target(SourceOffset(3), &stored).unwrap_err();
    assert!(error.to_string().contains("key of a run block"), "{error}");
    let mut update = Update::new();
    update.delete(Space::Runs, &oldest);
    store.commit(update).await.unwrap();
    let error = map.to_target(SourceOffset(3), &stored).unwrap_err();
    assert!(error.to_string().contains("index of run blocks"), "{error}");
}
