//! The service's answers, as far as the tables show them.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use crate::model::{Intent, PartitionState, Reason};
use crate::verify::{Difference, Examined, Outcome, Stage};

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) state: String,
    pub(super) source_reachable: bool,
    pub(super) target_reachable: bool,
    pub(super) topics: u64,
    pub(super) partitions: u64,
    pub(super) lag_records: i64,
    #[serde(default)]
    pub(super) partitions_by_state: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) rate_limited: bool,
    #[serde(default)]
    pub(super) intent: Setting,
    #[serde(default)]
    pub(super) topic_intents: Vec<TopicSetting>,
    pub(super) group_offsets_expire_at: Option<String>,
    pub(super) detail: Option<String>,
}

/// The intent of a link or topic, with its origin.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Setting {
    pub(super) intent: Intent,
    pub(super) set_by: Option<String>,
    pub(super) set_at: Option<String>,
    pub(super) pending: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TopicSetting {
    pub(super) topic: String,
    #[serde(flatten)]
    pub(super) setting: Setting,
}

#[derive(Debug, Deserialize)]
pub(super) struct Topic {
    pub(super) name: String,
    #[serde(rename = "mirror_topic")]
    pub(super) mirror: String,
    pub(super) partitions: Vec<Partition>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Partition {
    #[serde(rename = "partition")]
    pub(super) number: i32,
    pub(super) state: PartitionState,
    pub(super) offsets: String,
    pub(super) source_end: i64,
    pub(super) position: i64,
    pub(super) target_end: i64,
    pub(super) lag_records: i64,
    pub(super) lag_ms: i64,
    pub(super) reason: Option<Reason>,
    pub(super) detail: Option<String>,
    pub(super) verified: Option<Proven>,
}

/// The result of a partition's verifications.
#[derive(Debug, Deserialize)]
pub(super) struct Proven {
    pub(super) verified_until: i64,
    pub(super) verified_at: String,
    pub(super) outcome: Outcome,
    pub(super) differences: u64,
    pub(super) first_difference: Option<Difference>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Verification {
    pub(super) id: String,
    pub(super) state: Stage,
    pub(super) outcome: Option<Outcome>,
    pub(super) partitions: Vec<Examined>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Translation {
    pub(super) source_offset: i64,
    pub(super) target_offset: i64,
    pub(super) exact: bool,
    pub(super) reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Resolved {
    pub(super) hash: String,
    pub(super) partitions: Vec<Released>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Released {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) reason: Reason,
    pub(super) result: String,
    pub(super) outcome: Option<GoingOn>,
    pub(super) detail: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GoingOn {
    pub(super) source_offset: i64,
    pub(super) target_offset: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Group {
    pub(super) group: String,
    pub(super) partitions: Vec<GroupPartition>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GroupPartition {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) source_offset: Option<i64>,
    pub(super) target_offset: Option<i64>,
    pub(super) state: String,
    pub(super) exact: Option<bool>,
    pub(super) detail: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) hash: String,
    pub(super) expires_at: String,
    pub(super) steps: Vec<Step>,
    pub(super) blockers: Vec<Blocker>,
    pub(super) warnings: Vec<String>,
    pub(super) groups: Vec<Move>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) what: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Blocker {
    message: String,
    group: Option<String>,
    topic: Option<String>,
    partition: Option<i32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Move {
    pub(super) group: String,
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) source_offset: i64,
    pub(super) target_offset: i64,
    pub(super) exact: bool,
    pub(super) unreachable_records: i64,
    pub(super) detail: Option<String>,
}

/// An operation in any phase.
#[derive(Debug, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) phase: String,
    /// The phase in which it stopped.
    pub(super) at: Option<String>,
    #[serde(default)]
    pub(super) waits_for: Vec<String>,
    #[serde(default)]
    pub(super) blockers: Vec<Blocker>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            write!(f, "group {group}: ")?;
        }
        match (&self.topic, self.partition) {
            (Some(topic), Some(partition)) => write!(f, "{topic}-{partition}: ")?,
            (Some(topic), None) => write!(f, "topic {topic}: ")?,
            (None, _) => {}
        }
        f.write_str(&self.message)
    }
}
