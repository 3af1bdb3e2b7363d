//! Resolves a link's policies and their exceptions.

use super::super::field::Field;
use super::super::filter::compiled;
use super::super::policies::{Exception, Given, PolicyRules};
use super::super::problem::Problems;
use super::super::raw::{RawOverride, RawPolicies};
use super::super::values::one_of;
use crate::model::Policy;

/// The values of a policy key.
type Words = &'static [(&'static str, Policy)];

const FOLLOW: Words = &[("halt", Policy::Halt), ("follow", Policy::Follow)];
const FOLLOW_OR_RESEED: Words = &[
    ("halt", Policy::Halt),
    ("follow", Policy::Follow),
    ("reseed", Policy::Reseed),
];
const ADOPT: Words = &[("halt", Policy::Halt), ("adopt", Policy::Adopt)];
const SKIP: Words = &[
    ("halt", Policy::Halt),
    ("skip_with_receipt", Policy::SkipWithReceipt),
];

/// The policies of a link with its overrides.
pub(super) fn resolve(
    policies: RawPolicies,
    overrides: Vec<RawOverride>,
    problems: &Problems,
) -> PolicyRules {
    let exceptions = overrides.into_iter().filter_map(|over| {
        let given = given(over.policies, problems);
        let topics = over.topics.required("topics", &over.place, problems)?;
        Some(Exception {
            topics: compiled(&topics.value, problems),
            given,
        })
    });
    let exceptions = exceptions.collect();
    PolicyRules::new(given(policies, problems), exceptions)
}

fn given(raw: RawPolicies, problems: &Problems) -> Given {
    let word = |field: Field<String>, words: Words| {
        let field = field.parse(problems, one_of(words));
        field.given().map(|given| given.value)
    };
    Given {
        gap: word(raw.gap, FOLLOW),
        recreate: word(raw.recreate, FOLLOW_OR_RESEED),
        truncate: word(raw.truncate, FOLLOW_OR_RESEED),
        foreign_write: word(raw.foreign_write, ADOPT),
        refused: word(raw.refused, SKIP),
        target_truncate: word(raw.target_truncate, FOLLOW),
    }
}
