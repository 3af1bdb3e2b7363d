//! The reasons for which a settling halts a partition.

use crate::error::Result;
use crate::model::{HaltCode, Reason, SourceOffset, TopicId, TopicPartition};

/// The reason for a source whose log start passed what was mirrored.
pub(crate) fn source_gap(position: SourceOffset, log_start: SourceOffset) -> Reason {
    Reason::new(
        HaltCode::SourceGap,
        format!(
            "source offsets {position} to {} were deleted before they were mirrored",
            log_start.plus(-1)
        ),
    )
    .at(Some(position), None)
}

/// The reason for a source that lost what was mirrored.
pub(crate) fn truncated(position: SourceOffset, end: i64, epoch: i32) -> Reason {
    Reason::new(
        HaltCode::SourceTruncated,
        format!(
            "the source lost offsets {end} to {} after they were mirrored (its log of leader epoch {epoch} ends at {end})",
            position.plus(-1)
        ),
    )
    .at(Some(SourceOffset(end)), None)
}

/// The reason for a source that has nothing of what was mirrored, where topic ids don't say whose log it is.
pub(crate) fn another_topic(partition: &TopicPartition, before: SourceOffset) -> Reason {
    let message = format!(
        "nothing that was mirrored of {partition} up to offset {} is on the source: the topic was deleted and created again",
        before.plus(-1)
    );
    Reason::new(HaltCode::SourceRecreated, message).at(Some(before), None)
}

/// Whether a topic still is the one it was, by its id; brokers without ids can't tell.
pub(crate) fn same_topic(
    known: TopicId,
    found: TopicId,
    code: HaltCode,
    partition: &TopicPartition,
) -> Result<(), Reason> {
    if !known.is_known() || !found.is_known() || known == found {
        return Ok(());
    }
    Err(Reason::new(
        code,
        format!(
            "topic {} has id {found}, not {known}: it was deleted and created again",
            partition.topic
        ),
    ))
}

/// Why a partition stands still meanwhile.
pub(crate) fn being_created_anew() -> Reason {
    let message = "the mirror topic is being created anew, as decided";
    Reason::new(HaltCode::TargetTopicMissing, message)
}
