//! Topics with their mirror partitions, and consumer groups.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::changes::ProblemAnswer;
use crate::control::groups::status::GroupStatus;
use crate::model::{
    DataPath, GroupId, Intent, Missed, OffsetsMode, Partition, PartitionState, Reason,
    SourceOffset, TopicName, Totals, Translation,
};
use crate::verify::{Difference, Outcome};

/// A mirrored topic.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct TopicAnswer {
    pub(crate) name: TopicName,
    pub(crate) mirror_topic: TopicName,
    /// The stricter of the link's intent and the topic's own.
    pub(crate) intent: Intent,
    pub(crate) partitions: Vec<PartitionAnswer>,
}

/// A mirror partition; offsets are -1 while unknown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PartitionAnswer {
    pub(crate) partition: Partition,
    pub(crate) state: PartitionState,
    pub(crate) path: DataPath,
    pub(crate) offsets: OffsetsMode,
    pub(crate) source_log_start: i64,
    /// The last stable offset.
    pub(crate) source_end: i64,
    pub(crate) source_high_watermark: i64,
    /// The next source offset to mirror: everything before it is on the target.
    pub(crate) position: i64,
    pub(crate) target_log_start: i64,
    /// The end of what was acknowledged.
    pub(crate) target_end: i64,
    /// The maximum number of acknowledged records that are missing on the target: up to `source_high_watermark`, and 0 only
    /// if none is; -1 if that is not known.
    pub(crate) lag_records: i64,
    /// How many of these are behind an open transaction, so that no reader is shown them yet.
    #[serde(default)]
    #[schema(required = true)]
    pub(crate) held_records: i64,
    /// The transaction that they are behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_by: Option<OpenTransactionAnswer>,
    /// For how long something has been missing on the target, in milliseconds; 0 if nothing is, -1 if that is not known.
    pub(crate) lag_ms: i64,
    /// When the source's ends were last heard, and so the time for which the lag is true; absent if they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<Timestamp>,
    /// The source broker that its records are fetched from, if that is a follower (`rack`); absent if it is the leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_from: Option<i32>,
    /// Runs of the offset map.
    pub(crate) runs: u64,
    /// Why it is halted or diverged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) batches: u64,
    /// Resyncs in this process.
    pub(crate) resyncs: u64,
    /// Records that the target removed while the source still has them.
    pub(crate) expired_on_target: i64,
    pub(crate) without_image: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missed_deletions: Option<Missed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<ProofAnswer>,
}

/// An open transaction on the source, as far as it is known.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct OpenTransactionAnswer {
    /// The source offset of its first record.
    pub(crate) first_offset: i64,
    /// When it was begun, by its coordinator; without a `transactional_id`, by the timestamp of its first record, or at least
    /// since when it has been noticed.
    pub(crate) since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) producer_id: Option<i64>,
    /// Absent if the source doesn't report it to farshore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transactional_id: Option<String>,
}

/// The result of a partition's verifications, those ordered and those in the background together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ProofAnswer {
    /// The first source offset that was compared.
    pub(crate) from: SourceOffset,
    /// The source offset after the last one that was compared.
    pub(crate) verified_until: SourceOffset,
    pub(crate) verified_at: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) differences: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_difference: Option<Difference>,
}

/// A group with the state of its offsets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct GroupAnswer {
    pub(crate) group: GroupId,
    /// When the groups of the source were last read: the time for which `source_offset` and `exact` are true; absent if they
    /// never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) as_of: Option<Timestamp>,
    /// Why the groups of the source can't be read now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_failure: Option<String>,
    /// When the operation that moved the group was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_at: Option<Timestamp>,
    #[serde(flatten)]
    pub(crate) status: GroupStatus,
}

/// A group that was given back to group sync.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct ReturnedGroup {
    pub(crate) group: GroupId,
    /// The operation that had moved it.
    pub(crate) moved_by: String,
}

/// The translation of an offset, or of each of several in their order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum TranslationAnswer {
    One(Translation),
    Many { items: Vec<TranslatedItem> },
}

/// The translation of one of several offsets.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum TranslatedItem {
    Translated(Translation),
    /// What the answer to this one alone would be.
    Refused {
        error: ProblemAnswer,
    },
}
