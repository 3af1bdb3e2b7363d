//! The policies of a link, per topic, its limits for preserving offsets, and its rules for ACLs.

use std::time::Duration;

use serde::Deserialize;

use crate::model::{HaltCode, Policies, Policy, TopicName};

use super::defaults;
use super::expression::Expression;

/// The policies of a link for situations in which it would otherwise have to guess, with exceptions for some topics.
#[derive(Debug, Clone, Default)]
pub struct PolicyRules {
    link: Policies,
    exceptions: Vec<Exception>,
}

/// Policies for some topics; a policy not given is the link's.
#[derive(Debug, Clone)]
pub(super) struct Exception {
    pub(super) topics: Vec<Expression>,
    pub(super) given: Given,
}

/// The policies given in a section.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Given {
    pub(super) gap: Option<Policy>,
    pub(super) recreate: Option<Policy>,
    pub(super) truncate: Option<Policy>,
    pub(super) foreign_write: Option<Policy>,
    pub(super) refused: Option<Policy>,
    pub(super) corrupt: Option<Policy>,
    pub(super) target_truncate: Option<Policy>,
}

impl Given {
    /// Returns these policies, completed from `others`.
    fn or(self, others: Policies) -> Policies {
        Policies {
            gap: self.gap.unwrap_or(others.gap),
            recreate: self.recreate.unwrap_or(others.recreate),
            truncate: self.truncate.unwrap_or(others.truncate),
            foreign_write: self.foreign_write.unwrap_or(others.foreign_write),
            refused: self.refused.unwrap_or(others.refused),
            corrupt: self.corrupt.unwrap_or(others.corrupt),
            target_truncate: self.target_truncate.unwrap_or(others.target_truncate),
        }
    }
}

impl PolicyRules {
    pub(super) fn new(link: Given, exceptions: Vec<Exception>) -> Self {
        Self {
            link: link.or(Policies::HALT),
            exceptions,
        }
    }

    /// The expressions of the exceptions' topics.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &str> {
        let topics = self.exceptions.iter().flat_map(|it| &it.topics);
        topics.map(Expression::pattern)
    }

    /// Whether any topic may have this policy.
    pub fn uses(&self, policy: Policy) -> bool {
        let exceptions = self.exceptions.iter();
        let mut all = exceptions
            .map(|it| it.given.or(self.link))
            .chain([self.link]);
        all.any(|it| HaltCode::ALL.iter().any(|code| it.on(*code) == policy))
    }

    /// The policies of a topic, by its name on the source: the first matching exception takes precedence over the link.
    pub fn of(&self, topic: &TopicName) -> Policies {
        let matches = |exception: &&Exception| {
            let mut topics = exception.topics.iter();
            topics.any(|it| it.matches(topic.as_str()))
        };
        let exception = self.exceptions.iter().find(matches);
        exception.map_or(self.link, |exception| exception.given.or(self.link))
    }
}

/// The limits within which offsets are preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreserveLimits {
    /// The most offsets filled before a partition's first record.
    pub max_prefix: i64,
    /// The most offsets filled in one gap between records.
    pub max_markers: i64,
    /// What happens to a partition whose offsets can't be preserved.
    pub otherwise: Otherwise,
}

/// What happens to a partition whose offsets can't be preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// It isn't mirrored.
    Refuse,
    /// It is mirrored with an offset map.
    Translate,
}

/// What a link does with the ACLs of mirror topics, and how often it looks at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclRules {
    /// Whether the source topic's ACLs are carried over.
    pub sync: bool,
    /// Whether everybody else is kept from writing.
    pub guard: bool,
    pub interval: Duration,
}

impl Default for AclRules {
    fn default() -> Self {
        Self {
            sync: false,
            guard: false,
            interval: defaults::ACL_INTERVAL,
        }
    }
}
