//! Claiming a link: compare-and-append of the next term.
//!
//! A broker takes the first batch of a producer epoch only if it saw no later epoch, and answers a second first batch of the
//! same epoch with the offset of the first one. So of several that claim the same term one is appended, and each finds out
//! whose it is by reading it.

use std::sync::Arc;

use super::line::Line;
use super::topic::NotAppended;
use super::writer::build;
use super::{Head, Topic};
use crate::error::{Error, Result};

/// Claims a link with a head; the offset of the claim, or none if somebody else was faster.
pub(super) async fn claim(topic: &Topic, line: &Arc<Line>, head: &Head) -> Result<Option<i64>> {
    let batch = build(line, head, &[], 0)?;
    let offset = match topic.append(batch).await {
        Ok(offset) => offset,
        Err(NotAppended::Fenced(_)) => return Ok(None),
        // A sequence out of order: the term is somebody's who wrote more than a claim under it.
        Err(NotAppended::Gone(error)) if is_taken(&error) => return Ok(None),
        Err(
            NotAppended::Gone(error) | NotAppended::Missing(error) | NotAppended::Unknown(error),
        ) => return Err(error),
    };
    let found = topic.read(offset, offset + 1).await?;
    let is_ours = found.head().is_some_and(|found| found.claim == head.claim);
    Ok(is_ours.then_some(offset))
}

fn is_taken(error: &Error) -> bool {
    error.code().is_some_and(|code| code.0 == 45)
}
