use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::control::topics::configs::TopicConfigs;
use crate::model::{KnownTopic, MirrorSet, Obstacle, TopicId};

fn id(n: u128) -> TopicId {
    TopicId(uuid::Uuid::from_u128(n))
}

fn source(n: u128, partitions: i32) -> SourceTopic {
    SourceTopic {
        target_name: TopicName::new("mirror"),
        id: id(n),
        partitions,
        replication_factor: 3,
        configs: TopicConfigs::from([("retention.ms".to_owned(), "1000".to_owned())]),
    }
}

fn target(n: u128, partitions: i32) -> TargetTopic {
    TargetTopic {
        id: id(n),
        partitions,
        configs: configs::initial(&source(0, 0).configs, &BTreeSet::new()),
    }
}

fn sight(source: Option<SourceTopic>, target: Option<TargetTopic>) -> Sight {
    Sight {
        source: source
            .map(|topic| ("orders".into(), topic))
            .into_iter()
            .collect(),
        target: target
            .map(|topic| ("mirror".into(), topic))
            .into_iter()
            .collect(),
        target_brokers: 1,
        ..Sight::default()
    }
}

fn knowing(mut sight: Sight, source_id: u128, target_id: u128, partitions: i32) -> Sight {
    let known = KnownTopic {
        reseeded: None,
        source_id: id(source_id),
        target_name: "mirror".into(),
        target_id: id(target_id),
        partitions,
        initial_partitions: 0,
        created: false,
    };
    sight.known.insert("orders".into(), known);
    sight
}

fn conflict_of(sight: &Sight) -> HaltCode {
    let actions = plan(sight);
    let [Action::Conflict { reason, .. }] = actions.as_slice() else {
        panic!("one conflict expected: {actions:?}");
    };
    let set = sight.mirror_set();
    assert_eq!(
        set.topics[&TopicName::new("orders")].conflict.as_ref(),
        Some(reason)
    );
    reason.code
}

#[test]
fn a_new_topic_gets_the_partitions_of_its_source_and_as_many_replicas_as_there_are_brokers() {
    let sight = sight(Some(source(1, 7)), None);
    let expected = Action::CreateTopic {
        source: "orders".into(),
        mirror: NewMirror {
            name: "mirror".into(),
            partitions: 7,
            replication_factor: 1,
            configs: configs::initial(&source(1, 7).configs, &BTreeSet::new()),
        },
    };
    assert_eq!(plan(&sight), [expected]);
    assert!(sight.mirror_set().topics.is_empty());
}

#[test]
fn the_links_replication_factor_decides_if_there_is_one() {
    let mut sight = sight(Some(source(1, 1)), None);
    sight.replication_factor = Some(2);
    let actions = plan(&sight);
    let [Action::CreateTopic { mirror, .. }] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(mirror.replication_factor, 2);
}

#[test]
fn partitions_added_on_the_source_appear_on_the_target() {
    let sight = knowing(sight(Some(source(1, 5)), Some(target(2, 3))), 1, 2, 3);
    let grow = Action::CreatePartitions {
        source: "orders".into(),
        target: "mirror".into(),
        count: 5,
    };
    assert_eq!(plan(&sight), [grow]);
    assert_eq!(
        sight.mirror_set().topics[&TopicName::new("orders")].partitions,
        3
    );
}

#[test]
fn a_target_with_more_partitions_is_left_alone() {
    let sight = sight(Some(source(1, 2)), Some(target(2, 9)));
    assert_eq!(plan(&sight), []);
    assert_eq!(
        sight.mirror_set().topics[&TopicName::new("orders")].partitions,
        2
    );
}

#[test]
fn configs_are_altered_before_partitions_are_added() {
    let mut small = target(2, 1);
    small.configs.insert("retention.ms".into(), "1".into());
    let actions = plan(&sight(Some(source(1, 2)), Some(small)));
    let [
        Action::AlterConfigs { changes, .. },
        Action::CreatePartitions { .. },
    ] = &actions[..]
    else {
        panic!("{actions:?}");
    };
    assert_eq!(changes, &source(1, 2).configs);
}

