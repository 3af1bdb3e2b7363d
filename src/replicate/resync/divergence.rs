//! Finds where a source's log diverged from what was mirrored of it (H11), and whether it is another topic altogether.
//!
//! Uses leader epochs where the source reports them, and contents where a log lost its tail without a new epoch: with
//! brokers up to 3.9 that happens when the only in-sync replica comes back without its last records.

use crate::error::Result;
use crate::kafka::admin;
use crate::model::{LeaderEpoch, Reason, SourceOffset, TargetOffset};

use super::compare::{self, LogComparison};
use super::input::ResyncInput;
use super::reasons::truncated;
use super::view::PartitionSides;

/// The number of batches examined for a record that both sides still have.
const LOOKS: usize = 32;

/// Returns where the source diverged from what was mirrored before an offset; `None` if it holds all of that, judging by its
/// log end and epoch ends.
///
/// Only records that every in-sync replica holds are mirrored, so a cleanly elected leader can't end before them; and
/// brokers that can't report a truncation in a fetch are asked for the end of the last mirrored epoch.
pub(crate) async fn by_ends(
    sides: &PartitionSides<'_>,
    before: SourceOffset,
) -> Result<Option<Reason>> {
    let (input, leader) = (sides.input, sides.leader);
    let end = sides.source_end().await?;
    let mut divergence = (before.min(end).get(), leader.epoch);
    let mut asked = input.epoch_before(SourceOffset(divergence.0));
    while asked != LeaderEpoch::UNKNOWN && asked != leader.epoch {
        let told = admin::end_of_epoch(sides.source, &input.source, asked);
        let (found, end) = told.await?;
        // The end of the epoch as far as the source still has it and it was mirrored.
        let mirrored = input.end_of_epoch(found).unwrap_or(before);
        let shared = end.min(mirrored.get());
        if end >= 0 && shared < divergence.0 {
            divergence = (shared, found);
        }
        if end < 0 || found == asked || found == LeaderEpoch::UNKNOWN {
            break;
        }
        asked = input.epoch_up_to(found);
        if asked == found {
            break;
        }
    }
    let (offset, epoch) = divergence;
    Ok((offset < before.get()).then(|| truncated(before, offset, epoch.0)))
}

/// Returns the leader epoch of the record before an offset, according to the source's log; unknown if nothing is left there.
pub(crate) async fn epoch_before(
    sides: &PartitionSides<'_>,
    offset: SourceOffset,
) -> Result<LeaderEpoch> {
    let last = offset.get() - 1;
    let batch = compare::batch_holding(sides.source, &sides.input.source, last).await?;
    let holds = batch.filter(|batch| batch.base_offset() <= last);
    Ok(holds.map_or(LeaderEpoch::UNKNOWN, |batch| batch.header().leader_epoch))
}

/// Returns where the source's records stop matching the mirror's, given that the one at `differs` doesn't match; `None` if
/// the map has no image there.
///
/// Both logs are equal up to one place and differ from there on, so a binary search finds that place. Records that can't be
/// compared count as different: they are mirrored again rather than trusted.
pub(crate) async fn by_content(
    sides: &PartitionSides<'_>,
    differs: TargetOffset,
) -> Result<Option<Reason>> {
    let (mut equal, mut differs) = (first_of_both(sides).get() - 1, differs.get());
    while differs - equal > 1 {
        let middle = equal + (differs - equal) / 2;
        let comparison =
            comparison_from(sides, TargetOffset(middle), TargetOffset(differs)).await?;
        if comparison == LogComparison::Equal {
            equal = middle;
        } else {
            differs = middle;
        }
    }
    let divergence = sides.image(TargetOffset(differs))?;
    Ok(divergence.map(|divergence| {
        let before = sides.input.record.frontier.max(divergence.plus(1));
        let mut reason = truncated(before, divergence.get(), sides.leader.epoch.0);
        reason.message = format!(
            "the source lost offsets {divergence} to {} after they were mirrored and holds other records there",
            before.plus(-1)
        );
        reason
    }))
}

