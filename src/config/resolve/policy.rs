//! What a link does when it would have to guess: so far it always halts the partition.

use super::super::field::{At, Field};
use super::super::problem::Problems;
use super::super::raw::{RawOverride, RawPolicies};
use super::super::values::not_one_of;
use super::link::compiled;

/// Checks that the policies of a link and of its overrides are ones this version follows.
pub(super) fn check(policies: &RawPolicies, overrides: &[RawOverride], problems: &Problems) {
    check_policies(policies, problems);
    for over in overrides {
        check_policies(&over.policies, problems);
        let topics = over.topics.clone();
        if let Some(topics) = topics.required("topics", &over.place, problems) {
            compiled(&topics.value, problems);
        }
    }
}

fn check_policies(policies: &RawPolicies, problems: &Problems) {
    check_policy(&policies.gap, &["halt", "follow"], problems);
    check_policy(&policies.recreate, &["halt", "follow", "reseed"], problems);
    check_policy(&policies.truncate, &["halt", "follow", "reseed"], problems);
    check_policy(&policies.foreign_write, &["halt", "adopt"], problems);
    check_policy(&policies.refused, &["halt", "skip_with_receipt"], problems);
}

fn check_policy(policy: &Field<String>, known: &[&'static str], problems: &Problems) {
    let Field::Given(At { value, place }) = policy else {
        return;
    };
    if value == "halt" {
        return;
    }
    problems.add(
        place,
        if known.contains(&value.as_str()) {
            format!("{value:?} is not available in this version; only \"halt\" is")
        } else {
            not_one_of(value, known.iter().copied())
        },
    );
}
