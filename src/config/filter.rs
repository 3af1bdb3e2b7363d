//! The topics and groups of a link: which rules include or exclude a name.
//!
//! Promises: what is mirrored, what `explain` shows and what `check` reports are decided by the same functions,
//! [`TopicFilter::rules`] and [`GroupFilter::rules`]. Pure.

use std::collections::BTreeSet;

use regex::Regex;

use crate::error::{Error, Kind, Result};
use crate::model::{ClusterName, GroupId, Policy, TopicName};

use super::expression::{Expression, NamePattern};
use super::policies::PolicyRules;
use super::rule::{NameRule, RuleKind};

/// The suffix of Kafka Streams' repartition topics: it deletes records from them as soon as they have been read (H24).
const PURGED: &str = "-repartition";

/// Names that match at least one expression of `include` and none of `exclude`.
#[derive(Debug, Clone)]
struct Names {
    include: Vec<Expression>,
    exclude: Vec<Expression>,
}

/// An expression of `topics` or `groups` through which nothing is included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleExpression<N> {
    /// The expression as written.
    pub expression: String,
    /// The names that it matches, each with the rule that excludes it. Without any, the name that the expression is, if
    /// that would be excluded too.
    pub excluded: Vec<(N, NameRule)>,
}

impl Names {
    fn new(include: &[impl AsRef<str>], exclude: &[impl AsRef<str>]) -> Result<Self> {
        let compiled = |expressions: Vec<&str>| {
            let compiled = expressions.into_iter().map(Expression::new);
            let compiled: Result<Vec<Expression>, String> = compiled.collect();
            compiled.map_err(|message| Error::new(Kind::Invalid, message))
        };
        Ok(Self {
            include: compiled(include.iter().map(AsRef::as_ref).collect())?,
            exclude: compiled(exclude.iter().map(AsRef::as_ref).collect())?,
        })
    }

    /// What each expression of `include` matches, and whether any of it is excluded again.
    fn patterns(&self) -> (Vec<NamePattern>, bool) {
        let included = self.include.iter().map(Expression::names);
        (included.collect(), !self.exclude.is_empty())
    }

    /// The expressions that exclude a name.
    fn excluding<'a>(&'a self, name: &'a str) -> impl Iterator<Item = NameRule> + 'a {
        let matching = self.exclude.iter().filter(|it| it.matches(name));
        matching.map(|it| NameRule::excluded(it.written()))
    }

    /// The expressions that include a name, or the rule that there is none.
    fn including<'a>(&'a self, name: &'a str) -> impl Iterator<Item = NameRule> + 'a {
        let matching = self.include.iter().filter(|it| it.matches(name));
        let mut matching = matching.map(|it| NameRule::included(it.written()));
        let mut is_first = true;
        std::iter::from_fn(move || {
            let otherwise = std::mem::take(&mut is_first).then_some(RuleKind::NotIncluded);
            matching.next().or(otherwise.map(NameRule::from))
        })
    }

    /// The expressions of `include` that include none of the names in `decided`, which have the rules that decide on them;
    /// `decide` does that for a name that isn't among them.
    fn idle<N: Clone>(
        &self,
        decided: &[(N, NameRule)],
        text: fn(&N) -> &str,
        decide: impl Fn(&str) -> (N, NameRule),
    ) -> Vec<IdleExpression<N>> {
        let idle = |expression: &Expression| {
            let matching = decided
                .iter()
                .filter(|(it, _)| expression.matches(text(it)));
            let mut excluded: Vec<(N, NameRule)> = matching.cloned().collect();
            if excluded.is_empty() {
                let named = expression.literal().map(&decide);
                excluded.extend(named.filter(|(_, rule)| !rule.includes()));
            } else if excluded.iter().any(|(_, rule)| rule.includes()) {
                return None;
            }
            let expression = expression.written().to_string();
            Some(IdleExpression {
                expression,
                excluded,
            })
        };
        self.include.iter().filter_map(idle).collect()
    }
}

