//! Bodies of requests.

use std::collections::BTreeSet;
use std::ops::Not;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::failover::plan::Kind;
use crate::model::{Intent, LinkName, Policy, TopicName};

/// Pauses or resumes a link, or topics of it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeRequest {
    /// Regular expressions for whole topic names; without it the link as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topics: Option<Vec<String>>,
}

/// Sets the intent of a link, or of topics of it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntentRequest {
    pub(crate) intent: Intent,
    /// Regular expressions for whole topic names; without it the link as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) topics: Option<Vec<String>>,
}

/// Releases partitions that stand still, by a policy for once.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveRequest {
    /// The name on the source.
    pub(crate) topic: TopicName,
    /// Without it every partition of the topic whose trouble the policy fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition: Option<i32>,
    pub(crate) with: Policy,
    /// Only shows what would be released.
    #[serde(default, skip_serializing_if = "Not::not")]
    pub(crate) dry_run: bool,
    /// The hash of what was shown: refused if things have changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hash: Option<String>,
}

/// Translates an offset.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TranslationRequest {
    pub(crate) link: LinkName,
    /// The name on the source.
    pub(crate) topic: TopicName,
    #[schema(minimum = 0)]
    pub(crate) partition: i32,
    /// The offset on the source; with `reverse` the offset on the target.
    #[schema(minimum = 0)]
    pub(crate) offset: i64,
    #[serde(default)]
    pub(crate) reverse: bool,
}

/// Makes a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlanRequest {
    pub(crate) kind: Kind,
    pub(crate) link: LinkName,
    /// Regular expressions for whole group names; without it every group of the link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<String>>,
    /// Topics to be drained beside those of the groups.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) topics: BTreeSet<TopicName>,
    /// `false` is refused for a failover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_loss: Option<bool>,
}

/// Executes a plan.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationRequest {
    pub(crate) plan_id: String,
    pub(crate) plan_hash: String,
}

/// Orders a verification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerificationRequest {
    pub(crate) link: LinkName,
    /// Regular expressions for whole topic names; every topic without one.
    #[serde(default)]
    pub(crate) topics: Vec<String>,
}
