//! The topic configs that decide whether a mirror can be exact, and what each must be on the mirror topic, by the rules of
//! `model::TOPIC_SETTINGS`.
//!
//! Effective values are copied, so that the clusters' differing defaults don't matter. Limits are only ever raised: a
//! mirror topic that keeps more than its source is the operator's choice. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{SettingRule, TopicSetting, mirrored_settings};

/// Config names and their effective values.
pub type TopicConfigs = BTreeMap<String, String>;

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
pub fn names() -> Vec<&'static str> {
    mirrored_settings().map(|it| it.name).collect()
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
    for TopicSetting { name, rule, .. } in mirrored_settings().filter(|it| is_known(it.name)) {
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

fn change<'a>(rule: SettingRule, source: Option<&'a str>, target: Option<&str>) -> Option<&'a str> {
    match rule {
        SettingRule::Set(value) => (target != Some(value)).then_some(value),
        SettingRule::SameList => source.filter(|it| target.map(list) != Some(list(it))),
        SettingRule::AtLeast(_) => {
            source.filter(|it| target.is_none_or(|target| amount(target) < amount(it)))
        }
        SettingRule::NotMirrored => None,
    }
}

/// How the value of a setting on a mirror topic relates to its source's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// Both mean the same.
    Same,
    /// They differ, and stay so.
    Differs,
    /// The mirror's is going to be changed.
    Changes,
}

/// Compares the values of a setting; `None` if the mirror's isn't known. Without a rule the setting is left alone.
pub fn likeness(
    rule: Option<SettingRule>,
    source: Option<&str>,
    target: Option<&str>,
) -> Option<Likeness> {
    let target = target?;
    let same = match rule {
        Some(SettingRule::SameList) => source.map(list) == Some(list(target)),
        Some(SettingRule::AtLeast(_)) => source.map(amount) == Some(amount(target)),
        Some(SettingRule::Set(_) | SettingRule::NotMirrored) | None => source == Some(target),
    };
    let changes = rule.and_then(|rule| change(rule, source, Some(target)));
    Some(match (changes, same) {
        (Some(_), _) => Likeness::Changes,
        (None, true) => Likeness::Same,
        (None, false) => Likeness::Differs,
    })
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
mod tests;
