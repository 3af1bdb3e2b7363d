//! Links as a whole: their states, intents and readiness.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::groups::commit::Expiry;
use crate::model::{ClusterName, Intent, LinkName, TopicName};

/// A link as a whole.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkAnswer {
    pub(crate) name: LinkName,
    pub(crate) source: ClusterName,
    pub(crate) target: ClusterName,
    pub(crate) state: LinkState,
    /// The intent of the link as a whole.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) intent: IntentAnswer,
    /// The intents set for single topics; the strictest intent applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) topic_intents: Vec<TopicIntentAnswer>,
    pub(crate) source_reachable: bool,
    pub(crate) target_reachable: bool,
    pub(crate) topics: usize,
    pub(crate) partitions: usize,
    /// -1 while it isn't known for a partition.
    pub(crate) lag_records: i64,
    pub(crate) partitions_by_state: BTreeMap<String, usize>,
    /// The time at which the target forgets the first offset of a group that isn't kept from that, or `unknown`; absent
    /// while all are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) group_offsets_expire_at: Option<Expiry>,
    /// Whether partitions wait for `max_bytes_per_second`.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) rate_limited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<LinkFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// The state of a link as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It has not heard from both clusters yet.
    Starting,
    /// Its parts have failed; it restarts by itself, at the time in `failure`.
    Failed,
    /// Another process mirrors; this one takes over when that one is silent.
    Standby,
    /// It waits for a cluster or for what the detail says; it goes on by itself.
    Waiting,
    /// Nothing is to be written for it, and nothing is in flight.
    Paused,
    /// It mirrors.
    Running,
}

impl LinkState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Failed,
        Self::Standby,
        Self::Waiting,
        Self::Paused,
        Self::Running,
    ];

    /// The state's name, as the API shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Failed => "failed",
            Self::Standby => "standby",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Running => "running",
        }
    }
}

/// A failure that stopped a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkFailure {
    /// The reason, with its circumstances.
    pub message: String,
    /// The time at which the link restarts.
    pub retry_at: Timestamp,
}

/// The intent of a link or topic, with its origin.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct IntentAnswer {
    pub(crate) intent: Intent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_by: Option<String>,
    /// Missing if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_at: Option<Timestamp>,
    /// Whether it isn't in the journal yet. It is in force all the same.
    pub(crate) pending: bool,
}

/// The intent of a topic, with its origin.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TopicIntentAnswer {
    pub(crate) topic: TopicName,
    #[serde(flatten)]
    pub(crate) intent: IntentAnswer,
}

/// Whether a link is ready for a switchover.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReadinessAnswer {
    pub(crate) link: LinkName,
    /// Whether no check failed.
    pub(crate) ready: bool,
    pub(crate) checks: Vec<ReadinessCheck>,
}

/// One check of a link's readiness.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReadinessCheck {
    pub(crate) name: String,
    pub(crate) outcome: CheckOutcome,
    pub(crate) detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
}

/// The outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CheckOutcome {
    /// As it should be.
    Pass,
    /// A move is possible and would not be exact or complete now.
    Warn,
    /// A switchover is not possible.
    Fail,
}
