//! Results of changes: releases, operations, verifications, entries of the audit log, refusals.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::failover::plan::{Blocker, Move, Moves};
use crate::failover::summary::OperationSummary;
use crate::model::{GroupId, LinkName, Partition, Policy, Reason, TopicName, TopicPartition};
use crate::replicate::{DecisionOutcome, Holdings, Inventory};
use crate::verify::{Outcome, Verification};

/// The partitions released, with the results.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ResolutionAnswer {
    pub(crate) link: LinkName,
    pub(crate) with: Policy,
    /// Identifies the partitions, the reasons why they halted, and the policy.
    pub(crate) hash: String,
    pub(crate) partitions: Vec<ReleaseAnswer>,
    /// What is deleted and created anew, in a dry run of `reseed`; absent if the target can't tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recreates: Option<Recreation>,
}

/// A mirror topic to be deleted and created anew, with everything that is lost with it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Recreation {
    pub(crate) mirror_topic: TopicName,
    #[serde(flatten)]
    pub(crate) inventory: Inventory,
    /// The groups of the link with offsets in the mirror topic, as of the last group sync.
    pub(crate) groups: Vec<DeletedOffsets>,
}

/// Offsets of a group that are deleted with a mirror topic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeletedOffsets {
    pub(crate) group: GroupId,
    /// The number of partitions with a committed offset.
    pub(crate) offsets: usize,
    /// How many of them aren't carried over again as they are: they were committed on the target, or the source has none.
    pub(crate) lost: usize,
}

/// The release of one partition.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReleaseAnswer {
    pub(crate) topic: TopicName,
    pub(crate) partition: Partition,
    /// Why it halted, or what it may lack.
    pub(crate) reason: Reason,
    pub(crate) result: ReleaseResult,
    /// What was done, once durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<DecisionOutcome>,
    /// Why it wasn't released, or not yet; in a dry run what the policy does.
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

/// The progress of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReleaseResult {
    /// Only shown: a dry run.
    Planned,
    /// Done, and durable.
    Released,
    /// The partition is still working on it.
    Pending,
    /// Not possible.
    Refused,
}

impl fmt::Display for ReleaseResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// The state of an operation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct OperationAnswer {
    #[serde(flatten)]
    pub(crate) summary: OperationSummary,
    pub(crate) plan_id: String,
    pub(crate) plan_hash: String,
    pub(crate) blockers: Vec<Blocker>,
    /// The group offsets as far as they were fixed, once the operation has ended.
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

/// An audit log entry with its sequence number.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AuditAnswer {
    /// Numbers never repeat within a link.
    pub(crate) number: u64,
    pub(crate) entry: Value,
}

/// The body of a refusal (RFC 9457). Readers accept any members: a proxy may have sent it.
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
    /// What blocks a move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blockers: Option<Vec<Blocker>>,
    /// The records that exist only in a mirror topic and would be deleted with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) discards: Option<Holdings>,
}
