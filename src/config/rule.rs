//! The rules by which the names of topics and groups are included or excluded.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A rule that applies to a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameRule {
    pub kind: RuleKind,
    /// The expression that matches, as written.
    pub expression: Option<Arc<str>>,
}

/// The kinds of rules, in the order in which they decide: of those that apply to a name, the first one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    /// Excludes: the topic is the journal of a link.
    JournalTopic,
    /// Excludes: the topic holds internal state of Kafka or another program.
    InternalTopic,
    /// Excludes: the topic is one of farshore's own, such as a quarantine topic.
    FarshoreTopic,
    /// Excludes: the topic holds internal state of `MirrorMaker` 2.
    MirrorMakerTopic,
    /// Excludes: the topic is a mirror of a topic of the target.
    CopyFromTarget,
    /// Excludes: the topic begins with the source's own name, as a mirror made elsewhere would, and isn't named literally.
    CopyFromNamesake,
    /// Excludes: an expression in `topics_exclude` or `groups_exclude` matches.
    Excluded,
    /// Excludes: records of the topic are deleted as soon as they are read, and nothing includes it explicitly.
    PurgedTopic,
    /// Includes: an expression in `topics` or `groups` matches.
    Included,
    /// Excludes: no expression in `topics` or `groups` matches.
    NotIncluded,
}

impl NameRule {
    pub(super) fn excluded(expression: &Arc<str>) -> Self {
        Self {
            kind: RuleKind::Excluded,
            expression: Some(Arc::clone(expression)),
        }
    }

    pub(super) fn included(expression: &Arc<str>) -> Self {
        Self {
            kind: RuleKind::Included,
            expression: Some(Arc::clone(expression)),
        }
    }

    /// Whether the rule includes the name.
    pub fn includes(&self) -> bool {
        self.kind == RuleKind::Included
    }

    /// The rule in words; `list` is the key of the expressions, `topics` or `groups`.
    pub fn text(&self, list: &str) -> String {
        let expression = self.expression.as_deref().unwrap_or_default();
        match self.kind {
            RuleKind::JournalTopic => {
                "topics whose names begin with \"__farshore.\" are journals of links".to_owned()
            }
            RuleKind::InternalTopic => {
                "topics whose names begin with \"__\", or which the brokers call internal, hold state of Kafka or another program".to_owned()
            }
            RuleKind::FarshoreTopic => {
                "topics whose names begin with \"farshore-\" and quarantine topics of links are farshore's own".to_owned()
            }
            RuleKind::MirrorMakerTopic => "it holds internal state of MirrorMaker 2".to_owned(),
            RuleKind::CopyFromTarget => {
                "the target's name in front says that it was mirrored from there, so it would go round in a circle".to_owned()
            }
            RuleKind::CopyFromNamesake => format!(
                "the source's own name in front is what another service's prefix naming makes; name it literally in {list} to mirror it"
            ),
            RuleKind::Excluded => format!("{expression:?} in {list}_exclude matches"),
            RuleKind::PurgedTopic => {
                "Kafka Streams deletes the records of topics whose names end with \"-repartition\" as soon as they are read".to_owned()
            }
            RuleKind::Included => format!("{expression:?} in {list} matches"),
            RuleKind::NotIncluded => format!("no expression in {list} matches"),
        }
    }
}

impl From<RuleKind> for NameRule {
    fn from(kind: RuleKind) -> Self {
        Self {
            kind,
            expression: None,
        }
    }
}