/// The topics of a link.
#[derive(Debug, Clone)]
pub struct TopicFilter {
    names: Names,
    copies: Option<Copies>,
    /// Quarantine topics of links to the source.
    quarantines: BTreeSet<TopicName>,
    policies: PolicyRules,
}

/// A topic that expressions select although it begins with the name of its own cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namesake {
    /// An expression is its literal name, so it is mirrored unless it is a mirror itself.
    Named,
    Unnamed,
}

/// Topics that prefix naming has made, by their names.
#[derive(Debug, Clone)]
struct Copies {
    /// Those that came from the target: clusters of the configuration at the front, and the target among them.
    from_target: Regex,
    /// The front of those that a service made which gives another cluster the source's name.
    from_namesake: String,
}

impl TopicFilter {
    /// Returns a filter for topics that match one of `include` and none of `exclude`. Expressions match whole names.
    ///
    /// Errors: [`Kind::Invalid`] for the first invalid expression.
    pub fn new(include: &[impl AsRef<str>], exclude: &[impl AsRef<str>]) -> Result<Self> {
        Ok(Self {
            names: Names::new(include, exclude)?,
            copies: None,
            quarantines: BTreeSet::new(),
            policies: PolicyRules::default(),
        })
    }

    pub(super) fn of(include: Vec<Expression>, exclude: Vec<Expression>) -> Self {
        Self {
            names: Names { include, exclude },
            copies: None,
            quarantines: BTreeSet::new(),
            policies: PolicyRules::default(),
        }
    }

