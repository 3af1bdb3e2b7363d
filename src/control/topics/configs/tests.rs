use proptest::prelude::*;

use super::*;
use crate::model::{SettingNeed, UNLIMITED};

fn configs(pairs: &[(&str, &str)]) -> TopicConfigs {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn brokers(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_new_mirror_takes_what_decides_correctness_and_nothing_else() {
    let source = configs(&[
        ("cleanup.policy", "compact"),
        ("max.message.bytes", "2000000"),
        ("message.timestamp.type", "LogAppendTime"),
        ("compression.type", "zstd"),
        ("segment.bytes", "1000"),
        ("min.insync.replicas", "2"),
        ("retention.ms", "-1"),
    ]);
    let expected = configs(&[
        ("cleanup.policy", "compact"),
        ("compression.type", "producer"),
        ("max.message.bytes", "2000000"),
        ("message.timestamp.after.max.ms", UNLIMITED),
        ("message.timestamp.before.max.ms", UNLIMITED),
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "-1"),
    ]);
    let newer = brokers(&[
        "log.message.timestamp.after.max.ms",
        "log.message.timestamp.before.max.ms",
    ]);
    assert_eq!(initial(&source, &newer), expected);
}

#[test]
fn timestamp_limits_are_those_the_target_knows() {
    let older = initial(
        &TopicConfigs::new(),
        &brokers(&["log.message.timestamp.difference.max.ms"]),
    );
    assert!(older.contains_key("message.timestamp.difference.max.ms"));
    assert!(!older.contains_key("message.timestamp.after.max.ms"));
    assert!(!older.contains_key("message.timestamp.before.max.ms"));
}

#[test]
fn a_limit_that_a_mirror_topic_shows_is_known_without_asking_the_brokers() {
    let mut target = initial(&TopicConfigs::new(), &BTreeSet::new());
    target.insert("message.timestamp.after.max.ms".into(), "3600000".into());
    let opened = configs(&[("message.timestamp.after.max.ms", UNLIMITED)]);
    assert_eq!(
        changes(&TopicConfigs::new(), &target, &BTreeSet::new()),
        opened
    );
}

#[test]
fn a_mirror_that_keeps_more_is_left_alone_and_one_that_keeps_less_is_raised() {
    let source = configs(&[("retention.ms", "1000"), ("retention.bytes", "-1")]);
    let target = |ms: &str, bytes: &str| {
        let mut target = initial(&source, &BTreeSet::new());
        target.insert("retention.ms".into(), ms.into());
        target.insert("retention.bytes".into(), bytes.into());
        target
    };
    let change = |ms, bytes| changes(&source, &target(ms, bytes), &BTreeSet::new());
    assert_eq!(change("-1", "-1"), TopicConfigs::new());
    assert_eq!(change("5000", "-1"), TopicConfigs::new());
    assert_eq!(change("999", "-1"), configs(&[("retention.ms", "1000")]));
    assert_eq!(change("1000", "5"), configs(&[("retention.bytes", "-1")]));
}

#[test]
fn cleanup_policies_are_lists_without_order() {
    let source = configs(&[("cleanup.policy", "compact,delete")]);
    let with = |policy: &str| {
        let mut target = initial(&source, &BTreeSet::new());
        target.insert("cleanup.policy".into(), policy.into());
        changes(&source, &target, &BTreeSet::new())
    };
    assert_eq!(with("delete, compact"), TopicConfigs::new());
    assert_eq!(with("delete"), source);
}

proptest! {
    #[test]
    fn changes_applied_once_leave_nothing_to_change(
        source in prop::collection::vec(-1_i64..5, 5),
        target in prop::collection::vec(-1_i64..5, 5),
    ) {
        let numbers = ["retention.ms", "retention.bytes", "max.message.bytes", "delete.retention.ms", "min.compaction.lag.ms"];
        let to_configs = |values: Vec<i64>| -> TopicConfigs {
            numbers.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_string())).collect()
        };
        let (source, mut target) = (to_configs(source), to_configs(target));
        let before = target.clone();
        target.extend(changes(&source, &target, &BTreeSet::new()));
        prop_assert_eq!(changes(&source, &target, &BTreeSet::new()), TopicConfigs::new());
        for name in numbers {
            prop_assert!(amount(&target[name]) >= amount(&before[name]), "{} shrank", name);
        }
    }
}

#[test]
fn a_compacted_topic_is_created_as_one_that_keeps_everything() {
    let expected = configs(&[
        ("cleanup.policy", "delete"),
        ("retention.bytes", "-1"),
        ("retention.ms", "-1"),
    ]);
    let source = [("cleanup.policy", "compact"), ("retention.ms", "1000")];
    assert_eq!(uncompacted(configs(&source)), expected);
    let deleted = configs(&[("cleanup.policy", "delete"), ("retention.ms", "1000")]);
    assert_eq!(uncompacted(deleted.clone()), deleted);
}

#[test]
fn the_policy_waits_and_brings_the_limits_with_it() {
    let source = configs(&[("cleanup.policy", "compact,delete"), ("retention.ms", "7")]);
    let changes = configs(&[("cleanup.policy", "compact,delete"), ("a", "b")]);
    assert_eq!(early_changes(changes.clone()), configs(&[("a", "b")]));
    let mut expected = changes.clone();
    expected.insert("retention.ms".to_owned(), "7".to_owned());
    assert_eq!(late_changes(changes, &source), expected);
    let compacted = configs(&[("cleanup.policy", "compact")]);
    assert_eq!(late_changes(compacted.clone(), &source), compacted);
}

#[test]
fn what_a_setting_on_the_mirror_has_to_do_with_its_source_is_told() {
    use Likeness::{Changes, Differs, Same};
    let at_least = Some(SettingRule::AtLeast(SettingNeed::Exactness));
    let set = Some(SettingRule::Set("producer"));
    for (rule, source, target, expected) in [
        (at_least, Some("5"), Some("5"), Some(Same)),
        (at_least, Some("-1"), Some("-2"), Some(Same)),
        (at_least, Some("5"), Some("-1"), Some(Differs)),
        (at_least, Some("5"), Some("4"), Some(Changes)),
        (at_least, Some("5"), None, None),
        (at_least, None, Some("4"), Some(Differs)),
        (set, Some("zstd"), Some("producer"), Some(Differs)),
        (set, Some("producer"), Some("producer"), Some(Same)),
        (set, Some("zstd"), Some("zstd"), Some(Changes)),
        (
            Some(SettingRule::SameList),
            Some("a,b"),
            Some("b, a"),
            Some(Same),
        ),
        (
            Some(SettingRule::SameList),
            Some("a,b"),
            Some("a"),
            Some(Changes),
        ),
        (None, Some("5"), Some("4"), Some(Differs)),
        (None, Some("5"), Some("5"), Some(Same)),
    ] {
        let found = likeness(rule, source, target);
        assert_eq!(found, expected, "{rule:?} {source:?} {target:?}");
    }
}
