//! Links as a whole: their states, intents and readiness.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::groups::commit::Expiry;
use crate::model::{ClusterName, Intent, LinkName, PartitionState, TopicName};

/// The state of a link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct LinkAnswer {
    pub(crate) name: LinkName,
    pub(crate) source: ClusterName,
    pub(crate) target: ClusterName,
    pub(crate) state: LinkState,
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) intent: IntentAnswer,
    /// The intents set for single topics; the strictest one applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) topic_intents: Vec<TopicIntentAnswer>,
    pub(crate) source_reachable: bool,
    pub(crate) target_reachable: bool,
    pub(crate) topics: usize,
    pub(crate) partitions: usize,
    /// -1 while the lag of any partition is unknown.
    pub(crate) lag_records: i64,
    /// How many of these are behind open transactions.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) held_records: i64,
    pub(crate) partitions_by_state: BTreeMap<String, usize>,
    /// The time at which the target expires the first group offset that isn't refreshed, or `unknown`; absent if all are
    /// refreshed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) group_offsets_expire_at: Option<Expiry>,
    /// Whether `max_bytes_per_second` throttles partitions.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) rate_limited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<LinkFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// When the certificates on the connections to both clusters end, as far as there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) certificates: Vec<CertificateAnswer>,
    /// The brokers of both clusters that can't be reached although their cluster answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) unreachable_brokers: Vec<UnreachableBroker>,
    /// What several partitions wait for: each text once. The list of topics leaves these details out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) shared_details: Vec<SharedDetail>,
}

/// The end of a certificate on the connections to a cluster.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct CertificateAnswer {
    pub(crate) cluster: ClusterName,
    /// `client`: that of farshore; `server`: that of the broker whose certificate ends first.
    pub(crate) side: String,
    pub(crate) ends_at: Timestamp,
}

/// A broker that can't be reached although its cluster answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct UnreachableBroker {
    pub(crate) cluster: ClusterName,
    /// The broker's id.
    pub(crate) broker: i32,
    /// The address that the broker advertises.
    pub(crate) advertised: String,
    /// The address that was dialed: the advertised one, or where `address_map` leads from there.
    pub(crate) dialed: String,
    pub(crate) cause: UnreachableCause,
    pub(crate) error: String,
    /// Another address at which it answered, for `address_map`; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reachable_at: Option<String>,
    /// Whether it is certain that this broker answered there, rather than another one of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) is_certain: Option<bool>,
}

/// Why a broker can't be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum UnreachableCause {
    /// Its name doesn't resolve here.
    Unresolved,
    /// Nothing listens at the address.
    Refused,
    /// There is no way to the address.
    Unroutable,
    /// Nothing answered in time.
    Timeout,
    /// The connection broke.
    Disconnected,
    /// What listens there doesn't speak Kafka's protocol, or encrypts otherwise than configured.
    NotKafka,
    /// The address leads to another cluster.
    OtherCluster,
    Tls,
    Login,
    /// `address_map` doesn't say where it is, or leads to several brokers at once.
    AddressMap,
    /// There was no time left to try.
    Untried,
}

/// A detail that several partitions share.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SharedDetail {
    pub(crate) detail: String,
    pub(crate) state: PartitionState,
    /// How many partitions in this state have the detail.
    pub(crate) partitions: usize,
}

/// The state of a link as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// At least one cluster has not answered yet.
    Starting,
    /// Its tasks failed; it restarts automatically at the time given in `failure`.
    Failed,
    /// Another process mirrors; this one takes over when that one falls silent.
    Standby,
    /// It waits for a cluster or for what the detail names, and continues automatically.
    Waiting,
    /// Its intent forbids writes, and nothing is in flight.
    Paused,
    /// Partitions wait for an operator, all of them: nothing is mirrored.
    Stalled,
    /// Some partitions wait for an operator, or the ACLs of mirror topics do; the others are mirrored.
    Degraded,
    Running,
}

impl LinkState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Starting,
        Self::Failed,
        Self::Standby,
        Self::Waiting,
        Self::Paused,
        Self::Stalled,
        Self::Degraded,
        Self::Running,
    ];

    /// The state's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Failed => "failed",
            Self::Standby => "standby",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Stalled => "stalled",
            Self::Degraded => "degraded",
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

/// An intent with its origin.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub(crate) struct IntentAnswer {
    pub(crate) intent: Intent,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_by: Option<String>,
    /// Absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) set_at: Option<Timestamp>,
    /// Whether it isn't in the journal yet. It is in force nevertheless.
    pub(crate) pending: bool,
}

/// The intent of a topic, with its origin.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TopicIntentAnswer {
    pub(crate) topic: TopicName,
    #[serde(flatten)]
    pub(crate) intent: IntentAnswer,
}

/// The outcomes of all readiness checks of a link.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReadinessAnswer {
    pub(crate) link: LinkName,
    /// Whether no check failed.
    pub(crate) ready: bool,
    pub(crate) checks: Vec<ReadinessCheck>,
}

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
    Pass,
    /// A move is possible, but wouldn't be exact or complete now.
    Warn,
    /// A switchover is not possible.
    Fail,
}