/// Whether the source holds nothing of what was mirrored, if topic ids can't show whether it is still the same topic.
///
/// A log that loses its tail keeps its beginning.
pub(crate) async fn is_another_topic(sides: &PartitionSides<'_>) -> Result<bool> {
    if sides.leader.topic_id.is_known() {
        return Ok(false);
    }
    let first = first_of_both(sides);
    let Some(image) = sides.image(first)? else {
        return Ok(false);
    };
    if sides.source_end().await? <= image {
        return Ok(true);
    }
    let end = sides.side.tail.end;
    Ok(comparison_from(sides, first, end).await? == LogComparison::Different)
}

/// Whether the source's leader has an older epoch than the newest one mirrored: epochs never fall within a topic's life.
pub(crate) fn has_older_leader(sides: &PartitionSides<'_>) -> bool {
    let newest = sides.input.record.epochs.last().map(|(epoch, _)| *epoch);
    sides.leader.epoch != LeaderEpoch::UNKNOWN
        && newest.is_some_and(|newest| newest > sides.leader.epoch)
}

/// Returns the first target offset whose record both sides may still have.
fn first_of_both(sides: &PartitionSides<'_>) -> TargetOffset {
    let input = sides.input;
    let known = input.tracked.lock();
    let runs = input.tracked.runs();
    let found = known.map.to_target(sides.log_start, &runs);
    let first = found.map_or(TargetOffset::ZERO, crate::offsets::Lookup::or_next);
    first.max(sides.side.tail.log_start)
}

/// Compares the first records that both sides have, from `from` on and before `end`.
async fn comparison_from(
    sides: &PartitionSides<'_>,
    from: TargetOffset,
    end: TargetOffset,
) -> Result<LogComparison> {
    let input = sides.input;
    let mut at = from;
    for _ in 0..LOOKS {
        let held = compare::batch_holding(sides.target, &input.target, at.get()).await?;
        let Some(batch) = held.filter(|it| it.base_offset() < end.get()) else {
            break;
        };
        at = at.max(TargetOffset(batch.base_offset()));
        let next = TargetOffset(batch.next_offset());
        // A marker has no image on the source.
        while !batch.header().attributes.is_control() && at < next.min(end) {
            let Some(image) = sides.image(at)? else {
                break;
            };
            let map = |offset| (offset < end).then(|| sides.image(offset).ok().flatten())?;
            let compared =
                compare::compare_from(sides.source, &input.source, &batch, at, map).await?;
            if compared != LogComparison::NoCommonRecord {
                return Ok(compared);
            }
            // Continue with what the next source batch holds.
            let theirs = compare::batch_holding(sides.source, &input.source, image.get()).await?;
            let Some(theirs) = theirs else { break };
            let beyond = theirs.next_offset() - image.get();
            at = at.plus(beyond.max(1));
        }
        at = next;
        if at >= end {
            break;
        }
    }
    Ok(LogComparison::NoCommonRecord)
}

impl ResyncInput {
    /// Returns the source's leader epoch of the record before an offset, if it is known.
    pub(crate) fn epoch_before(&self, offset: SourceOffset) -> LeaderEpoch {
        super::explain::epoch_before(&self.record.epochs, self.epochs_until, offset)
    }

    /// Returns the end of a remembered epoch, which is where the next one begins.
    fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<SourceOffset> {
        let mut later = self.record.epochs.iter();
        later.find(|(it, _)| *it > epoch).map(|(_, first)| *first)
    }

    /// Returns the newest remembered epoch up to and including this one.
    fn epoch_up_to(&self, epoch: LeaderEpoch) -> LeaderEpoch {
        let mut known = self.record.epochs.iter().rev();
        known
            .find(|(it, _)| *it <= epoch)
            .map_or(LeaderEpoch::UNKNOWN, |(it, _)| *it)
    }
}
