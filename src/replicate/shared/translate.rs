//! Exact translation of offsets between the two sides, and the reason wherever it can't be exact.

use serde::Serialize;

use crate::error::Error;
use crate::model::{SourceOffset, TargetOffset, TopicPartition};
use crate::offsets::Lookup;

use super::link::LinkView;
use super::partition::{PartitionProgress, TrackedPartition};

/// A pair of corresponding offsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Translation {
    pub source_offset: SourceOffset,
    pub target_offset: TargetOffset,
    /// Whether a consumer that resumes there neither skips nor repeats anything.
    pub exact: bool,
    /// Why the pair isn't exact, or how it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why an offset cannot be translated.
#[derive(Debug)]
pub enum Untranslatable {
    /// The link doesn't mirror that partition.
    UnknownPartition,
    /// The offset lies beyond what is mirrored.
    BeyondFrontier {
        /// Everything before it is on the target.
        frontier: SourceOffset,
        /// The end of the mirror partition.
        target_end: TargetOffset,
    },
    /// The offset lies before the first mirrored record.
    BeforeMap {
        /// The first source offset of the map.
        source: SourceOffset,
        /// The first target offset of the map.
        target: TargetOffset,
    },
    /// The checkpoint DB failed.
    Store(Error),
}

impl LinkView {
    /// Returns the target offset at which a consumer resumes that would read `offset` next on the source.
    pub fn translate(
        &self,
        partition: &TopicPartition,
        offset: SourceOffset,
    ) -> Result<Translation, Untranslatable> {
        let tracked = self
            .tracked(partition)
            .ok_or(Untranslatable::UnknownPartition)?;
        let known = tracked.lock();
        let frontier = known.record.frontier;
        let end = known.record.acked_end;
        if offset > frontier {
            return Err(Untranslatable::BeyondFrontier {
                frontier,
                target_end: end,
            });
        }
        let found = known
            .map
            .to_target(offset, &tracked.runs())
            .map_err(Untranslatable::Store)?;
        let missing = known.record.history.at_source(offset);
        let (target, reason) = match found {
            Lookup::Exact(target) => (target, None),
            Lookup::InGap { next } => (next, Some("between two mirrored records: the next one")),
            Lookup::BeyondMap { .. } => (end, None),
            Lookup::BeforeMap { first } if missing.is_some() => (first, None),
            Lookup::BeforeMap { first } => {
                return before_map(&known, &tracked, offset, first);
            }
        };
        Ok(Translation {
            source_offset: offset,
            target_offset: target,
            exact: missing.is_none(),
            reason: missing
                .map(|stretch| format!("{}; this is behind it", stretch.reason()))
                .or(reason.map(str::to_owned)),
        })
    }

    /// Returns the source offset at which a consumer resumes that would read `offset` next on the target.
    pub fn translate_back(
        &self,
        partition: &TopicPartition,
        offset: TargetOffset,
    ) -> Result<Translation, Untranslatable> {
        let tracked = self
            .tracked(partition)
            .ok_or(Untranslatable::UnknownPartition)?;
        let known = tracked.lock();
        let found = known
            .map
            .to_source(offset, &tracked.runs())
            .map_err(Untranslatable::Store)?;
        let without_image = known.record.history.at_target(offset);
        let source = match found {
            Lookup::Exact(source) | Lookup::InGap { next: source } => source,
            Lookup::BeyondMap { .. } if offset == known.record.acked_end => known.record.frontier,
            Lookup::BeyondMap { .. } if without_image.is_some() => known.record.frontier,
            Lookup::BeyondMap { .. } => {
                return Err(Untranslatable::BeyondFrontier {
                    frontier: known.record.frontier,
                    target_end: known.record.acked_end,
                });
            }
            Lookup::BeforeMap { first } if without_image.is_some() => first,
            Lookup::BeforeMap { first } => {
                let target = known.map.to_target(first, &tracked.runs());
                let target = target.map_err(Untranslatable::Store)?.or_next();
                return Err(Untranslatable::BeforeMap {
                    source: first,
                    target,
                });
            }
        };
        Ok(Translation {
            source_offset: source,
            target_offset: offset,
            exact: without_image.is_none(),
            reason: without_image.map(|stretch| format!("{}; this is behind it", stretch.reason())),
        })
    }
}

/// An offset before the first mirrored record translates exactly to that record if the mirror began there and left nothing
/// out.
fn before_map(
    known: &PartitionProgress,
    tracked: &TrackedPartition,
    offset: SourceOffset,
    first: TargetOffset,
) -> Result<Translation, Untranslatable> {
    let source = known
        .map
        .to_source(first, &tracked.runs())
        .map_err(Untranslatable::Store)?;
    let source = source.or_next();
    if offset >= known.record.origin {
        let reason = "before the first mirrored record, with no record in between".to_owned();
        return Ok(Translation {
            source_offset: offset,
            target_offset: first,
            exact: true,
            reason: Some(reason),
        });
    }
    Err(Untranslatable::BeforeMap {
        source,
        target: first,
    })
}