    /// Excludes topics that were copied under `MirrorMaker` 2's names and would be mirrored in a circle: those that came from
    /// `target`, perhaps through other `clusters`, and those that begin with the name of `source`, where nothing is copied
    /// from, unless they are named literally.
    #[must_use]
    pub fn without_copies<'a>(
        mut self,
        source: &ClusterName,
        target: &ClusterName,
        clusters: impl IntoIterator<Item = &'a ClusterName>,
    ) -> Self {
        let clusters: Vec<String> = clusters
            .into_iter()
            .map(|name| regex::escape(name.as_str()))
            .collect();
        let [clusters, end] = [clusters.join("|"), regex::escape(target.as_str())];
        let from_target = format!(r"\A(?:(?:{clusters})\.)*{end}\.(?s:.*)\z");
        self.copies = Regex::new(&from_target).ok().map(|from_target| Copies {
            from_target,
            from_namesake: format!("{source}."),
        });
        self
    }

    /// Excludes the quarantine topics that other links have on the source.
    pub(super) fn leave_out_quarantines(&mut self, topics: BTreeSet<TopicName>) {
        self.quarantines = topics;
    }

    /// Includes purged topics, such as repartition topics, whose policy is to follow gaps: with another they would halt.
    #[must_use]
    pub fn with_purged_ones(mut self, policies: PolicyRules) -> Self {
        self.policies = policies;
        self
    }

    /// The rules that apply to a topic, at least one, in the order in which they decide: the first one does. `is_internal`
    /// is what the brokers say of the topic.
    pub fn rules<'a>(
        &'a self,
        topic: &'a TopicName,
        is_internal: bool,
    ) -> impl Iterator<Item = NameRule> + 'a {
        let name = topic.as_str();
        let is_quarantine = self.quarantines.contains(topic);
        let own = own(name)
            .or(is_internal.then_some(RuleKind::InternalTopic))
            .or(is_quarantine.then_some(RuleKind::FarshoreTopic));
        let copy = self.copy(name);
        let purged = std::iter::once_with(move || {
            let is_left_out = name.ends_with(PURGED) && !self.takes_purged(topic);
            is_left_out.then(|| NameRule::from(RuleKind::PurgedTopic))
        });
        let built_in = own.into_iter().chain(copy).map(NameRule::from);
        built_in
            .chain(self.names.excluding(name))
            .chain(purged.flatten())
            .chain(self.names.including(name))
    }

    /// The rule that decides on a topic.
    pub fn rule(&self, topic: &TopicName, is_internal: bool) -> NameRule {
        let first = self.rules(topic, is_internal).next();
        first.unwrap_or(RuleKind::NotIncluded.into())
    }

    /// Whether a topic begins with the source's own name, and would be mirrored if that didn't matter.
    pub fn namesake(&self, topic: &TopicName, is_internal: bool) -> Option<Namesake> {
        let copies = self.copies.as_ref()?;
        if !topic.as_str().starts_with(&copies.from_namesake) {
            return None;
        }
        let mut rules = self.rules(topic, is_internal);
        match rules.next()?.kind {
            RuleKind::Included => Some(Namesake::Named),
            RuleKind::CopyFromNamesake => rules.next()?.includes().then_some(Namesake::Unnamed),
            _ => None,
        }
    }

    /// Whether a topic of the source is mirrored.
    pub fn takes(&self, topic: &TopicName, is_internal: bool) -> bool {
        self.rule(topic, is_internal).includes()
    }

    /// Whether a topic that was mirrored before, or may be later, is included.
    pub fn matches(&self, topic: &TopicName) -> bool {
        self.takes(topic, false)
    }

    /// The topics that are named literally and included.
    pub fn named(&self) -> impl Iterator<Item = TopicName> + '_ {
        let literal = self.names.include.iter().filter_map(Expression::literal);
        literal.map(TopicName::new).filter(|it| self.matches(it))
    }

    /// Whether a purged topic is included explicitly: by an expression with the suffix, or by its policy.
    fn takes_purged(&self, topic: &TopicName) -> bool {
        let is_named =
            |it: &Expression| it.written().ends_with(PURGED) && it.matches(topic.as_str());
        self.names.include.iter().any(is_named) || self.policies.of(topic).gap == Policy::Follow
    }

    /// The expressions that cause none of these topics to be mirrored; each topic comes with what the brokers say of it.
    pub fn idle<'a>(
        &self,
        topics: impl Iterator<Item = (&'a TopicName, bool)>,
    ) -> Vec<IdleExpression<TopicName>> {
        let decided =
            topics.map(|(topic, is_internal)| (topic.clone(), self.rule(topic, is_internal)));
        let decided: Vec<(TopicName, NameRule)> = decided.collect();
        self.names.idle(&decided, TopicName::as_str, |name| {
            let topic = TopicName::new(name);
            let rule = self.rule(&topic, false);
            (topic, rule)
        })
    }

    /// What each expression in `topics` matches, and whether any of it is excluded again.
    pub fn patterns(&self) -> (Vec<NamePattern>, bool) {
        self.names.patterns()
    }

    /// The expressions that it includes, and all others that [`matches`](Self::matches) depends on.
    pub(super) fn expressions(&self) -> [Vec<String>; 2] {
        let texts = |all: &[Expression]| all.iter().map(|it| it.pattern().to_owned()).collect();
        let mut others: Vec<String> = texts(&self.names.exclude);
        others.extend(OWN.map(|(_, front, back)| {
            let [front, back] = [front, back].map(regex::escape);
            format!(r"\A{front}(?s:.*){back}\z")
        }));
        others.push(format!(r"\A(?s:.*){PURGED}\z"));
        let quarantines = self.quarantines.iter().map(|it| regex::escape(it.as_str()));
        others.extend(quarantines.map(|it| format!(r"\A{it}\z")));
        others.extend(self.policies.expressions().map(str::to_owned));
        if let Some(copies) = &self.copies {
            let namesake = regex::escape(&copies.from_namesake);
            others.push(copies.from_target.as_str().to_owned());
            others.push(format!(r"\A{namesake}(?s:.*)\z"));
        }
        [texts(&self.names.include), others]
    }

    /// The rule by which prefix naming has made the topic, as far as its name tells: `oslo.orders`, `rome.oslo.orders`.
    fn copy(&self, name: &str) -> Option<RuleKind> {
        let copies = self.copies.as_ref()?;
        if copies.from_target.is_match(name) {
            return Some(RuleKind::CopyFromTarget);
        }
        let mut names = self.names.include.iter().filter_map(Expression::literal);
        let is_copy = name.starts_with(&copies.from_namesake) && !names.any(|it| it == name);
        is_copy.then_some(RuleKind::CopyFromNamesake)
    }
}

