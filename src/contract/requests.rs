//! Bodies of requests.

use std::collections::BTreeSet;
use std::ops::Not;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failover::plan::{LossLimit, MoveKind};
use crate::model::{Intent, LinkName, Policy, TopicName};

/// The body of a pause or resume.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeRequest {
    /// Regular expressions that match whole topic names; if absent, the link as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topics: Option<Vec<String>>,
}

/// The body of `PUT /v1/links/{link}/intent`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntentRequest {
    pub(crate) intent: Intent,
    /// Regular expressions that match whole topic names; if absent, the link as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topics: Option<Vec<String>>,
}

/// The body of `POST /v1/links/{link}/resolve`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolutionRequest {
    /// The topic's name on the source.
    pub(crate) topic: TopicName,
    /// If absent, every partition of the topic that the policy can release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<i32>,
    pub(crate) with: Policy,
    /// Only shows what would be released.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub(crate) dry_run: bool,
    /// The hash from a dry run; the request is refused if the partitions or their reasons have changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
    /// How many records that exist only in the mirror topic may be deleted with it: `reseed` is refused unless this is their
    /// number as it is counted then. Absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discard: Option<u64>,
}

/// The body of `POST /v1/translate`: an offset, or `items` with up to 1,000 of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranslationRequest {
    pub(crate) link: LinkName,
    /// The topic's name on the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<TopicName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub(crate) partition: Option<i32>,
    /// A source offset, or a target offset if `reverse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub(crate) offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reverse: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_items = 1000)]
    pub(crate) items: Option<Vec<TranslationItem>>,
}

/// An offset to translate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranslationItem {
    /// The topic's name on the source.
    pub(crate) topic: TopicName,
    #[schema(minimum = 0)]
    pub(crate) partition: i32,
    /// A source offset, or a target offset if `reverse`.
    #[schema(minimum = 0)]
    pub(crate) offset: i64,
    #[serde(default)]
    pub(crate) reverse: bool,
}

/// The body of `POST /v1/plans`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRequest {
    pub(crate) kind: MoveKind,
    pub(crate) link: LinkName,
    /// Regular expressions that match whole group names; if absent, every group of the link. A group that was moved before
    /// is part of the plan only if one of them is its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<String>>,
    /// Regular expressions that match whole names of groups that aren't part of the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups_exclude: Vec<String>,
    /// Topics to drain in addition to those of the groups.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) topics: BTreeSet<TopicName>,
    /// Whether a failover may lose anything, or how much: a plan that would lose more is blocked. `false` is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_loss: Option<AllowLoss>,
}

/// How much a failover may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AllowLoss {
    Any(bool),
    UpTo(LossLimit),
}

/// The body of `POST /v1/links/{link}/groups/return`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReturnRequest {
    /// Regular expressions that match whole group names.
    pub(crate) groups: Vec<String>,
}

/// The body of `POST /v1/operations`: the plan to execute, and the hash that was agreed to.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationRequest {
    pub(crate) plan_id: String,
    pub(crate) plan_hash: String,
}

/// The body of `POST /v1/verifications`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationRequest {
    pub(crate) link: LinkName,
    /// Regular expressions that match whole topic names; if empty, every topic.
    #[serde(default)]
    pub(crate) topics: Vec<String>,
}

/// What `/readyz` judges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReadyScope {
    /// Whether this process can do its work; clusters and partitions don't count.
    #[default]
    Process,
    /// Whether every link of it can, too.
    Link,
}
