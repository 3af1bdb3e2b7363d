//! The status of a partition, for the API, the metrics and moves.

use crate::model::{
    BrokerId, DataPath, Missed, OffsetsMode, PartitionState, Reason, TopicName, TopicPartition,
    Totals,
};

use super::held::OpenTransaction;
use super::partition::TrackedPartition;

/// The status of one partition, as the API shows it. Offsets are -1 while unknown.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    /// The source partition.
    pub partition: TopicPartition,
    pub mirror_topic: TopicName,
    /// Whether the mirror partition exists, as far as is known.
    pub has_mirror: bool,
    /// Whether the source says that it has no such topic, which the link names: there is nothing to mirror.
    pub is_absent: bool,
    pub state: PartitionState,
    /// The path its records take.
    pub path: DataPath,
    pub offsets: OffsetsMode,
    /// The source's log start offset.
    pub source_log_start: i64,
    /// The source's last stable offset.
    pub source_end: i64,
    pub source_high_watermark: i64,
    /// The next source offset to mirror: everything before it is on the target.
    pub position: i64,
    /// The end of what the target acknowledged.
    pub target_end: i64,
    /// The target's log start offset.
    pub target_log_start: i64,
    /// Acknowledged source records that may be missing on the target; 0 exactly when none is.
    pub lag_records: i64,
    /// How many of them are behind an open transaction.
    pub held_records: i64,
    /// The open transaction that they are behind.
    pub held_by: Option<OpenTransaction>,
    /// For how long something has been missing on the target, in milliseconds; 0 if nothing is.
    pub lag_ms: i64,
    /// When the source's ends were last heard, in milliseconds since 1970; `None` if they never were.
    pub as_of_ms: Option<i64>,
    /// The follower that its records come from, if they don't come from the leader.
    pub read_from: Option<BrokerId>,
    /// Runs of the offset map.
    pub runs: u64,
    /// Why it is halted, if it is.
    pub reason: Option<Reason>,
    /// What it waits for, if it does.
    pub detail: Option<String>,
    /// Records mirrored by this process.
    pub records: u64,
    /// Bytes mirrored by this process.
    pub bytes: u64,
    /// Batches produced by this process.
    pub batches: u64,
    /// Resyncs in this process.
    pub resyncs: u64,
    /// Records that the target removed while the source still has them.
    pub expired_on_target: i64,
    /// Offsets without an image on the other side, since the partition was first mirrored.
    pub without_image: Totals,
    /// Where deletions of keys may be missing, if anywhere.
    pub missed_deletions: Option<Missed>,
    /// When its source topic last became a different one, in milliseconds since 1970; 0 if it never did.
    pub map_since_ms: i64,
}

/// Returns the status of a partition that has a mirror partition.
pub(super) fn status(
    partition: &TopicPartition,
    tracked: &TrackedPartition,
    now: i64,
) -> PartitionStatus {
    let known = tracked.lock();
    let figures = &known.figures;
    let missing = known.missing();
    let missed = known.record.history.deletions.missed();
    PartitionStatus {
        partition: partition.clone(),
        mirror_topic: tracked.mirror_topic.clone(),
        has_mirror: true,
        is_absent: false,
        state: figures.state,
        path: known.record.path,
        offsets: known.record.offsets,
        source_log_start: figures.source_log_start,
        source_end: figures.source_end,
        source_high_watermark: figures.source_high_watermark,
        position: known.record.frontier.get(),
        target_end: figures.target_end,
        target_log_start: figures.target_log_start,
        lag_records: missing.records,
        held_records: missing.held,
        held_by: known.held_by(),
        lag_ms: known.lag_ms(now),
        as_of_ms: figures.heard.map(|heard| heard.wall_ms),
        read_from: figures.read_from,
        runs: known.map.run_count(),
        reason: figures.reason.clone(),
        detail: figures
            .detail
            .clone()
            .or_else(|| missed.as_ref().map(Missed::message)),
        records: figures.records,
        bytes: figures.bytes,
        batches: figures.batches,
        resyncs: figures.resyncs,
        expired_on_target: figures.expired,
        without_image: known.record.history.totals,
        missed_deletions: missed,
        map_since_ms: known.record.history.map_since_ms,
    }
}
