//! Judges the expressions that select topics and groups: whether each selects anything, and what keeps it from doing so.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::config::{IdleExpression, NameRule, RuleKind};

use super::facts::{Found, LinkFacts};
use super::finding::{Finding, Severity, advice, finding, listed};

/// Returns the findings about expressions through which nothing is selected.
pub(super) fn findings(link: &LinkFacts, found: &Found) -> Vec<Finding> {
    let subject = format!("link {}", link.name);
    let source = &link.source;
    let topics = found.idle_topics.iter().map(|idle| {
        let what = format!("the expression {:?} in topics selects no topic of {source}", idle.expression);
        let otherwise = format!(
            "Correct the expression (it has to match whole names), create the topic on {source}, or grant Describe on it: what farshore may not see doesn't exist for it."
        );
        told(Severity::Problem, &subject, "topics", idle, what, otherwise)
    });
    let mut findings: Vec<Finding> = topics.collect();
    let hint = format!(
        "If there are groups to carry over, correct the expressions or grant Describe on the groups of {source}."
    );
    if found.groups == Some(0)
        && found
            .idle_groups
            .iter()
            .all(|idle| idle.excluded.is_empty())
    {
        let what = format!("groups selects no consumer group of {source}");
        findings.push(advice(&subject, what, hint));
        return findings;
    }
    findings.extend(found.idle_groups.iter().map(|idle| {
        let what = format!(
            "the expression {:?} in groups selects no consumer group of {source}",
            idle.expression
        );
        told(
            Severity::Advice,
            &subject,
            "groups",
            idle,
            what,
            hint.clone(),
        )
    }));
    findings
}

/// The finding about an expression in `list`: the rules that exclude what it matches, each with what to do about it, or
/// `otherwise` if it matches nothing.
fn told<N: Display>(
    severity: Severity,
    subject: &str,
    list: &str,
    idle: &IdleExpression<N>,
    what: String,
    otherwise: String,
) -> Finding {
    let mut by_rule: BTreeMap<&NameRule, Vec<&N>> = BTreeMap::new();
    for (name, rule) in &idle.excluded {
        by_rule.entry(rule).or_default().push(name);
    }
    if by_rule.is_empty() {
        return finding(severity, subject, what, otherwise);
    }
    let excluded = by_rule
        .iter()
        .map(|(rule, names)| format!("excluded: {} ({})", listed(names), rule.text(list)));
    let excluded: Vec<String> = excluded.collect();
    let mut fixes: Vec<String> = by_rule.keys().map(|rule| fix(rule, list)).collect();
    fixes.dedup();
    let what = format!("{what}; {}", excluded.join("; "));
    finding(severity, subject, what, fixes.join(" "))
}

/// What to do about an expression in `list` because of a rule that excludes what it matches.
fn fix(rule: &NameRule, list: &str) -> String {
    match (rule.kind, &rule.expression) {
        (RuleKind::Excluded, Some(by)) => format!(
            "Change {by:?} in {list}_exclude if it is not meant to exclude that, or remove the expression from {list}."
        ),
        (RuleKind::PurgedTopic, _) => {
            "Write an expression that ends with \"-repartition\", set on_gap = \"follow\" for the topic, or remove the expression.".to_owned()
        }
        (RuleKind::CopyFromNamesake, _) => {
            format!("Name the topic literally in {list} if it isn't a mirror that another service made, or remove the expression.")
        }
        (RuleKind::CopyFromTarget, _) => {
            "Remove the expression: with naming = \"prefix\", such topics count as mirrors of the target's own.".to_owned()
        }
        _ => "Remove the expression: no setting includes what it matches.".to_owned(),
    }
}
