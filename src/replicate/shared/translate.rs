//! Exact translation of offsets between the two sides, and the reason wherever it can't be exact.

use crate::model::{SourceOffset, TargetOffset, TopicPartition, Translation, Untranslatable};
use crate::offsets::Lookup;

use super::link::LinkView;
use super::partition::{PartitionProgress, TrackedPartition};

impl LinkView {
    /// Returns the target offset at which a consumer resumes that would read `offset` next on the source.
    pub fn translate(
        &self,
        partition: &TopicPartition,
        offset: SourceOffset,
    ) -> Result<Translation, Untranslatable> {
        let tracked = self
            .tracked(partition)
            .ok_or_else(|| self.unmirrored().untranslatable(partition))?;
        let known = tracked.lock();
        let frontier = known.record.frontier;
        let end = known.record.acked_end;
        if offset > frontier {
            return Err(Untranslatable::BeyondFrontier {
                frontier,
                target_end: end,
            });
        }
        let found = known.map.to_target(offset, &tracked.runs())?;
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
            .ok_or_else(|| self.unmirrored().untranslatable(partition))?;
        let known = tracked.lock();
        let found = known.map.to_source(offset, &tracked.runs())?;
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
                let target = known.map.to_target(first, &tracked.runs())?.or_next();
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
    let source = known.map.to_source(first, &tracked.runs())?.or_next();
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
