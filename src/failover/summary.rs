//! Plans and operations without their lists, as lists of them show them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::plan::{MoveKind, Plan};
use super::states::{Operation, PhaseName};
use crate::model::LinkName;

/// An operation without its plan's and its own lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationSummary {
    pub id: String,
    pub link: LinkName,
    pub kind: MoveKind,
    pub phase: PhaseName,
    /// The phase in which it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<PhaseName>,
    /// What draining waits for.
    pub waits_for: Vec<String>,
    /// The last error of the current step, while it is retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrying: Option<String>,
    pub started_at: Timestamp,
    /// When the phase began.
    pub entered_at: Timestamp,
}

impl From<&Operation> for OperationSummary {
    fn from(operation: &Operation) -> Self {
        let (at, waits_for) = operation.phase.told();
        Self {
            id: operation.id.clone(),
            link: operation.plan.link.clone(),
            kind: operation.plan.kind,
            phase: operation.phase.name(),
            at,
            waits_for,
            retrying: operation.retrying.clone(),
            started_at: operation.started_at,
            entered_at: operation.entered_at,
        }
    }
}

/// A plan without its lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanSummary {
    pub id: String,
    pub link: LinkName,
    pub kind: MoveKind,
    pub created_at: Timestamp,
    /// When the plan expires; it can't be executed from then on.
    pub expires_at: Timestamp,
    pub hash: String,
}

impl From<&Plan> for PlanSummary {
    fn from(plan: &Plan) -> Self {
        Self {
            id: plan.id.clone(),
            link: plan.link.clone(),
            kind: plan.kind,
            created_at: plan.created_at,
            expires_at: plan.expires_at,
            hash: plan.hash.clone(),
        }
    }
}