#[test]
fn a_topic_created_again_or_gone_on_either_side_is_a_conflict() {
    let known = |source, target| knowing(sight(source, target), 1, 2, 3);
    assert_eq!(
        conflict_of(&known(Some(source(9, 3)), Some(target(2, 3)))),
        HaltCode::SourceRecreated
    );
    assert_eq!(
        conflict_of(&known(Some(source(1, 3)), Some(target(9, 3)))),
        HaltCode::TargetRecreated
    );
    assert_eq!(
        conflict_of(&known(None, Some(target(2, 3)))),
        HaltCode::SourceTopicMissing
    );
    assert_eq!(
        conflict_of(&known(Some(source(1, 3)), None)),
        HaltCode::TargetTopicMissing
    );
}

#[test]
fn another_source_topic_is_taken_where_the_policy_says_so() {
    let mut again = knowing(sight(Some(source(9, 2)), Some(target(2, 3))), 1, 2, 3);
    again.follows.insert("orders".into());
    assert_eq!(plan(&again), []);
    let set = again.mirror_set();
    let topic = &set.topics[&TopicName::new("orders")];
    assert_eq!(
        (topic.source_id, topic.partitions, &topic.conflict),
        (id(9), 2, &None)
    );
    let remembered = again.to_remember(&set);
    assert_eq!(remembered[&TopicName::new("orders")].source_id, id(9));
}

#[test]
fn a_mirror_created_anew_is_deleted_once_nobody_writes_and_created_once_it_is_gone() {
    let name = TopicName::new("orders");
    let mut sight = knowing(sight(Some(source(1, 3)), Some(target(2, 3))), 1, 2, 3);
    sight.reseeds.insert(name.clone(), id(2));
    let conflict = |sight: &Sight| {
        let set = sight.mirror_set();
        assert!(set.topics[&name].conflict.is_none() || sight.to_remember(&set).is_empty());
        set.topics[&name].conflict.clone().map(|reason| reason.code)
    };
    let waits = Some(HaltCode::TargetTopicMissing);
    assert_eq!((plan(&sight), conflict(&sight)), (vec![], waits));
    sight.stopped.insert(name.clone());
    assert!(matches!(plan(&sight)[..], [Action::DeleteTopic { .. }]));
    assert_eq!(conflict(&sight), waits);
    sight.target.clear();
    assert!(matches!(plan(&sight)[..], [Action::CreateTopic { .. }]));
    assert_eq!(conflict(&sight), waits);
    assert_eq!(sight.recreated().count(), 0);
    sight.target.insert("mirror".into(), target(5, 3));
    assert_eq!((plan(&sight), conflict(&sight)), (vec![], None));
    let remembered = sight.to_remember(&sight.mirror_set());
    let known = &remembered[&name];
    assert_eq!((known.target_id, known.reseeded), (id(5), Some(id(5))));
    assert_eq!(sight.recreated().count(), 1);
}

#[test]
fn without_topic_ids_fewer_partitions_show_that_a_topic_was_created_again() {
    let fewer = knowing(sight(Some(source(0, 2)), Some(target(0, 3))), 0, 0, 3);
    assert_eq!(conflict_of(&fewer), HaltCode::SourceRecreated);
    let same = knowing(sight(Some(source(0, 3)), Some(target(0, 3))), 0, 0, 3);
    assert_eq!(plan(&same), []);
}

#[test]
fn start_applies_to_what_the_first_look_found_and_to_nothing_later() {
    let orders = TopicName::new("orders");
    let mut grown = sight(Some(source(1, 4)), Some(target(2, 4)));
    grown.initial.insert(orders.clone(), 2);
    let topic = &grown.mirror_set().topics[&orders];
    assert!(topic.is_initial(crate::model::Partition(1)));
    assert!(!topic.is_initial(crate::model::Partition(2)));

    let later = sight(Some(source(1, 2)), Some(target(2, 2)));
    assert_eq!(later.mirror_set().topics[&orders].initial_partitions, 0);
}

#[test]
fn what_is_remembered_already_is_not_written_again_and_a_conflict_changes_nothing() {
    let mut fresh = sight(Some(source(1, 2)), Some(target(2, 2)));
    fresh.created.insert("orders".into());
    let mut again = fresh.clone();
    again.known = fresh.to_remember(&fresh.mirror_set());
    again.created.clear();
    assert!(again.known[&TopicName::new("orders")].created);
    assert_eq!(again.to_remember(&again.mirror_set()), BTreeMap::new());
    assert_eq!(
        MirrorSet::remembered(&again.known).topics,
        again.mirror_set().topics
    );

    again.source.insert("orders".into(), source(9, 2));
    assert_eq!(again.to_remember(&again.mirror_set()), BTreeMap::new());
}

