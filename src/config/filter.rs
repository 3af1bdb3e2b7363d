//! The topics and groups of a link: anchored regular expressions, and what is never mirrored.

use regex::Regex;
use toml::Spanned;

use crate::error::{Error, Kind, Result};
use crate::model::{ClusterName, GroupId, Policy, TopicName};

use super::policies::PolicyRules;
use super::problem::Problems;

/// The suffix of Kafka Streams' repartition topics: it deletes records from them as soon as they have been read (H24).
const PURGED: &str = "-repartition";

/// Matches whole names: at least one expression of `include`, none of `exclude`.
#[derive(Debug, Clone)]
struct Names {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl Names {
    fn new(include: &[impl AsRef<str>], exclude: &[impl AsRef<str>]) -> Result<Self> {
        let compiled = |expressions: Vec<&str>| {
            let compiled: Result<Vec<Regex>, String> =
                expressions.into_iter().map(anchored).collect();
            compiled.map_err(|message| Error::new(Kind::Invalid, message))
        };
        Ok(Self {
            include: compiled(include.iter().map(AsRef::as_ref).collect())?,
            exclude: compiled(exclude.iter().map(AsRef::as_ref).collect())?,
        })
    }

    fn matches(&self, name: &str) -> bool {
        self.include.iter().any(|regex| regex.is_match(name))
            && !self.exclude.iter().any(|regex| regex.is_match(name))
    }
}

/// Compiles an expression so that it matches whole names only.
pub(super) fn anchored(expression: &str) -> Result<Regex, String> {
    let refused = |error: &regex::Error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or_default();
        let reason = reason.trim_start_matches("error: ");
        format!("not a regular expression: {expression:?}: {reason}")
    };
    Regex::new(expression)
        .and_then(|_| Regex::new(&format!("{FRONT}{expression}{BACK}")))
        .map_err(|error| refused(&error))
}

/// Compiles expressions; invalid ones are reported as problems.
pub(super) fn compiled(expressions: &[Spanned<String>], problems: &Problems<'_>) -> Vec<Regex> {
    let compiled = expressions.iter().filter_map(|expression| {
        problems.checked(&expression.span(), anchored(expression.get_ref()))
    });
    compiled.collect()
}

/// The anchors around an expression that has to match whole names.
const FRONT: &str = r"\A(?:";
const BACK: &str = r")\z";

/// The expression as written, without the anchors.
fn written(anchored: &Regex) -> &str {
    let text = anchored.as_str();
    let inner = text
        .strip_prefix(FRONT)
        .and_then(|text| text.strip_suffix(BACK));
    inner.unwrap_or(text)
}

/// The topic if an expression is plainly a single topic: letters, digits, `_`, `-`, and escaped or bare dots.
pub(super) fn literal(expression: &str) -> Option<TopicName> {
    let name = expression.replace("\\.", ".");
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then(|| TopicName::new(name))
}

/// The topics of a link.
#[derive(Debug, Clone)]
pub struct TopicFilter {
    names: Names,
    copies: Option<Copies>,
    policies: PolicyRules,
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
            policies: PolicyRules::default(),
        })
    }

    pub(super) fn of(include: Vec<Regex>, exclude: Vec<Regex>) -> Self {
        Self {
            names: Names { include, exclude },
            copies: None,
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

    /// Includes purged topics, such as repartition topics, whose policy is to follow gaps: with another they would halt.
    #[must_use]
    pub fn with_purged_ones(mut self, policies: PolicyRules) -> Self {
        self.policies = policies;
        self
    }

    /// Whether the topic is mirrored.
    pub fn matches(&self, topic: &TopicName) -> bool {
        let name = topic.as_str();
        !is_internal(name)
            && !self.is_copy(name)
            && self.names.matches(name)
            && (!name.ends_with(PURGED) || self.takes_purged(topic))
    }

    /// Whether a purged topic is included explicitly: by an expression with the suffix, or by its policy.
    fn takes_purged(&self, topic: &TopicName) -> bool {
        let is_named =
            |regex: &Regex| written(regex).ends_with(PURGED) && regex.is_match(topic.as_str());
        self.names.include.iter().any(is_named) || self.policies.of(topic).gap == Policy::Follow
    }

    /// The expressions, as written, that cause none of these topics to be mirrored.
    pub fn idle(&self, topics: &[&TopicName]) -> Vec<&str> {
        let is_idle = |regex: &&Regex| {
            !topics
                .iter()
                .any(|topic| regex.is_match(topic.as_str()) && self.matches(topic))
        };
        let idle = self.names.include.iter().filter(is_idle);
        idle.map(written).collect()
    }

    /// The expressions that it includes, and all others that [`matches`](Self::matches) depends on.
    pub(super) fn expressions(&self) -> [Vec<String>; 2] {
        let texts = |all: &[Regex]| all.iter().map(|it| it.as_str().to_owned()).collect();
        let mut others: Vec<String> = texts(&self.names.exclude);
        others.extend(INTERNAL.map(str::to_owned));
        others.push(format!(r"\A(?s:.*){PURGED}\z"));
        others.extend(self.policies.expressions().map(str::to_owned));
        if let Some(copies) = &self.copies {
            let namesake = regex::escape(&copies.from_namesake);
            others.push(copies.from_target.as_str().to_owned());
            others.push(format!(r"\A{namesake}(?s:.*)\z"));
        }
        [texts(&self.names.include), others]
    }

    /// Whether prefix naming has made the topic, as far as its name tells: `oslo.orders`, `rome.oslo.orders`.
    fn is_copy(&self, name: &str) -> bool {
        let is_named = || {
            let mut expressions = self.names.include.iter().map(written);
            expressions.any(|it| literal(it).is_some_and(|topic| topic.as_str() == name))
        };
        self.copies.as_ref().is_some_and(|copies| {
            copies.from_target.is_match(name)
                || name.starts_with(&copies.from_namesake) && !is_named()
        })
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

    pub(super) fn of(include: Vec<Regex>, exclude: Vec<Regex>) -> Self {
        Self(Names { include, exclude })
    }

    /// Whether the group's offsets are carried over.
    pub fn matches(&self, group: &GroupId) -> bool {
        self.0.matches(group.as_str())
    }
}

/// Expressions of the names for which [`is_internal`] is true.
const INTERNAL: [&str; 3] = [
    r"\A(?:__|farshore-)(?s:.*)\z",
    r"\A(?s:.*)\.checkpoints\.internal\z",
    r"\Amm2-(?:offset-syncs|offsets|configs|status)\.(?s:.*)\.internal\z",
];

/// Whether a topic contains the internal state of Kafka, farshore or `MirrorMaker` 2, which is useless on another cluster.
fn is_internal(topic: &str) -> bool {
    let mirror_maker = topic.strip_suffix(".internal").is_some_and(|stem| {
        let own = [
            "mm2-offset-syncs.",
            "mm2-offsets.",
            "mm2-configs.",
            "mm2-status.",
        ];
        stem.ends_with(".checkpoints") || own.iter().any(|prefix| stem.starts_with(prefix))
    });
    mirror_maker || topic.starts_with("__") || topic.starts_with("farshore-")
}

#[cfg(test)]
mod tests;
