//! Resolves a link's policies and their exceptions.

use serde::Deserialize;
use toml::Spanned;

use super::super::document::Section;
use super::super::expression::Expression;
use super::super::policies::{Exception, Given, PolicyRules};
use super::super::problem::Problems;
use super::super::unknown::unknown_value;
use crate::model::Policy;

/// The keys of a section of overrides.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Override {
    topics: Option<Vec<Spanned<String>>>,
    on_gap: PolicyWord,
    on_recreate: PolicyWord,
    on_truncate: PolicyWord,
    on_foreign_write: PolicyWord,
    on_refused: PolicyWord,
    on_corrupt: PolicyWord,
    on_target_truncate: PolicyWord,
}

/// A policy by name; each key accepts only some.
pub(super) type PolicyWord = Option<Spanned<String>>;

/// The policies of a link with its overrides.
pub(super) fn resolve(
    words: [PolicyWord; 7],
    overrides: Vec<Spanned<Section<Override>>>,
    problems: &Problems<'_>,
) -> PolicyRules {
    let exceptions = overrides.into_iter().filter_map(|section| {
        let span = section.span();
        let Section(it) = section.into_inner();
        let words = [
            it.on_gap,
            it.on_recreate,
            it.on_truncate,
            it.on_foreign_write,
            it.on_refused,
            it.on_corrupt,
            it.on_target_truncate,
        ];
        let given = given(words, problems);
        let topics = problems.required(it.topics, &span, "topics")?;
        let topics = Expression::of_topics(&topics, problems).into_iter();
        let topics = topics.map(Spanned::into_inner).collect();
        Some(Exception { topics, given })
    });
    let exceptions = exceptions.collect();
    PolicyRules::new(given(words, problems), exceptions)
}

/// The policies of these words, in the order of the keys.
fn given(words: [PolicyWord; 7], problems: &Problems<'_>) -> Given {
    let policy = |word: PolicyWord, known: &[Policy]| {
        let word = word?;
        let policy = Policy::of(word.get_ref()).filter(|policy| known.contains(policy));
        let known: Vec<&str> = known.iter().map(|policy| policy.as_str()).collect();
        let refused = || unknown_value(word.get_ref(), &known);
        problems.checked(&word.span(), policy.ok_or_else(refused))
    };
    let [
        gap,
        recreate,
        truncate,
        foreign_write,
        refused,
        corrupt,
        target_truncate,
    ] = words;
    let follow = [Policy::Halt, Policy::Follow];
    let follow_or_reseed = [Policy::Halt, Policy::Follow, Policy::Reseed];
    let skip = [Policy::Halt, Policy::SkipWithReceipt];
    Given {
        gap: policy(gap, &follow),
        recreate: policy(recreate, &follow_or_reseed),
        truncate: policy(truncate, &follow_or_reseed),
        foreign_write: policy(foreign_write, &[Policy::Halt, Policy::Adopt]),
        refused: policy(refused, &skip),
        corrupt: policy(corrupt, &skip),
        target_truncate: policy(target_truncate, &follow),
    }
}
