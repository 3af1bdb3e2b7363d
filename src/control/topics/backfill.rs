//! The configs of mirror topics with preserved offsets, until history is mirrored.
//!
//! A compacted topic rejects records without a key, such as those that fill the offsets before its first record, and allows
//! no record deletion. Its mirror is therefore created with `cleanup.policy=delete`, which is later changed to the source's
//! policy. Whether that is still pending can be seen from the policies themselves. Pure.

use super::configs::TopicConfigs;

const POLICY: &str = "cleanup.policy";
const RETENTION: [&str; 2] = ["retention.bytes", "retention.ms"];

/// The configs of a new mirror topic: nothing is compacted, and a compacted history doesn't expire.
pub(super) fn initial(mut configs: TopicConfigs) -> TopicConfigs {
    if compacts(&configs) {
        configs.insert(POLICY.to_owned(), "delete".to_owned());
        for limit in RETENTION {
            configs.insert(limit.to_owned(), "-1".to_owned());
        }
    }
    configs
}

/// The subset of `changes` that may be made before history is mirrored.
pub(super) fn early(mut changes: TopicConfigs) -> TopicConfigs {
    changes.remove(POLICY);
    changes
}

/// The changes to make once history is mirrored: the policy, and the limits that were lifted for backfilling.
pub(super) fn late(mut changes: TopicConfigs, source: &TopicConfigs) -> TopicConfigs {
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
    let policies = configs.get(POLICY).map_or("", String::as_str);
    policies.split(',').any(|one| one.trim() == policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(pairs: &[(&str, &str)]) -> TopicConfigs {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn a_compacted_topic_is_created_as_one_that_keeps_everything() {
        let expected = configs(&[
            ("cleanup.policy", "delete"),
            ("retention.bytes", "-1"),
            ("retention.ms", "-1"),
        ]);
        let source = [("cleanup.policy", "compact"), ("retention.ms", "1000")];
        assert_eq!(initial(configs(&source)), expected);
        let deleted = configs(&[("cleanup.policy", "delete"), ("retention.ms", "1000")]);
        assert_eq!(initial(deleted.clone()), deleted);
    }

    #[test]
    fn the_policy_waits_and_brings_the_limits_with_it() {
        let source = configs(&[("cleanup.policy", "compact,delete"), ("retention.ms", "7")]);
        let changes = configs(&[("cleanup.policy", "compact,delete"), ("a", "b")]);
        assert_eq!(early(changes.clone()), configs(&[("a", "b")]));
        let mut expected = changes.clone();
        expected.insert("retention.ms".to_owned(), "7".to_owned());
        assert_eq!(late(changes, &source), expected);
        let compacted = configs(&[("cleanup.policy", "compact")]);
        assert_eq!(late(compacted.clone(), &source), compacted);
    }
}
