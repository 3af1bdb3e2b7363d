//! The reasons for which a settling halts a partition.

use crate::model::{HaltCode, Reason, SourceOffset, TopicId, TopicPartition};

use super::settle::Trouble;

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

/// Whether a topic still is the one it was, by its id; brokers without ids can't tell.
pub(crate) fn same_topic(
    known: TopicId,
    found: TopicId,
    code: HaltCode,
    partition: &TopicPartition,
) -> Result<(), Trouble> {
    if !known.is_known() || !found.is_known() || known == found {
        return Ok(());
    }
    Err(Trouble::Halt(Reason::new(
        code,
        format!(
            "topic {} has id {found}, not {known}: it was deleted and created again",
            partition.topic
        ),
    )))
}
