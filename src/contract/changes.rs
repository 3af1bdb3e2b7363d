//! What comes of changes: releases, operations, verifications, entries of the audit log, refusals.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::failover::plan::{Blocker, Kind, Move, Moves};
use crate::failover::states::PhaseName;
use crate::model::{LinkName, Partition, Policy, Reason, TopicName, TopicPartition};
use crate::replicate;
use crate::verify::{Outcome, Verification};

/// The partitions that a policy releases.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResolveAnswer {
    pub(crate) link: LinkName,
    pub(crate) with: Policy,
    /// Stands for what is released, by which policy, and why it stood still.
    pub(crate) hash: String,
    pub(crate) partitions: Vec<ReleaseAnswer>,
}

/// The release of one partition.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReleaseAnswer {
    pub(crate) topic: TopicName,
    pub(crate) partition: Partition,
    /// Why it stood still, or what may be missing in it.
    pub(crate) reason: Reason,
    pub(crate) result: ReleaseResult,
    /// What was done, once it is durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<replicate::Outcome>,
    /// Why it isn't released, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl ReleaseAnswer {
    pub(crate) fn new(partition: TopicPartition, reason: Reason, result: ReleaseResult) -> Self {
        Self {
            topic: partition.topic,
            partition: partition.partition,
            reason,
            result,
            outcome: None,
            detail: None,
        }
    }
}

/// How far a release got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReleaseResult {
    /// It was only shown.
    Planned,
    /// It is done, durably.
    Released,
    /// The partition works on it.
    Pending,
    /// It was not possible.
    Refused,
}

impl fmt::Display for ReleaseResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// An operation, in any phase.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct OperationAnswer {
    pub(crate) id: String,
    pub(crate) plan_id: String,
    pub(crate) plan_hash: String,
    pub(crate) kind: Kind,
    pub(crate) link: LinkName,
    pub(crate) phase: PhaseName,
    /// The phase in which it stopped, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<PhaseName>,
    /// What draining waits for.
    pub(crate) waits_for: Vec<String>,
    pub(crate) blockers: Vec<Blocker>,
    /// What the current step last failed with, while it is repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retrying: Option<String>,
    pub(crate) started_at: Timestamp,
    /// When the phase began.
    pub(crate) entered_at: Timestamp,
    /// The offsets as far as they were fixed, once nothing happens any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Move>>)]
    pub(crate) groups: Option<Moves>,
}

/// A verification without its partitions.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct VerificationSummary {
    #[serde(flatten)]
    pub(crate) verification: Verification,
    /// The worst of its partitions, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
    pub(crate) partitions_done: usize,
    pub(crate) partitions: usize,
}

/// An entry of the audit log.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AuditAnswer {
    /// Numbers never repeat within a link.
    pub(crate) number: u64,
    pub(crate) entry: Value,
}

/// A refusal (RFC 9457). A reader takes whatever members are there: a proxy may have answered.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProblemAnswer {
    /// `urn:farshore:problem:` and a code.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) r#type: String,
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) title: String,
    /// The HTTP status.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) status: u16,
    /// What to do.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) detail: String,
    /// What stands against a move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blockers: Option<Vec<Blocker>>,
}
