//! Finds where a source parted from what was mirrored of it (H11).
//!
//! By leader epochs where the source tells them, and by content where a log lost its tail without a new epoch: brokers up
//! to 3.9 do that when one that stood alone comes back without its last records.

use crate::error::Result;
use crate::kafka::admin::{self, At};
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{LeaderEpoch, Reason, SourceOffset, TargetOffset, TopicPartition};
use crate::offsets::Lookup;

use super::likeness::{self, Likeness};
use super::reasons::truncated;
use super::settle::{Question, TargetSide};

/// Where the source parted from what was mirrored before an offset; none if it holds it all, as far as its ends tell.
///
/// Only what every in-sync replica holds is mirrored, so a leader that was elected cleanly can't end before it; and brokers
/// that can't tell a truncation in a fetch are asked for the end of the last mirrored epoch.
pub(crate) async fn by_ends(
    source: &Cluster,
    question: &Question,
    leader: &Leader,
    before: SourceOffset,
) -> Result<Option<Reason>> {
    let partition = &question.source;
    let end = admin::list_offset(source, partition, leader.epoch, At::TrueEnd).await?;
    let mut parting = (before.get(), leader.epoch);
    if end.offset < before.get() {
        parting = (end.offset, leader.epoch);
    }
    let mut asked = question.epoch_before(SourceOffset(parting.0));
    while asked != LeaderEpoch::UNKNOWN && asked != leader.epoch {
        let (found, end) = admin::end_of_epoch(source, partition, asked).await?;
        // What the source has of the epoch, and what was mirrored of it.
        let mirrored = question.end_of_epoch(found).unwrap_or(before);
        let shared = end.min(mirrored.get());
        if end >= 0 && shared < parting.0 {
            parting = (shared, found);
        }
        if end < 0 || found == asked || found == LeaderEpoch::UNKNOWN {
            break;
        }
        asked = question.epoch_up_to(found);
        if asked == found {
            break;
        }
    }
    let (offset, epoch) = parting;
    Ok((offset < before.get()).then(|| truncated(before, offset, epoch.0)))
}

/// The leader epoch in which the source wrote what is before an offset, as its log tells; unknown if there is nothing any more.
pub(crate) async fn epoch_before(
    source: &Cluster,
    partition: &TopicPartition,
    offset: SourceOffset,
) -> Result<LeaderEpoch> {
    let last = offset.get() - 1;
    let batch = likeness::batch_holding(source, partition, last).await?;
    let holds = batch.filter(|batch| batch.base_offset() <= last);
    Ok(holds.map_or(LeaderEpoch::UNKNOWN, |batch| batch.header().leader_epoch))
}

/// Where the source's records stop to be the mirror's; none if its map ends before anything differs.
///
/// `side` ends with a record that differs. Both logs are equal up to one place and differ from there on, so that place is
/// found by halving; a record that the source no longer keeps tells nothing, and counts as equal.
pub(crate) async fn by_content(
    source: &Cluster,
    target: &Cluster,
    question: &Question,
    side: &TargetSide,
) -> Result<Option<Reason>> {
    let (mut equal, mut differs) = (side.tail.log_start.get() - 1, side.tail.end.get() - 1);
    while differs - equal > 1 {
        let middle = equal + (differs - equal) / 2;
        if is_different(source, target, question, TargetOffset(middle)).await? {
            differs = middle;
        } else {
            equal = middle;
        }
    }
    let parting = question.image(TargetOffset(differs))?;
    Ok(parting.map(|parting| {
        let before = question.record.frontier;
        let mut reason = truncated(before, parting.get(), side.leader.epoch.0);
        reason.message = format!(
            "the source lost offsets {parting} to {} after they were mirrored and holds other records there",
            before.plus(-1)
        );
        reason
    }))
}

async fn is_different(
    source: &Cluster,
    target: &Cluster,
    question: &Question,
    at: TargetOffset,
) -> Result<bool> {
    let Some(image) = question.image(at)? else {
        return Ok(false);
    };
    let batch = likeness::batch_holding(target, &question.target, at.get()).await?;
    let Some(batch) = batch else {
        return Ok(false);
    };
    let map = |offset: TargetOffset| (offset == at).then_some(image);
    let likeness = likeness::compare_from(source, &question.source, &batch, at, map).await?;
    Ok(likeness == Likeness::Different)
}

impl Question {
    /// The source's leader epoch of the record before an offset, if it is known.
    pub(crate) fn epoch_before(&self, offset: SourceOffset) -> LeaderEpoch {
        super::resume::epoch_before(&self.record.epochs, self.epochs_until, offset)
    }

    /// Where a remembered epoch ended: where the next one begins.
    fn end_of_epoch(&self, epoch: LeaderEpoch) -> Option<SourceOffset> {
        let mut later = self.record.epochs.iter();
        later.find(|(it, _)| *it > epoch).map(|(_, first)| *first)
    }

    /// The newest remembered epoch up to this one.
    fn epoch_up_to(&self, epoch: LeaderEpoch) -> LeaderEpoch {
        let mut known = self.record.epochs.iter().rev();
        known
            .find(|(it, _)| *it <= epoch)
            .map_or(LeaderEpoch::UNKNOWN, |(it, _)| *it)
    }

    /// The source offset of a target offset that the map covers.
    fn image(&self, target: TargetOffset) -> Result<Option<SourceOffset>> {
        let known = self.tracked.lock();
        let found = known.map.to_source(target, &self.tracked.runs())?;
        Ok(match found {
            Lookup::Exact(source) => Some(source),
            Lookup::InGap { .. } | Lookup::BeforeMap { .. } | Lookup::BeyondMap { .. } => None,
        })
    }
}
