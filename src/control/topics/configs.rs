//! The topic configs that decide whether a mirror can be exact, and what each must be on the mirror topic.
//!
//! Effective values are copied, so that the clusters' differing defaults don't matter. Limits are only ever raised: a
//! mirror topic that keeps more than its source is the operator's choice. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// Config names and their effective values.
pub type TopicConfigs = BTreeMap<String, String>;

/// The requirement on a mirror topic's config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// This value, whatever the source has.
    Always(&'static str),
    /// The source's list, in any order.
    SameList,
    /// The source's number or more; a negative number means unlimited.
    AtLeast,
}

/// The rule for each copied config. Record timestamps are copied, so the target must neither replace nor refuse them, and
/// bytes are forwarded unchanged.
const RULES: [(&str, Rule); 12] = [
    ("cleanup.policy", Rule::SameList),
    ("compression.type", Rule::Always("producer")),
    ("delete.retention.ms", Rule::AtLeast),
    ("max.compaction.lag.ms", Rule::AtLeast),
    ("max.message.bytes", Rule::AtLeast),
    ("message.timestamp.after.max.ms", Rule::Always(UNLIMITED)),
    ("message.timestamp.before.max.ms", Rule::Always(UNLIMITED)),
    (
        "message.timestamp.difference.max.ms",
        Rule::Always(UNLIMITED),
    ),
    ("message.timestamp.type", Rule::Always("CreateTime")),
    ("min.compaction.lag.ms", Rule::AtLeast),
    ("retention.bytes", Rule::AtLeast),
    ("retention.ms", Rule::AtLeast),
];

const UNLIMITED: &str = "9223372036854775807";
const CLEANUP_POLICY: &str = "cleanup.policy";
const RETENTION: [&str; 2] = ["retention.bytes", "retention.ms"];

/// The broker configs that reveal whether a broker has a topic config not present in every version: the before and after
/// limits were added in 3.6, the difference limit was removed in 4.0. Where all three exist, the difference limit overrides
/// the defaults of the others.
const VERSION_BOUND: [(&str, &str); 3] = [
    (
        "message.timestamp.after.max.ms",
        "log.message.timestamp.after.max.ms",
    ),
    (
        "message.timestamp.before.max.ms",
        "log.message.timestamp.before.max.ms",
    ),
    (
        "message.timestamp.difference.max.ms",
        "log.message.timestamp.difference.max.ms",
    ),
];

/// The names of the topic configs this module reads; others need not be described.
pub fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(name, _)| *name)
}

/// The configs of a new mirror topic, from the source topic's configs and the names of the target brokers' configs.
pub fn initial(source: &TopicConfigs, broker_configs: &BTreeSet<String>) -> TopicConfigs {
    changes(source, &TopicConfigs::new(), broker_configs)
}

/// The configs to change on an existing mirror topic.
pub fn changes(
    source: &TopicConfigs,
    target: &TopicConfigs,
    broker_configs: &BTreeSet<String>,
) -> TopicConfigs {
    let mut changes = TopicConfigs::new();
    let is_known = |name| known(name, broker_configs) || target.contains_key(name);
    for (name, rule) in RULES.iter().filter(|(name, _)| is_known(name)) {
        let theirs = source.get(*name).map(String::as_str);
        let ours = target.get(*name).map(String::as_str);
        if let Some(value) = change(*rule, theirs, ours) {
            changes.insert((*name).to_owned(), value.to_owned());
        }
    }
    changes
}

fn known(name: &str, broker_configs: &BTreeSet<String>) -> bool {
    VERSION_BOUND
        .iter()
        .find(|(bound, _)| *bound == name)
        .is_none_or(|(_, broker_config)| broker_configs.contains(*broker_config))
}

fn change<'a>(rule: Rule, source: Option<&'a str>, target: Option<&str>) -> Option<&'a str> {
    match rule {
        Rule::Always(value) => (target != Some(value)).then_some(value),
        Rule::SameList => source.filter(|source| target.map(list) != Some(list(source))),
        Rule::AtLeast => source.filter(|source| target.is_none_or(|t| amount(t) < amount(source))),
    }
}

fn list(value: &str) -> BTreeSet<&str> {
    value.split(',').map(str::trim).collect()
}

/// A limit as a comparable number. A limit that isn't a number is less than any other, so that it gets replaced.
fn amount(value: &str) -> i64 {
    match value.trim().parse::<i64>() {
        Ok(number) if number < 0 => i64::MAX,
        Ok(number) => number,
        Err(_) => i64::MIN,
    }
}

/// The configs of a new mirror topic with preserved offsets: nothing is compacted, and a compacted history doesn't expire.
///
/// A compacted topic rejects records without a key, such as those that fill the offsets before its first record, and allows
/// no record deletion. So its mirror has `cleanup.policy=delete` until history is mirrored. Whether that is still pending can
/// be seen from the policies themselves.
pub(super) fn uncompacted(mut configs: TopicConfigs) -> TopicConfigs {
    if compacts(&configs) {
        configs.insert(CLEANUP_POLICY.to_owned(), "delete".to_owned());
        for limit in RETENTION {
            configs.insert(limit.to_owned(), "-1".to_owned());
        }
    }
    configs
}

/// The subset of `changes` that may be made before history is mirrored.
pub(super) fn early_changes(mut changes: TopicConfigs) -> TopicConfigs {
    changes.remove(CLEANUP_POLICY);
    changes
}

/// The changes to make once history is mirrored: the policy, and the limits that were lifted for backfilling.
pub(super) fn late_changes(mut changes: TopicConfigs, source: &TopicConfigs) -> TopicConfigs {
    if compacts(&changes) && has(&changes, "delete") {
        for limit in RETENTION {
            if let Some(theirs) = source.get(limit) {
                changes.insert(limit.to_owned(), theirs.clone());
            }
        }
    }
    changes
}

/// How long a topic with these configs keeps tombstones, in milliseconds; `None` if it isn't compacted.
pub(super) fn keeps_tombstones_ms(configs: &TopicConfigs) -> Option<i64> {
    let kept = configs.get("delete.retention.ms")?;
    kept.parse().ok().filter(|_| compacts(configs))
}

/// Whether a topic with these configs is compacted.
pub(super) fn compacts(configs: &TopicConfigs) -> bool {
    has(configs, "compact")
}

fn has(configs: &TopicConfigs, policy: &str) -> bool {
    let policies = configs.get(CLEANUP_POLICY).map_or("", String::as_str);
    policies.split(',').any(|one| one.trim() == policy)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
}
