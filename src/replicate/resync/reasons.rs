//! The reasons for which a resync halts a partition.

use crate::error::Result;
use crate::model::{HaltCode, Reason, SourceOffset, TopicId, TopicPartition};

/// Returns the reason for a source whose log start passed the position.
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

/// Returns the reason for a source that lost records after they were mirrored.
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

/// Returns the reason for a source that holds nothing of what was mirrored, if topic ids can't show whose log it is.
pub(crate) fn another_topic(partition: &TopicPartition, before: SourceOffset) -> Reason {
    let message = format!(
        "the source holds none of the records of {partition} mirrored up to offset {}: the topic was deleted and created again",
        before.plus(-1)
    );
    Reason::new(HaltCode::SourceRecreated, message).at(Some(before), None)
}

/// Checks by its id that a topic is still the same; passes if an id is unknown, as with brokers without topic ids.
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

/// Returns the reason shown while the mirror topic is being recreated.
pub(crate) fn being_recreated() -> Reason {
    let message = "the mirror topic is being created anew, as decided";
    Reason::new(HaltCode::TargetTopicMissing, message)
}
