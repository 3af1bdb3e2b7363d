//! What a link does with a name, and why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{LinkState, PartitionAnswer, SettingAnswer};
use crate::config::{NameRule, RuleKind};
use crate::control::groups::status::GroupStatus;
use crate::model::{ClusterName, Intent, LinkName, TopicName};

/// What a link does with the topic and the consumer group of a name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ExplanationAnswer {
    pub(crate) link: LinkName,
    pub(crate) source: ClusterName,
    pub(crate) name: String,
    /// The state of the link as a whole.
    pub(crate) state: LinkState,
    /// What the link waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    pub(crate) topic: TopicExplanation,
    pub(crate) group: GroupExplanation,
}

/// Whether the link mirrors a topic, and the state of its mirror.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TopicExplanation {
    pub(crate) included: bool,
    /// Every rule that applies, in the order in which they decide: the first one decides.
    pub(crate) rules: Vec<RuleAnswer>,
    pub(crate) on_source: Presence,
    /// The name of its mirror, which may not exist yet; absent if it isn't included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mirror_topic: Option<TopicName>,
    /// The stricter of the link's intent and the topic's own; absent if it isn't included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<Intent>,
    /// None while nothing of it is known to be mirrored.
    pub(crate) partitions: Vec<PartitionAnswer>,
    /// The topic's settings, and what the link does with them on the mirror; none if it isn't included, or absent.
    #[serde(default)]
    pub(crate) settings: Vec<SettingAnswer>,
}

/// Whether the link carries a consumer group over, and the state of its offsets. Its name is the same on both sides.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct GroupExplanation {
    pub(crate) included: bool,
    /// Every rule that applies, in the order in which they decide: the first one decides.
    pub(crate) rules: Vec<RuleAnswer>,
    /// As of the last group sync; absent if it has not seen such a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<GroupStatus>,
}

/// A rule that applies to a name.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RuleAnswer {
    pub(crate) rule: RuleKind,
    /// The expression of the configuration that matches, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expression: Option<String>,
    /// The rule in words.
    pub(crate) text: String,
}

/// Whether the source has a topic, as of the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Presence {
    /// The source doesn't answer, or doesn't tell because farshore may not see the topic.
    Unknown,
    /// There is none, or farshore may not describe it.
    Absent,
    Present,
}

impl RuleAnswer {
    /// The answer for a rule; `list` is the key of the expressions, `topics` or `groups`.
    pub(crate) fn of(rule: &NameRule, list: &str) -> Self {
        Self {
            rule: rule.kind,
            expression: rule.expression.as_deref().map(str::to_owned),
            text: rule.text(list),
        }
    }
}
