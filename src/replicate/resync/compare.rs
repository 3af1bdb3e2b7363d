//! Compares records of the two sides by content.
//!
//! Reads single batches; used where headers and stored runs alone would leave a guess.

use crate::error::{Error, Kind, Result};
use crate::kafka::admin;
use crate::kafka::batch::{Batch, BatchError};
use crate::kafka::client::Cluster;
use crate::model::{SourceOffset, TargetOffset, TopicPartition};

/// The size of a read, in bytes: brokers return the first batch whole whatever its size (KIP-74).
const READ_BYTES: i32 = 1;

/// The result of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogComparison {
    /// The records that exist on both sides are equal; there is at least one.
    Equal,
    /// A record differs.
    Different,
    /// No record exists on both sides any more.
    NoCommonRecord,
}

/// Reads the batch that holds `offset`, or the next one; `None` if nothing at or after it can be read.
pub(crate) async fn batch_holding(
    cluster: &Cluster,
    partition: &TopicPartition,
    offset: i64,
) -> Result<Option<Batch>> {
    let read = admin::read_at(cluster, partition, offset, READ_BYTES).await?;
    Ok(read
        .batches
        .into_iter()
        .find(|batch| batch.last_offset() >= offset))
}

/// Compares the records of a target batch with the source's at the offsets that `map` returns.
///
/// Reads only the source batch that holds the last mapped record: the shift between source and target offsets never falls,
/// so the newest common record decides.
pub(crate) async fn compare(
    source: &Cluster,
    partition: &TopicPartition,
    target_batch: &Batch,
    map: impl Fn(TargetOffset) -> Option<SourceOffset>,
) -> Result<LogComparison> {
    let last = map(TargetOffset(target_batch.last_offset()));
    compare_at(source, partition, target_batch, last, map).await
}

/// Compares the records of a target batch from `first` on, as far as the source batch reaches that holds the first of them:
/// records of one target batch may be far apart on the source.
pub(crate) async fn compare_from(
    source: &Cluster,
    partition: &TopicPartition,
    target_batch: &Batch,
    first: TargetOffset,
    map: impl Fn(TargetOffset) -> Option<SourceOffset>,
) -> Result<LogComparison> {
    let onwards = |target| (target >= first).then(|| map(target)).flatten();
    compare_at(source, partition, target_batch, map(first), onwards).await
}

/// Compares with the source batch that holds the offset `at`.
async fn compare_at(
    source: &Cluster,
    partition: &TopicPartition,
    target_batch: &Batch,
    at: Option<SourceOffset>,
    map: impl Fn(TargetOffset) -> Option<SourceOffset>,
) -> Result<LogComparison> {
    let Some(at) = at else {
        return Ok(LogComparison::NoCommonRecord);
    };
    let Some(source_batch) = batch_holding(source, partition, at.get()).await? else {
        return Ok(LogComparison::NoCommonRecord);
    };
    alike(&source_batch, target_batch, map)
        .map_err(|error| unreadable(error, partition, source_batch.base_offset()))
}

fn unreadable(error: BatchError, partition: &TopicPartition, offset: i64) -> Error {
    Error::new(
        Kind::Protocol,
        "a batch read for comparison cannot be decoded",
    )
    .partition(partition)
    .offset(offset)
    .caused_by(error)
}

/// Compares every record of the target batch whose source offset lies in the source batch.
pub(crate) fn alike(
    source: &Batch,
    target: &Batch,
    map: impl Fn(TargetOffset) -> Option<SourceOffset>,
) -> Result<LogComparison, BatchError> {
    if source.header().attributes.is_control() {
        // Where the source has a marker, nothing was mirrored from it.
        let held = source.base_offset()..source.next_offset();
        let mut ours = (target.base_offset()..target.next_offset()).map(TargetOffset);
        let stands_there = |our| map(our).is_some_and(|wanted| held.contains(&wanted.get()));
        return Ok(if ours.any(stands_there) {
            LogComparison::Different
        } else {
            LogComparison::NoCommonRecord
        });
    }
    let mut comparison = LogComparison::NoCommonRecord;
    let (theirs, ours) = (source.records()?, target.records()?);
    let mut theirs = theirs.iter();
    let mut next_theirs = theirs.next().transpose()?;
    for our in &ours {
        let our = our?;
        let Some(wanted) = map(TargetOffset(our.offset)) else {
            continue;
        };
        while next_theirs
            .as_ref()
            .is_some_and(|their| their.offset < wanted.get())
        {
            next_theirs = theirs.next().transpose()?;
        }
        let Some(their) = next_theirs.as_ref().filter(|it| it.offset == wanted.get()) else {
            continue;
        };
        if their.timestamp != our.timestamp || their.content != our.content {
            return Ok(LogComparison::Different);
        }
        comparison = LogComparison::Equal;
    }
    Ok(comparison)
}