#[test]
fn a_topic_that_may_not_be_created_is_shown_with_its_reason_and_not_remembered() {
    let mut sight = sight(Some(source(1, 2)), None);
    let reason = Reason::new(HaltCode::NotPermitted, "CREATE on mirror");
    sight.refused.insert("orders".into(), reason.clone());
    let set = sight.mirror_set();
    assert_eq!(set.topics, BTreeMap::new());
    let selected = &sight.selected()[&TopicName::new("orders")];
    let told = sight.unmirrored(&set, &"orders".into(), selected).unwrap();
    assert_eq!(told.obstacle, Obstacle::Refused(reason));
    assert_eq!(
        (told.partitions, told.mirror_topic.as_str()),
        (0..2, "mirror")
    );
    assert_eq!(sight.to_remember(&set), BTreeMap::new());
}

proptest! {
    #[test]
    fn planning_again_after_everything_was_done_finds_nothing_to_do(
        partitions in 1..9_i32, existing in prop::option::of(1..9_i32),
    ) {
        let mut sight = sight(Some(source(1, partitions)), existing.map(|count| target(2, count)));
        for action in plan(&sight) {
            match action {
                Action::CreateTopic { mirror, .. } => {
                    let NewMirror { name, partitions, configs, .. } = mirror;
                    let created = TargetTopic { id: id(2), partitions, configs };
                    sight.target.insert(name, created);
                }
                Action::CreatePartitions { target, count, .. } => {
                    sight.target.get_mut(&target).unwrap().partitions = count;
                }
                Action::AlterConfigs { target, changes, .. } => {
                    sight.target.get_mut(&target).unwrap().configs.extend(changes);
                }
                Action::DeleteTopic { .. } | Action::Conflict { .. } => {
                    panic!("nothing known, no conflict")
                },
            }
        }
        prop_assert_eq!(plan(&sight), []);
        prop_assert_eq!(sight.mirror_set().topics[&TopicName::new("orders")].partitions, partitions);
    }
}

#[test]
fn where_offsets_are_preserved_a_mirror_is_compacted_once_its_history_is_there() {
    let policy = |value: &str| ("cleanup.policy".to_owned(), value.to_owned());
    let mut topic = source(1, 1);
    topic.configs.extend([policy("compact")]);
    let mut sight = sight(Some(topic), None);
    sight.preserves = true;
    let [Action::CreateTopic { mirror, .. }] = &plan(&sight)[..] else {
        panic!("one creation expected");
    };
    let configs = mirror.configs.clone();
    assert_eq!(configs["cleanup.policy"], "delete");
    assert_eq!(configs["retention.ms"], "-1");
    let mirror = TargetTopic {
        configs,
        ..target(2, 1)
    };
    sight.target.insert("mirror".into(), mirror);
    assert_eq!(plan(&sight), [], "records without a key may still come");
    sight.live.insert("orders".into());
    let expected = Action::AlterConfigs {
        source: "orders".into(),
        target: "mirror".into(),
        changes: TopicConfigs::from([policy("compact")]),
    };
    assert_eq!(plan(&sight), [expected]);
}

#[test]
fn a_setting_that_the_link_leaves_alone_is_neither_set_nor_changed() {
    const LAG: &str = "min.compaction.lag.ms";
    let mut topic = source(1, 1);
    topic.configs.insert(LAG.to_owned(), "60000".to_owned());
    let planned = |existing: Option<TargetTopic>, left_alone: &[&'static str]| {
        let mut sight = sight(Some(topic.clone()), existing);
        sight.left_alone = left_alone.iter().copied().collect();
        match plan(&sight).as_slice() {
            [] => None,
            [Action::CreateTopic { mirror, .. }] => Some(mirror.configs.contains_key(LAG)),
            [Action::AlterConfigs { changes, .. }] => Some(changes.contains_key(LAG)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(planned(None, &[]), Some(true));
    assert_eq!(planned(None, &[LAG]), Some(false));
    assert_eq!(planned(Some(target(2, 1)), &[]), Some(true));
    assert_eq!(planned(Some(target(2, 1)), &[LAG]), None);
}