/// The groups of a link.
#[derive(Debug, Clone)]
pub struct GroupFilter(Names);

impl GroupFilter {
    /// Returns a filter for groups that match one of `include` and none of `exclude`. Expressions match whole names.
    ///
    /// Errors: [`Kind::Invalid`] for the first invalid expression.
    pub fn new(include: &[impl AsRef<str>], exclude: &[impl AsRef<str>]) -> Result<Self> {
        Names::new(include, exclude).map(Self)
    }

    pub(super) fn of(include: Vec<Expression>, exclude: Vec<Expression>) -> Self {
        Self(Names { include, exclude })
    }

    /// What each expression in `groups` matches, and whether any of it is excluded again.
    pub fn patterns(&self) -> (Vec<NamePattern>, bool) {
        self.0.patterns()
    }

    /// The rules that apply to a group, at least one, in the order in which they decide: the first one does.
    pub fn rules<'a>(&'a self, group: &'a GroupId) -> impl Iterator<Item = NameRule> + 'a {
        let name = group.as_str();
        self.0.excluding(name).chain(self.0.including(name))
    }

    /// The rule that decides on a group.
    pub fn rule(&self, group: &GroupId) -> NameRule {
        let first = self.rules(group).next();
        first.unwrap_or(RuleKind::NotIncluded.into())
    }

    /// Whether the group's offsets are carried over.
    pub fn matches(&self, group: &GroupId) -> bool {
        self.rule(group).includes()
    }

    /// The expressions that cause none of these groups to be carried over.
    pub fn idle<'a>(
        &self,
        groups: impl Iterator<Item = &'a GroupId>,
    ) -> Vec<IdleExpression<GroupId>> {
        let decided: Vec<(GroupId, NameRule)> =
            groups.map(|it| (it.clone(), self.rule(it))).collect();
        self.0.idle(&decided, GroupId::as_str, |name| {
            let group = GroupId::new(name);
            let rule = self.rule(&group);
            (group, rule)
        })
    }
}

/// What the names of topics that are never mirrored begin and end with, whatever the expressions are: they contain internal
/// state of Kafka, farshore or `MirrorMaker` 2, which is useless on another cluster. The first rule decides.
const OWN: [(RuleKind, &str, &str); 8] = [
    (RuleKind::JournalTopic, "__farshore.", ""),
    (RuleKind::InternalTopic, "__", ""),
    (RuleKind::FarshoreTopic, "farshore-", ""),
    (RuleKind::MirrorMakerTopic, "", ".checkpoints.internal"),
    (RuleKind::MirrorMakerTopic, "mm2-offset-syncs.", ".internal"),
    (RuleKind::MirrorMakerTopic, "mm2-offsets.", ".internal"),
    (RuleKind::MirrorMakerTopic, "mm2-configs.", ".internal"),
    (RuleKind::MirrorMakerTopic, "mm2-status.", ".internal"),
];

fn own(topic: &str) -> Option<RuleKind> {
    let applies = |(_, front, back): &&(RuleKind, &str, &str)| {
        let stem = topic.strip_suffix(back);
        stem.is_some_and(|stem| stem.starts_with(front))
    };
    OWN.iter().find(applies).map(|(kind, ..)| *kind)
}

#[cfg(test)]
mod tests;
